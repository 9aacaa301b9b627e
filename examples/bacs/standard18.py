"""Synthetic BACS Standard 18 files: labels, debits, credits, the contra that balances them, and totals.

Labels have 80 characters, data records 100; where each has a processing day of its own (a file of the kind
MULTI), 106. The README names the descriptions that the places come from. Nobody's account is in here: sort
codes start with 00, which no bank has.
"""

from __future__ import annotations

import dataclasses
import datetime
import random
import sys
from dataclasses import dataclass
from pathlib import Path

DEBIT, CREDIT = "17", "99"
#: Direct debit instructions: to set one up, to cancel one, to convert one that was set up on paper.
NEW, CANCEL, CONVERT = INSTRUCTIONS = "0N", "0C", "0S"
_LABEL = 80
#: Whose file it is: service user number, name, sort code and account.
_USER, _NAME, _SORT_CODE, _ACCOUNT = "123456", "DEPT OF EXAMPLES", "000000", "12345678"
#: Days after which the file may be overwritten.
_KEPT = datetime.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Item:
    """One payment, or the contra: a data record.

    Attributes:
        reference: what the receiver's statement shows.
        code: of the transaction: 99 pays, 17 collects, `INSTRUCTIONS` move no money.
        pence: the amount; 0 of an instruction.
        day: the processing day, in files where each record has its own.
    """

    reference: str
    code: str
    pence: int
    sort_code: str = "000001"
    account: str = "00000001"
    name: str = "A PAYEE"
    day: datetime.date | None = None

    def line(self) -> str:
        """Return the record: 100 characters, or 106 with a day."""
        to = f"{self.sort_code:6}{self.account:8}0{self.code:2}"
        sender = f"{_SORT_CODE:6}{_ACCOUNT:8}{'':4}"
        words = f"{_NAME:18.18}{self.reference:18.18}{self.name:18.18}"
        return f"{to}{sender}{self.pence:011}{words}{_julian(self.day) if self.day else ''}"


def standard18(items: list[Item], day: datetime.date, serial: str = "000001", *, multi: bool = False) -> str:
    """Return a file: labels, the items, one contra that balances payments, and the totals of all.

    Args:
        items: the payments; with `multi` each gets its own processing day.
        day: when the file was made, and (without `multi`) when it is processed.
        serial: of the submission; unique on its day.
        multi: whether records have days of their own.
    """
    balance = sum(i.pence if i.code == CREDIT else -i.pence for i in items)
    instructions = sum(i.code in INSTRUCTIONS for i in items)
    contra = Item("CONTRA", DEBIT if balance > 0 else CREDIT, abs(balance), _SORT_CODE, _ACCOUNT, _NAME)
    # Where no money moves there is nothing to balance.
    held = [*items, contra] if len(items) > instructions else items
    records = [dataclasses.replace(i, day=i.day or day) if multi else i for i in held]
    name = f"A{_USER}S  1{_USER}{serial:6}00010001{'':6}{_julian(day)}{_julian(day + _KEPT)}"
    form = f"F02000{'00106' if multi else '00100'}"
    processed = f"{'':6}" if multi else _julian(day)
    work = "4 MULTI  " if multi else "1 DAILY  "
    debits, credits = ([i.pence for i in records if i.code == code] for code in (DEBIT, CREDIT))
    totals = f"{sum(debits):013}{sum(credits):013}{len(debits):07}{len(credits):07}{'':8}{instructions:07}"
    lines = [
        f"VOL1{serial:6}{'':31}{_USER}{'':32}1",
        f"HDR1{name}",
        f"HDR2{form}",
        f"UHL1{processed}999999{'':4}00000000{work}001",
        *(item.line() for item in records),
        f"EOF1{name}",
        f"EOF2{form}",
        f"UTL1{totals}",
    ]
    return "".join(f"{line:{_LABEL}}\n" for line in lines)


def _julian(day: datetime.date) -> str:
    """Return a date as labels and records have it: a blank, the year's two digits, the day of the year."""
    return f" {day:%y%j}"


def main() -> None:
    """Write a file of some payments to the path given."""
    chance = random.Random(18)
    items = [Item(f"AWARD {n:06}", CREDIT, chance.randrange(1, 10**6)) for n in range(100)]
    items += [Item(f"RENT {n:06}", code, 0) for n, code in enumerate(INSTRUCTIONS)]
    Path(sys.argv[1]).write_text(standard18(items, datetime.date(2026, 11, 24)))


if __name__ == "__main__":
    main()
