"""Random Avro schemas of the shapes that legacy records have, and random rows for them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from schemas.codec.branches import branch_name, distinguishable
from schemas.symbols import enum_type

Case = tuple[Any, st.SearchStrategy[Any]]

_LONG = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, -1, 63, 64, -64, -65, 2**63 - 1, -(2**63)])
_INT = st.integers(-(2**31), 2**31 - 1)
_TEXT = st.text(max_size=6) | st.sampled_from(["", "é", "\x1f", "x" * 70, "𝄞" * 40])
_BYTES = st.binary(max_size=6) | st.sampled_from([b"", b"\xff" * 90])
_FLOAT32 = st.floats(width=32, allow_nan=False)
_DOUBLE = st.floats(allow_nan=False)


def _moment(unit: int) -> st.SearchStrategy[datetime]:
    zero = datetime(1, 1, 2, tzinfo=UTC)
    return st.integers(0, 9000 * 365 * 86400 * 10**6 // unit).map(
        lambda n: zero + timedelta(microseconds=n * unit)
    )


def _clock(milliseconds: int) -> time:
    return (datetime(2000, 1, 1) + timedelta(milliseconds=milliseconds)).time()


_PLAIN: list[Case] = [
    ("boolean", st.booleans()),
    ("int", _INT),
    ("long", _LONG),
    ("float", _FLOAT32),
    ("double", _DOUBLE),
    ("string", _TEXT),
    ("bytes", _BYTES),
    ({"type": "int", "logicalType": "date"}, st.dates(date(1, 1, 1))),
    ({"type": "int", "logicalType": "time-millis"}, st.integers(0, 86_399_999).map(_clock)),
    ({"type": "long", "logicalType": "time-micros"}, st.times()),
    ({"type": "long", "logicalType": "timestamp-millis"}, _moment(1000)),
    ({"type": "long", "logicalType": "timestamp-micros"}, _moment(1)),
]  # fmt: skip


def _longer_in_fastavro(n: int) -> bool:
    """Return whether n is -128, -32768…: fastavro writes a byte more than it takes (test_codec tells)."""
    return n < 0 and (-n).bit_length() % 8 == 0 and -n & (-n - 1) == 0


@st.composite
def decimals(draw: st.DrawFn) -> Case:
    """Decimals on bytes, or on a fixed that is wide enough."""
    precision = draw(st.sampled_from([1, 2, 9, 18, 19, 20, 31, 38]))
    scale = draw(st.integers(0, precision))
    limit = 10**precision - 1
    numbers = st.integers(-limit, limit) | st.sampled_from([0, -1, limit, -limit])
    numbers = numbers.filter(lambda n: not _longer_in_fastavro(n))
    kind: dict[str, Any] = {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
    if draw(st.booleans()):
        kind |= {"type": "fixed", "size": draw(st.integers(16, 18)), "name": draw(names())}
    return kind, numbers.map(lambda n: Decimal((n < 0, tuple(map(int, str(abs(n)))), -scale)))


_counter = iter(range(10**9))


@st.composite
def names(draw: st.DrawFn) -> str:
    """Names that no other type has."""
    draw(st.just(0))
    return f"N{next(_counter)}"


@st.composite
def named(draw: st.DrawFn) -> Case:
    """Enums and fixed."""
    if draw(st.booleans()):
        codes = draw(st.lists(st.sampled_from(["A", "B", "01", "N/A", ""]), min_size=1, unique=True))
        kind = enum_type(draw(names()), codes)
        assert kind is not None
        return kind, st.sampled_from(codes)
    size = draw(st.integers(1, 5))
    return {"type": "fixed", "name": draw(names()), "size": size}, st.binary(min_size=size, max_size=size)


@st.composite
def unions(draw: st.DrawFn) -> Case:
    """Two to four types that their values tell apart, in any order, and null or not."""
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 1}
    kinds: list[Case] = [
        ("boolean", st.booleans()),
        draw(st.sampled_from([("int", _INT), ("long", _LONG)])),
        ("double", _DOUBLE),
        (decimal, st.integers(0, 99).map(lambda n: Decimal(n) / 10)),
        ({"type": "long", "logicalType": "timestamp-millis"}, _moment(1000)),
        ({"type": "int", "logicalType": "date"}, st.dates(date(1, 1, 1))),
        draw(st.sampled_from([("string", _TEXT), draw(named())])),
    ]
    places = sorted(draw(st.sets(st.integers(0, 6), min_size=2, max_size=4)))
    picked = [kinds[i] for i in draw(st.permutations(places))]
    assume(distinguishable([kind for kind, _ in picked]))
    columns = [branch_name(kind) for kind, _ in picked]
    rows = st.one_of([_only(columns, i, values) for i, (_, values) in enumerate(picked)])
    branches = [kind for kind, _ in picked]
    if draw(st.booleans()):
        branches.insert(draw(st.integers(0, len(branches))), "null")
        rows = st.none() | rows
    return branches, rows


def _only(columns: list[Any], which: int, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values.map(lambda value: {c: value if i == which else None for i, c in enumerate(columns)})


@st.composite
def values(draw: st.DrawFn, depth: int) -> Case:
    """Any type; nested while `depth` lasts."""
    choice = draw(st.integers(0, 9))
    if choice == 0 and depth:
        case: Case = draw(records(depth - 1))
    elif choice == 1 and depth:
        kind, rows = draw(values(depth - 1))
        case = {"type": "array", "items": kind}, st.lists(rows, max_size=3)
    elif choice == 2:
        case = draw(decimals())
    elif choice == 3:
        case = draw(named())
    elif choice == 4:
        return draw(unions())
    else:
        case = draw(st.sampled_from(_PLAIN))
    if draw(st.booleans()):
        kind = ["null", case[0]] if draw(st.booleans()) else [case[0], "null"]
        return kind, st.none() | case[1]
    return case


@st.composite
def records(draw: st.DrawFn, depth: int = 2) -> Case:
    """A record of up to five fields."""
    fields = [draw(values(depth)) for _ in range(draw(st.integers(1, 5)))]
    schema = {
        "type": "record",
        "name": draw(names()),
        "fields": [{"name": f"f{i}", "type": kind} for i, (kind, _) in enumerate(fields)],
    }
    return schema, st.fixed_dictionaries({f"f{i}": rows for i, (_, rows) in enumerate(fields)})


@st.composite
def batches(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A record schema and up to eight rows."""
    schema, rows = draw(records())
    return schema, draw(st.lists(rows, max_size=8))
