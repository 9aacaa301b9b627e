"""One field of a record: storage, declared date and sentinels together; by column and, as twin, singly."""

from __future__ import annotations

import datetime
from decimal import Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import CodePage, translate
from adapters.batch.columns import Column
from adapters.batch.conditions import NOT_NAMED, is_named, named
from adapters.batch.kernels.column import column as kernel
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.moments import MomentFormat
from adapters.batch.reference import PADDING, BadValueError, Trim, Value, decode_value
from adapters.batch.stamps import each, stamps

_EPOCH = datetime.date(1970, 1, 1).toordinal()
#: COBOL figurative constants that a sentinel may name: the byte that fills the item.
FIGURATIVE = {"LOW-VALUES": 0x00, "HIGH-VALUES": 0xFF}


def value(raw: bytes, column: Column, page: CodePage, trim: Trim) -> Value | datetime.date | None:
    """Return one occurrence's value, None for a sentinel. The twin of `array`.

    Raises:
        BadValueError: the bytes are no value of the item.
    """
    assert column.storage is not None
    page = column.page or page
    if any(raw == bytes([fill]) * len(raw) for fill in fills(column, page)):
        return None
    decoded = decode_value(raw, column.storage, page, trim)
    if decoded is None:
        return None
    if any(_same(decoded, sentinel) for sentinel in column.sentinels):
        return None
    if column.named and not is_named(raw, decoded, column.named, column.storage, page):
        raise BadValueError(NOT_NAMED)
    form = column.date or column.moment
    if form is None:
        return decoded
    if not isinstance(decoded, str):
        return form.value(f"{decoded:0{len(form.text)}}")
    whole = str(decode_value(raw, column.storage, page, "none"))
    return form.value(whole.lstrip(PADDING) if column.storage.justified else whole.rstrip(PADDING))


def array(view: npt.NDArray[np.uint8], column: Column, page: CodePage, trim: Trim) -> tuple[pa.Array, Bools]:
    """Return the Arrow array of n occurrences and the mask of bad ones, from (n, length) bytes."""
    storage = column.storage
    assert storage is not None
    page = column.page or page
    values, bad = kernel(view, storage, page, trim)
    null: Bools = np.zeros(len(view), np.bool_)
    if values.null_count:
        null |= values.is_null().to_numpy(zero_copy_only=False)
        values = values.fill_null(pa.scalar(_nothing(values.type), values.type))
    for fill in fills(column, page):
        null |= (view == fill).all(axis=1)
    if wanted := _typed(column, values.type):
        null |= pc.is_in(values, pa.array(wanted, values.type)).to_numpy(zero_copy_only=False) & ~bad
    if column.named:
        bad = bad | ~named(view, values, column.named, storage, page)
    if column.date is not None:
        days, no_date = _days(view, values, column, page)
        bad = bad | no_date
        values = pa.array(days).cast(pa.date32())
    if column.moment is not None:
        at, no_moment = stamps(view, values, column.moment, storage, page)
        bad = bad | no_moment
        values = _timed(at, column.moment)
    bad = bad & ~null
    if null.any():
        values = pc.if_else(pa.array(null), pa.scalar(None, values.type), values)
    return values, bad


def fills(column: Column, page: CodePage) -> list[int]:
    """Return the bytes that, filling the item, mean nothing."""
    table = FIGURATIVE | {"SPACES": page.space}
    return [table[s.upper()] for s in column.sentinels if s.upper() in table]


def _same(decoded: Value, sentinel: str) -> bool:
    if isinstance(decoded, str):
        return decoded == sentinel
    number = _number(sentinel)
    return number is not None and decoded == number


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _typed(column: Column, kind: pa.DataType) -> list[str | int | float | Decimal]:
    """Return the sentinels that a value of this Arrow type can equal."""
    if pa.types.is_string(kind):
        return list(column.sentinels)
    numbers = [n for s in column.sentinels if (n := _number(s)) is not None]
    if pa.types.is_decimal(kind):
        return [
            n
            for n in numbers
            if n == round(n, kind.scale) and abs(n) < Decimal(10) ** (kind.precision - kind.scale)
        ]
    if pa.types.is_floating(kind):
        return [float(n) for n in numbers if Decimal(float(n)) == n]
    limit = 2 ** (kind.bit_width - 1)
    return [int(n) for n in numbers if n == int(n) and -limit <= n < limit]


def _days(
    view: npt.NDArray[np.uint8], values: pa.Array, column: Column, page: CodePage
) -> tuple[npt.NDArray[np.int32], Bools]:
    """Return the dates of n occurrences as days since 1970-01-01, and the mask of those that are none."""
    assert column.date is not None and column.storage is not None
    if not column.storage.is_text:
        return column.date.numbers(values.to_numpy(zero_copy_only=False))
    if column.storage.kind != "text":
        form, texts = column.date, kernel(view, column.storage, page, "padding")[0]
        found, bad = each(texts, lambda text: form.value(text).toordinal() - _EPOCH)
        return found.astype(np.int32), bad
    # The item may be wider than the format: the rest must be blank.
    width = len(column.date.text)
    characters = translate(page.ascii, view)
    start = max(0, view.shape[1] - width) if column.storage.justified else 0
    days, bad = column.date.characters(characters[:, start : start + width])
    if view.shape[1] > width:
        rest = np.delete(characters, slice(start, start + width), axis=1)
        bad |= ((rest != 0x20) & (rest != 0)).any(axis=1)
    return days, bad


def _timed(at: Int64s, form: MomentFormat) -> pa.Array:
    if form.micros:
        return pa.array(at).cast(pa.timestamp("us", tz="UTC"))
    return pa.array(at // 1000).cast(pa.timestamp("ms", tz="UTC"))


def _nothing(kind: pa.DataType) -> str | int | Decimal:
    """Return a value of a type, to stand where there is none."""
    return "" if pa.types.is_string(kind) else Decimal(0) if pa.types.is_decimal(kind) else 0
