"""A file of two entities and a trailer, as several tests of batch adapters need it."""

COPYBOOK = """
       01  PAY-RECORD.
           05  REC-TYPE         PIC X.
           05  BODY             PIC X(29).
           05  CLAIM REDEFINES BODY.
               10  CLAIM-NO     PIC 9(5) COMP-3.
               10  NINO         PIC X(9).
               10  AMOUNT       PIC S9(5)V99 COMP-3.
           05  PERSON REDEFINES BODY.
               10  P-NINO       PIC X(9).
               10  NAME         PIC X(20).
           05  TRAILER REDEFINES BODY.
               10  TOTAL        PIC 9(5).
"""
