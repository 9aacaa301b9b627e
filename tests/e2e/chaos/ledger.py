"""A small estate with a known truth: each day's extract is made here, byte by byte, without our codec."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

COPYBOOK = """\
       01  LEDGER-RECORD.
           05  LEDGER-ID            PIC X(8).
           05  BALANCE              PIC S9(7)V99 COMP-3.
           05  VERSION-NO           PIC 9(6).
           05  STATE-CODE           PIC X(4).
"""
RECORD_LENGTH = 8 + 5 + 6 + 4

Row = tuple[int, int, str]  # balance in pence, version number, state code


@dataclass
class Ledger:
    """The legacy system: rows by key, changed by a seeded generator, one extract a day."""

    seed: int
    rows: dict[str, Row] = field(default_factory=dict)
    days: list[dict[str, Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._next = 0

    def grow(self, count: int) -> None:
        """Open `count` new entries."""
        for _ in range(count):
            self.rows[f"L{self._next:07d}"] = (self._random.randrange(-(10**8), 10**8), 1, "OPEN")
            self._next += 1

    def work(self) -> None:
        """A day's business: about 6 % changed, some opened, some closed for good (deleted)."""
        for key in self._random.sample(sorted(self.rows), len(self.rows) // 16):
            balance, version, _ = self.rows[key]
            self.rows[key] = (balance + self._random.randrange(-500, 500), version + 1, "LIVE")
        for key in self._random.sample(sorted(self.rows), len(self.rows) // 60):
            del self.rows[key]
        self.grow(self._random.randrange(20, 60))

    def extract(self, inbox: Path) -> Path:
        """Write the day's full extract, in one rename, and remember the day."""
        self.days.append(dict(self.rows))
        day = len(self.days)
        path = inbox / f"LEDGER.{20260000 + day:08d}.dat"
        hidden = inbox / f".{path.name}"
        hidden.write_bytes(b"".join(record(key, row) for key, row in sorted(self.rows.items())))
        hidden.rename(path)
        return path


def record(key: str, row: Row) -> bytes:
    """One EBCDIC record (code page 037), packed decimal by hand."""
    balance, version, state = row
    packed = f"{abs(balance):09d}{'d' if balance < 0 else 'c'}"
    return key.encode("cp037") + bytes.fromhex(packed) + f"{version:06d}{state:<4}".encode("cp037")


def write_estate(folder: Path, *, bootstrap: str, registry: str, prefix: str) -> Path:
    """Write the estate's files; return the adapter's inbox."""
    adapter = folder / "adapters" / "ledger"
    (adapter / "inbox").mkdir(parents=True)
    (folder / "projections").mkdir()
    (folder / "banyan.toml").write_text(
        f'prefix = "{prefix}"\nbootstrap = "{bootstrap}"\n[registry]\nurl = "{registry}"\n'
    )
    (adapter / "ledger.cpy").write_text(COPYBOOK)
    (adapter / "adapter.toml").write_text(
        'kind = "batch"\nname = "ledger"\nsystem = "books"\nentity = "entry"\nkey = ["LEDGER-ID"]\n'
        'folder = "inbox"\narchive = "archive"\npattern = "LEDGER.*.dat"\ncopybook = "ledger.cpy"\n'
        'code_page = "cp037"\nframing = "fixed"\nevery_seconds = 0.2\nmin_age_seconds = 0\n'
    )
    (folder / "projections" / "entry.py").write_text(
        '"""Rows of the ledger."""\n\nfrom streams.projection import row_projection\n\n'
        'entry = row_projection(name="entry", version=1, source="books.entry", collection="entries")\n'
    )
    return adapter / "inbox"
