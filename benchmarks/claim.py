"""The narrow record of the batch benchmarks: ten fields in 63 bytes, as benefit systems have them."""

from __future__ import annotations

COPYBOOK = """\
       01  CLAIM-RECORD.
           05  CLAIM-ID        PIC 9(9) COMP.
           05  NINO            PIC X(9).
           05  SURNAME         PIC X(14).
           05  FORENAME        PIC X(10).
           05  BORN            PIC 9(8).
           05  BENEFIT         PIC X(3).
           05  WEEKLY-AMT      PIC S9(7)V99 COMP-3.
           05  ARREARS         PIC S9(7)V99 COMP-3.
           05  START-DATE      PIC S9(7) COMP-3.
           05  STATUS-CD       PIC X.
"""
