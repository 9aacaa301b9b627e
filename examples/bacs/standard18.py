"""Synthetic BACS Standard 18 files: labels, debits, credits, the contra that balances them, and totals.

The record layouts are those of the published Standard 18 format: labels of 80 characters, data records of
100. Nobody's account is in here; sort codes start with 00, which no bank has.
"""

from __future__ import annotations

import datetime
import random
import sys
from dataclasses import dataclass
from pathlib import Path

DEBIT, CREDIT = "17", "99"
_LABEL = 80


@dataclass(frozen=True, slots=True)
class Item:
    """One payment, or the contra: a data record of 100 characters."""

    reference: str
    code: str
    pence: int
    sort_code: str = "000001"
    account: str = "00000001"
    name: str = "A PAYEE"

    def line(self) -> str:
        """Return the record."""
        return (
            f"{self.sort_code:6}{self.account:8}0{self.code:2}" + f"{'000000':6}{'12345678':8}{'':4}"
            f"{self.pence:011}{'DEPT OF EXAMPLES':18}{self.reference:18}{self.name:18}"
        )


def standard18(items: list[Item], day: datetime.date, serial: str = "000001") -> str:
    """Return a file: labels, the items, one contra that balances them, and the totals of all."""
    balance = sum(i.pence if i.code == CREDIT else -i.pence for i in items)
    contra = Item("CONTRA", DEBIT if balance > 0 else CREDIT, abs(balance), "000000", "12345678")
    everything = [*items, contra]
    julian = f" {day:%y%j}"
    debits = [i.pence for i in everything if i.code == DEBIT]
    credits = [i.pence for i in everything if i.code == CREDIT]
    labels = [f"VOL1{serial:6}", f"HDR1A123456S  1{serial:6}", "HDR2F0200000100", f"UHL1{julian}999999    00"]
    ends = [f"EOF1A123456S  1{serial:6}", "EOF2F0200000100"]
    totals = f"UTL1{sum(debits):013}{sum(credits):013}{len(debits):07}{len(credits):07}"
    lines = [f"{label:{_LABEL}}" for label in labels] + [item.line() for item in everything]
    return "\n".join([*lines, *(f"{end:{_LABEL}}" for end in ends), f"{totals:{_LABEL}}"]) + "\n"


def main() -> None:
    """Write a file of some payments to the path given."""
    chance = random.Random(18)
    items = [Item(f"AWARD {n:06}", CREDIT, chance.randrange(1, 10**6)) for n in range(100)]
    Path(sys.argv[1]).write_text(standard18(items, datetime.date(2026, 11, 24)))


if __name__ == "__main__":
    main()
