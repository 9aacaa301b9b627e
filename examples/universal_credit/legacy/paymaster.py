"""The payment mainframe's stand-in: writes the nightly EBCDIC extract of a day, always the same bytes.

Everything is invented. National Insurance numbers have the prefix QQ, which is never issued.

    python paymaster.py --day 1 --to FOLDER
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.batch.codec import RecordCodec

COPYBOOK = Path(__file__).parent.parent / "adapters" / "awards" / "awards.cpy"
CLAIMANTS = 2_000
#: The business date of each day's file.
DATES = {1: "20261102", 2: "20261103"}

_GIVEN = "Ada Bayo Carys Dilip Erin Farah Gethin Hana Iona Jamal Kasia Lewis Mina Niall Olwen Rhian".split()  # noqa: SIM905
_FAMILY = "Abara Begum Clarke Davies Evans Fraser Gill Hughes Iqbal Jones Khan Lewis Nowak".split()  # noqa: SIM905
_TOWNS = ["AB", "B", "CF", "EH", "G", "L", "LS", "M", "NE", "SW"]


@dataclass(frozen=True, slots=True)
class Claimant:
    """One person whom the mainframe pays."""

    nino: str
    full_name: str
    birth_date: str
    postcode: str
    pay_method: str
    debt_balance: Decimal


@dataclass(frozen=True, slots=True)
class Award:
    """One award; three last payments as (yyyymmdd or 00000000, amount)."""

    claim_no: int
    nino: str
    status: str
    start_date: str
    monthly_amount: Decimal
    arrears: Decimal
    payments: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Books:
    """What the mainframe knows on one day. `spoilt`: the award whose amount cannot be read in the file."""

    claimants: dict[str, Claimant]
    awards: dict[int, Award]
    spoilt: int | None = None


def nino(number: int) -> str:
    """The invented National Insurance number of claimant `number` (from 1); casework uses the same rule."""
    return f"QQ{100_000 + number:06d}{'ABCD'[(number - 1) % 4]}"


def books(day: int) -> Books:
    """What the mainframe knows on day 1 or 2."""
    chance = random.Random(1911)
    first = Books({}, {})
    for number in range(1, CLAIMANTS + 1):
        _admit(first, number, chance)
    return first if day == 1 else _next_day(first, chance)


def truth(day: int) -> tuple[dict[str, dict[str, Any]], dict[int, dict[str, Any]]]:
    """What the API must say after day 1 or 2: claimants by NINO, awards by claim number.

    The award that is spoilt in day 2's file keeps what day 1 said.
    """
    today, before = books(day), books(1)
    awards = {n: award for n, award in today.awards.items() if n != today.spoilt}
    if today.spoilt is not None:
        awards[today.spoilt] = before.awards[today.spoilt]
    return (
        {key: _claimant_row(claimant) for key, claimant in today.claimants.items()},
        {key: _award_row(award) for key, award in awards.items()},
    )


def extract(day: int) -> bytes:
    """The day's file: claimants, awards, trailer."""
    today = books(day)
    codec = RecordCodec(COPYBOOK.read_text(encoding="utf-8"), code_page="cp285", where=str(COPYBOOK))
    records = [codec.encode(_claimant_record(c)) for c in today.claimants.values()]
    for award in today.awards.values():
        record = codec.encode(_award_record(award))
        if award.claim_no == today.spoilt:
            record = (
                record[:23] + b"\xff" + record[24:]
            )  # byte 23 starts MONTHLY-AMOUNT: no packed digit is F
        records.append(record)
    records.append(codec.encode({"REC-TYPE": "T", "TRAILER-COUNT": len(records)}))
    return b"".join(records)


def write(day: int, folder: Path) -> Path:
    """Put the day's file into `folder` under its own name, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"AWARDS.{DATES[day]}.dat"
    partial = folder / f".{target.name}.part"
    partial.write_bytes(extract(day))
    return partial.rename(target)


def _admit(into: Books, number: int, chance: random.Random) -> None:
    key = nino(number)
    into.claimants[key] = Claimant(
        nino=key,
        full_name=f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}",
        birth_date=f"{chance.randint(1950, 2007)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}",
        postcode=f"{chance.choice(_TOWNS)}{chance.randint(1, 20)} {chance.randint(1, 9)}ZZ",
        pay_method="P" if chance.random() < 0.05 else "B",
        debt_balance=_money(chance, -50_000, 0) if chance.random() < 0.2 else Decimal("0.00"),
    )
    for _ in range(chance.choice((1, 1, 1, 1, 2))):
        claim_no = 100_000_001 + len(into.awards)
        monthly = _money(chance, 20_000, 180_000)
        paid = chance.choice((3, 3, 3, 2, 1, 0))
        into.awards[claim_no] = Award(
            claim_no=claim_no,
            nino=key,
            status="S" if chance.random() < 0.03 else "L",
            start_date=f"{chance.randint(2019, 2025)}{chance.randint(1, 12):02d}01",
            monthly_amount=monthly,
            arrears=_money(chance, -20_000, 20_000) if chance.random() < 0.1 else Decimal("0.00"),
            payments=tuple(
                (f"2026{10 - i:02d}15", monthly) if i < paid else ("00000000", Decimal("0.00"))
                for i in range(3)
            ),
        )


def _next_day(first: Books, chance: random.Random) -> Books:
    claimants, awards = dict(first.claimants), dict(first.awards)
    for key in chance.sample(sorted(claimants), 25):
        claimants[key] = replace(
            claimants[key], postcode=f"{chance.choice(_TOWNS)}{chance.randint(21, 40)} 1ZZ"
        )
    numbers = chance.sample(sorted(awards), 131)
    for claim_no in numbers[:120]:
        monthly = awards[claim_no].monthly_amount + Decimal("17.23")
        paid = (("20261102", monthly), *awards[claim_no].payments[:2])
        awards[claim_no] = replace(awards[claim_no], monthly_amount=monthly, payments=paid)
    for claim_no in numbers[120:130]:
        del awards[claim_no]
    second = Books(claimants, awards, spoilt=numbers[130])
    admitted = Books({}, {})
    for number in range(CLAIMANTS + 1, CLAIMANTS + 16):
        _admit(admitted, number, chance)
    claimants |= admitted.claimants
    last = max(first.awards)
    for offset, award in enumerate(admitted.awards.values(), 1):
        awards[last + offset] = replace(award, claim_no=last + offset)
    return second


def _money(chance: random.Random, low_pence: int, high_pence: int) -> Decimal:
    return Decimal(chance.randint(low_pence, high_pence)).scaleb(-2)


def _claimant_record(claimant: Claimant) -> dict[str, Any]:
    return {
        "REC-TYPE": "C",
        "NINO": claimant.nino,
        "FULL-NAME": claimant.full_name,
        "BIRTH-DATE": claimant.birth_date,
        "POSTCODE": claimant.postcode,
        "PAY-METHOD": claimant.pay_method,
        "DEBT-BALANCE": claimant.debt_balance,
    }


def _award_record(award: Award) -> dict[str, Any]:
    return {
        "REC-TYPE": "A",
        "CLAIM-NO": award.claim_no,
        "AWARD-NINO": award.nino,
        "AWARD-STATUS": award.status,
        "START-DATE": award.start_date,
        "MONTHLY-AMOUNT": award.monthly_amount,
        "ARREARS": award.arrears,
        "LAST-PAYMENT": [{"PAY-DATE": date, "PAY-AMOUNT": amount} for date, amount in award.payments],
    }


def _claimant_row(claimant: Claimant) -> dict[str, Any]:
    return {
        "nino": claimant.nino,
        "full_name": claimant.full_name,
        "birth_date": _iso(claimant.birth_date),
        "postcode": claimant.postcode,
        "pay_method": claimant.pay_method,
        "debt_balance": str(claimant.debt_balance),
    }


def _award_row(award: Award) -> dict[str, Any]:
    return {
        "claim_no": award.claim_no,
        "nino": award.nino,
        "status": award.status,
        "start_date": _iso(award.start_date),
        "monthly_amount": str(award.monthly_amount),
        "arrears": str(award.arrears),
        "last_payments": [
            {"pay_date": _iso(date), "pay_amount": str(amount)} for date, amount in award.payments
        ],
    }


def _iso(date: str) -> str | None:
    return None if date == "00000000" else f"{date[:4]}-{date[4:6]}-{date[6:]}"


def main() -> None:
    """Write one day's file."""
    parser = argparse.ArgumentParser(description="Write the payment mainframe's nightly extract.")
    parser.add_argument("--day", type=int, choices=sorted(DATES), required=True)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    given = parser.parse_args()
    path = write(given.day, given.to)
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
