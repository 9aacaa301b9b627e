"""Values to bytes: the way back, for generators, tests and write-back. Nothing is cut off silently."""

from __future__ import annotations

import math
import struct
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.encode_edited import edited_text
from adapters.batch.overpunch import Signs
from adapters.batch.reference import EXACT
from schemas.errors import Skippable


class EncodeError(Skippable):
    """A value does not fit its item; the message names the item and the limit, never the value."""


def encode_value(value: Any, storage: Storage, page: CodePage, where: str = "") -> bytes:
    """Return the bytes of one elementary item.

    Text is padded, numbers get the preferred signs (C and D, F when unsigned). None is nothing at all:
    spaces or zero, or, where the dialect reads LOW-VALUES or spaces as null, those.

    Raises:
        EncodeError: the value has the wrong type, too many digits or characters, or a sign too many.
    """
    if value is None and storage.nullable:
        return _null(storage, page, where)
    match storage.kind:
        case "text":
            return _text(value, storage, page, where)
        case "national":
            return _national(value, storage, where)
        case "hex" if storage.pairs and page.shifts:
            return _double(value, storage, page, where)
        case "hex":
            return _hex(value, storage, where)
        case "hexfloat":
            raw = _hexfloat(_float(value, where), storage, where)
            return raw[::-1] if storage.little_endian else raw
        case "ieee":
            return _ieee(_float(value, where), storage, where)
    whole = _unscaled(value, storage, where)
    match storage.kind:
        case "packed":
            sign = "d" if whole < 0 else "c" if storage.signed else "f"
            return bytes.fromhex(f"{abs(whole):0{storage.length * 2 - 1}d}{sign}")
        case "unsigned-packed":
            return bytes.fromhex(f"{whole:0{storage.length * 2}d}")
        case "binary":
            return _binary(whole, storage, where)
    if storage.utf16:
        page = CodePage.named("ascii")
    if storage.edited is not None:
        raw = page.encode(edited_text(whole, storage.edited, storage.blank_when_zero))
    else:
        raw = _zoned(whole, storage, page)
    return _widened(raw, storage) if storage.utf16 else raw


def blank_value(storage: Storage, page: CodePage) -> bytes:
    """Return the bytes of an item that was given no value: spaces or zero."""
    if storage.kind == "hex" and not (storage.pairs and page.shifts):
        return bytes(storage.length)
    return encode_value("" if storage.is_text else 0, storage, page)


def _null(storage: Storage, page: CodePage, where: str) -> bytes:
    """Return bytes that the dialect reads as null; a binary has none."""
    # LOW-VALUES are the number 0 in binary items and in those packed without a sign.
    by_number = storage.kind in ("zoned", "packed", "edited")
    if storage.nul_is_null or (storage.nul == "null" and by_number):
        return bytes(storage.length)
    if by_number and "9" in (storage.edited.symbols if storage.edited else "9"):
        return (
            " ".encode(_codec(storage)) * (storage.length // 2)
            if storage.utf16
            else bytes([page.space]) * storage.length
        )
    raise EncodeError("the item has no bytes that mean null", where=where)


def _text(value: Any, storage: Storage, page: CodePage, where: str) -> bytes:
    try:
        raw = page.encode("" if value is None else str(value))
    except ValueError:
        raise EncodeError(f"a character is not in code page {page.name}", where=where) from None
    return _padded(raw, storage, bytes([page.space]), "X", where)


def _double(value: Any, storage: Storage, page: CodePage, where: str) -> bytes:
    try:
        raw = page.as_pairs("" if value is None else str(value))
    except ValueError:
        raise EncodeError(f"a character is no pair of bytes in {page.name}", where=where) from None
    return _padded(raw, storage, page.as_pairs("\u3000"), "G", where)


def _national(value: Any, storage: Storage, where: str) -> bytes:
    codec = _codec(storage)
    try:
        raw = ("" if value is None else str(value)).encode(codec)
    except ValueError:
        raise EncodeError("half of a surrogate pair is no character", where=where) from None
    return _padded(raw, storage, " ".encode(codec), "N", where)


def _padded(raw: bytes, storage: Storage, pad: bytes, symbol: str, where: str) -> bytes:
    if len(raw) > storage.length:
        count, limit = len(raw) // len(pad), storage.length // len(pad)
        raise EncodeError(f"{count} characters do not fit PIC {symbol}({limit})", where=where)
    fill = pad * ((storage.length - len(raw)) // len(pad))
    return fill + raw if storage.justified else raw + fill


def _hex(value: Any, storage: Storage, where: str) -> bytes:
    try:
        raw = bytes.fromhex(str(value)) if value else bytes(storage.length)
    except ValueError:
        raise EncodeError("the value is no hexadecimal text", where=where) from None
    if len(raw) != storage.length:
        raise EncodeError(f"{len(raw)} bytes for an item of {storage.length}", where=where)
    return raw


def _binary(whole: int, storage: Storage, where: str) -> bytes:
    try:
        return whole.to_bytes(
            storage.length, "little" if storage.little_endian else "big", signed=storage.signed
        )
    except OverflowError:
        raise EncodeError(f"the value does not fit {storage.length} bytes", where=where) from None


def _zoned(whole: int, storage: Storage, page: CodePage) -> bytes:
    raw = _digits(whole, storage, page)
    if storage.point is None:
        return raw
    return raw[: storage.point] + page.encode(".") + raw[storage.point :]


def _digits(whole: int, storage: Storage, page: CodePage) -> bytes:
    if storage.blank_when_zero and not whole:
        return bytes([page.space]) * (storage.digits + storage.sign_separate)
    raw = bytearray(page.encode(f"{abs(whole):0{storage.digits}d}"))
    if not storage.signed:
        return bytes(raw)
    if storage.sign_separate:
        sign = page.encode("-" if whole < 0 else "+")
        return sign + bytes(raw) if storage.sign_leading else bytes(raw) + sign
    at = 0 if storage.sign_leading else -1
    signs = Signs.of(page, storage.overpunch, storage.strict)
    raw[at] = (signs.minus if whole < 0 else signs.plus)[int(page.digit[raw[at]])]
    return bytes(raw)


def _widened(raw: bytes, storage: Storage) -> bytes:
    return raw.decode("ascii").encode(_codec(storage))


def _codec(storage: Storage) -> str:
    return "utf-16-le" if storage.little_endian else "utf-16-be"


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
