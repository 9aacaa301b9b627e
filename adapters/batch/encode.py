"""Values to bytes: the way back, for generators, tests and write-back. Nothing is cut off silently."""

from __future__ import annotations

import math
import struct
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.reference import EXACT
from schemas.errors import Skippable


class EncodeError(Skippable):
    """A value does not fit its item; the message names the item and the limit, never the value."""


def encode_value(value: Any, storage: Storage, page: CodePage, where: str = "") -> bytes:
    """Return the bytes of one elementary item.

    Text is padded, numbers get the preferred signs (C and D, F when unsigned).

    Raises:
        EncodeError: the value has the wrong type, too many digits or characters, or a sign too many.
    """
    if storage.kind == "text":
        return _text(value, storage, page, where)
    if storage.kind in ("hexfloat", "ieee"):
        number = _float(value, where)
        return (
            _hexfloat(number, storage, where) if storage.kind == "hexfloat" else _ieee(number, storage, where)
        )
    whole = _unscaled(value, storage, where)
    if storage.kind == "packed":
        sign = "d" if whole < 0 else "c" if storage.signed else "f"
        return bytes.fromhex(f"{abs(whole):0{storage.length * 2 - 1}d}{sign}")
    if storage.kind == "binary":
        try:
            return whole.to_bytes(
                storage.length, "little" if storage.little_endian else "big", signed=storage.signed
            )
        except OverflowError:
            raise EncodeError(f"the value does not fit {storage.length} bytes", where=where) from None
    return _zoned(whole, storage, page)


def blank_value(storage: Storage, page: CodePage) -> bytes:
    """Return the bytes of an item that was given no value: spaces or zero."""
    return encode_value("" if storage.kind == "text" else 0, storage, page)


def _text(value: Any, storage: Storage, page: CodePage, where: str) -> bytes:
    try:
        raw = page.encode("" if value is None else str(value))
    except ValueError:
        raise EncodeError(f"a character is not in code page {page.name}", where=where) from None
    if len(raw) > storage.length:
        raise EncodeError(f"{len(raw)} characters do not fit PIC X({storage.length})", where=where)
    pad = bytes([page.space])
    return raw.rjust(storage.length, pad) if storage.justified else raw.ljust(storage.length, pad)


def _zoned(whole: int, storage: Storage, page: CodePage) -> bytes:
    raw = bytearray(page.encode(f"{abs(whole):0{storage.digits}d}"))
    if not storage.signed:
        return bytes(raw)
    negative = int(whole < 0)
    if storage.sign_separate:
        sign = page.encode("-" if negative else "+")
        return sign + bytes(raw) if storage.sign_leading else bytes(raw) + sign
    at = 0 if storage.sign_leading else -1
    digit = int(page.digit[raw[at]])
    if page.digit[0xF0] == 0:
        raw[at] = (0xD0 if negative else 0xC0) | digit
    else:
        raw[at] = ord(("}JKLMNOPQR" if negative else "{ABCDEFGHI")[digit])
    return bytes(raw)


def _unscaled(value: Any, storage: Storage, where: str) -> int:
    """Return the integer that is stored for a value, exactly."""
    try:
        scaled = Decimal(str(0 if value is None else value)).scaleb(storage.scale, EXACT)
    except InvalidOperation:
        raise EncodeError("the value is no number", where=where) from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value(context=EXACT):
        raise EncodeError(f"the value has more than {max(storage.scale, 0)} decimals", where=where)
    whole = int(scaled)
    if abs(whole) >= 10**storage.digits and not storage.full_range:
        raise EncodeError(f"the value has more than {storage.digits} digits", where=where)
    if whole < 0 and not storage.signed:
        raise EncodeError("a negative value for an unsigned item", where=where)
    return whole


def _float(value: Any, where: str) -> float:
    try:
        return float(0 if value is None else value)
    except (TypeError, ValueError):
        raise EncodeError("the value is no number", where=where) from None


def _ieee(value: float, storage: Storage, where: str) -> bytes:
    order = "<" if storage.little_endian else ">"
    try:
        return struct.pack(order + ("f" if storage.length == 4 else "d"), value)
    except OverflowError:
        raise EncodeError("the value is too large for a 4-byte float", where=where) from None


def _hexfloat(value: float, storage: Storage, where: str) -> bytes:
    bits = storage.length * 8 - 8
    if not math.isfinite(value):
        raise EncodeError("the value is not finite", where=where)
    if not value:
        return bytes(storage.length)
    mantissa, exponent = math.frexp(abs(value))
    hexponent = -(-exponent // 4)
    fraction = round(math.ldexp(mantissa, bits + exponent - 4 * hexponent))
    if fraction >> bits:
        fraction, hexponent = fraction >> 4, hexponent + 1
    small = 4 * (-64 - hexponent)
    if 0 < small < bits and fraction % (1 << small) == 0:  # with leading zeros it still fits
        fraction, hexponent = fraction >> small, -64
    if not -64 <= hexponent <= 63:
        raise EncodeError("the value is outside hexadecimal floating point", where=where)
    head = (0x80 if value < 0 else 0) | (hexponent + 64)
    return bytes([head]) + fraction.to_bytes(storage.length - 1, "big")
