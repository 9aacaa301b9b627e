      *----------------------------------------------------------------*
      * PAYMASTER NIGHTLY EXTRACT. CODE PAGE 285, FIXED LENGTH 120.    *
      * ONE RECORD A CLAIMANT, ONE RECORD AN AWARD, ONE TRAILER.       *
      *----------------------------------------------------------------*
       01  PAYMASTER-RECORD.
           05  REC-TYPE                     PIC X(01).
               88  REC-IS-CLAIMANT          VALUE 'C'.
               88  REC-IS-AWARD             VALUE 'A'.
               88  REC-IS-TRAILER           VALUE 'T'.
           05  REC-BODY                     PIC X(119).
           05  CLAIMANT-DATA REDEFINES REC-BODY.
               10  NINO                     PIC X(09).
               10  FULL-NAME                PIC X(40).
               10  BIRTH-DATE               PIC 9(08).
               10  POSTCODE                 PIC X(08).
               10  PAY-METHOD               PIC X(01).
                   88  PAID-BY-BANK         VALUE 'B'.
                   88  PAID-BY-POST-OFFICE  VALUE 'P'.
               10  DEBT-BALANCE             PIC S9(07)V99.
               10  FILLER                   PIC X(44).
           05  AWARD-DATA REDEFINES REC-BODY.
               10  CLAIM-NO                 PIC 9(09) COMP.
               10  AWARD-NINO               PIC X(09).
               10  AWARD-STATUS             PIC X(01).
                   88  AWARD-LIVE           VALUE 'L'.
                   88  AWARD-SUSPENDED      VALUE 'S'.
               10  START-DATE               PIC 9(08).
               10  MONTHLY-AMOUNT           PIC S9(07)V99 COMP-3.
               10  ARREARS                  PIC S9(07)V99.
               10  LAST-PAYMENT OCCURS 3 TIMES.
                   15  PAY-DATE             PIC 9(08).
                   15  PAY-AMOUNT           PIC S9(07)V99 COMP-3.
               10  FILLER                   PIC X(44).
           05  TRAILER-DATA REDEFINES REC-BODY.
               10  TRAILER-COUNT            PIC 9(09).
               10  FILLER                   PIC X(110).
