"""GnuCOBOL as oracle: offsets, lengths and values are what its programs make, by USAGE, SYNC and sign."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Slot, Storage, layouts, parse
from adapters.batch.dialect import PROFILES, Dialect
from adapters.batch.encode import encode_value
from adapters.batch.reference import decode_value

ORACLE = Path(__file__).parent / "oracle"
ANSWERS = json.loads((ORACLE / "gnucobol.json").read_text())
ASCII = CodePage.named("ascii")
#: Text as a MOVE of it leaves it in the items of the oracle that are text.
TEXTS = {"PIC XXBXX/XX": {"ABCDEF": "AB CD/EF", "A": "A    /"}}


def dialect(options: dict[str, Any]) -> Dialect:
    return dataclasses.replace(PROFILES["gnucobol"], edited="number", **options)


def known_difference(case: dict[str, Any], options: dict[str, Any]) -> bool:
    """Under 2-4-8 GnuCOBOL's COMP-5 items of one or two digits are one byte all the same."""
    few = any(f"9({digits}) COMP-5" in case["clauses"] for digits in (1, 2))
    return options.get("binary_sizes") == "2-4-8" and few


def disagreement(case: dict[str, Any], options: dict[str, Any]) -> str | None:
    """Return what we say otherwise than the compiler, None where we agree."""
    clauses = case["clauses"]
    text = f"01 R. 05 X PIC X. 05 T OCCURS 2. 10 B PIC X. 10 I {clauses}. 05 Z PIC X."
    (layout,) = layouts(parse(text), dialect(options))
    slots: dict[str, Slot] = {slot.path: slot for slot in layout.record.walk()}
    item, table = slots["T.I"], slots["T"]
    places = [item.offset, item.offset + table.length]
    if (layout.length, places) != (case["length"], case["offsets"]):
        return f"{clauses}: {layout.length} {places}, not {case['length']} {case['offsets']}"
    assert item.storage is not None
    raw = bytes.fromhex(case["record"])
    for place, said in zip(places, case["values"], strict=bool(case["values"])):
        if item.storage.edited and abs(Decimal(said)) >= 10 ** (item.storage.digits - item.storage.scale):
            continue  # digits lost on the left: what is left there is no editing that a standard describes
        piece = raw[place : place + item.storage.length]
        wanted = moved(said, clauses, item.storage)
        if (value := decode_value(piece, item.storage, ASCII)) != wanted:
            return f"{clauses}: {value!r} for {said}, bytes {piece.hex()}"
        if (again := encode_value(wanted, item.storage, ASCII)) != piece:
            return f"{clauses}: {said} is {piece.hex()}, encoded {again.hex()}"
    return None


def moved(said: str, clauses: str, storage: Storage) -> str | Decimal:
    """Return what a MOVE leaves of a literal: numbers lose decimals, and a sign that has no place."""
    if said.startswith('"'):
        text = said.strip('"')
        return TEXTS.get(clauses, {}).get(text, text)
    number = Decimal(said)
    if storage.edited is None:
        return number
    whole = int(abs(number).scaleb(storage.scale))
    return Decimal(-whole if number < 0 and storage.signed else whole).scaleb(-storage.scale)


@pytest.mark.parametrize("run", ANSWERS["runs"], ids=lambda run: " ".join(run["flags"]) or "default")
def test_layout_and_values_are_those_of_the_compiler(run: dict[str, Any]) -> None:
    """Every recorded answer of GnuCOBOL has our offsets, lengths, values, and the bytes that we encode."""
    cases = [case for case in run["cases"] if not known_difference(case, run["options"])]
    assert len(cases) > 250
    assert [said for case in cases if (said := disagreement(case, run["options"]))] == []


@pytest.mark.skipif(not shutil.which("cobc"), reason="GnuCOBOL's compiler, cobc, is not installed")
def test_the_installed_compiler_says_the_same() -> None:
    """A program compiled now, with slack and signs in it, agrees too."""
    spec = importlib.util.spec_from_file_location("gnucobol_oracle", ORACLE / "gnucobol.py")
    assert spec is not None and spec.loader is not None
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    some = [case for case in oracle.cases() if "SYNC" in case[0] or "SIGN" in case[0] or "$" in case[0]]
    answers = oracle.ask([], some)
    assert [said for case in answers if (said := disagreement(case, {}))] == []
