"""The per-record decoder: slow, obvious, and the twin that the column kernels are tested against.

It also gives the reason of each rejected value, so the kernels need only say *that* a value is bad.
"""

from __future__ import annotations

import math
import struct
from decimal import Context, Decimal
from typing import Literal

from adapters.batch.codepage import NONE, CodePage
from adapters.batch.copybook import Storage
from adapters.batch.dialect import Trim as Trim
from adapters.batch.overpunch import Signs

Value = str | int | float | Decimal
#: Text is padded by spaces, or by LOW-VALUES where a program initialised it so.
PADDING = " \0"
#: What is no printing character, as Java's `trim` sees it.
UNPRINTED = "".join(map(chr, range(0x21)))
#: And in double-byte text by wide spaces.
WIDE = f"{PADDING}\u3000"
#: Exact for every decimal128; Python's default context would round at 28 digits.
EXACT = Context(prec=80)


class BadValueError(ValueError):
    """Bytes that are no value of their item. The message holds no data, only what is wrong with it."""


def decode_value(raw: bytes, storage: Storage, page: CodePage, trim: Trim = "padding") -> Value | None:
    """Return the value of one elementary item, None where the dialect takes the bytes as none.

    Raises:
        BadValueError: the bytes are not valid for the item.
    """
    if storage.nul_is_null and not any(raw):
        return None
    try:
        return _value(raw, storage, page, trim)
    except BadValueError:
        absent = _absent(raw, storage, page)
        if absent == "zero":
            return _scaled(0, storage)
        if absent == "null" or storage.lenient:
            return None
        raise


def _absent(raw: bytes, storage: Storage, page: CodePage) -> str:
    """Return what a number that cannot be read is, if it is all spaces or all LOW-VALUES."""
    if storage.kind not in ("zoned", "packed", "edited"):
        return "reject"
    plain = _single(raw, storage) if storage.utf16 else raw
    space = 0x20 if storage.utf16 else page.space
    if plain == bytes([space]) * len(plain):
        return "zero" if storage.blank_when_zero else storage.blank
    return storage.nul if not any(raw) else "reject"


def _value(raw: bytes, storage: Storage, page: CodePage, trim: Trim) -> Value:
    match storage.kind:
        case "text":
            return trimmed(_text(raw, page), trim, justified=storage.justified)
        case "national":
            return trimmed(_national(raw, storage), trim, justified=storage.justified)
        case "hex" if storage.pairs and page.shifts:
            return _double(raw, page, trim)
        case "hex":
            return raw.hex().upper()
        case "hexfloat":
            return _hexfloat(raw[::-1] if storage.little_endian else raw)
        case "ieee":
            return _ieee(raw, storage)
    if storage.utf16:
        raw, page = _single(raw, storage), CodePage.named("ascii")
    if storage.point is not None:
        raw = _unpointed(raw, storage.point, page)
    kinds = {
        "zoned": _loose if storage.loose else _zoned, "packed": _packed, "unsigned-packed": _unsigned_packed,
        "binary": _binary, "edited": _edited,
    }  # fmt: skip
    return _scaled(kinds[storage.kind](raw, storage, page), storage)


def _scaled(number: int, storage: Storage) -> Value:
    if storage.scale > 0:
        return Decimal(number).scaleb(-storage.scale, EXACT)
    number *= 10**-storage.scale
    return number if storage.avro in ("int", "long") else Decimal(number)


def _text(raw: bytes, page: CodePage) -> str:
    try:
        return page.decode(raw)
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        raise BadValueError(f"byte 0x{byte:02X} at position {error.start + 1} is no {page.name}") from None
    except ValueError as error:
        raise BadValueError(str(error)) from None


def _double(raw: bytes, page: CodePage, trim: Trim) -> str:
    try:
        text = page.pairs(raw)
    except ValueError:
        raise BadValueError(f"bytes that are no pairs of {page.name}") from None
    return trimmed(text, trim, padding=WIDE)


def _national(raw: bytes, storage: Storage) -> str:
    try:
        return raw.decode("utf-16-le" if storage.little_endian else "utf-16-be")
    except UnicodeDecodeError as error:
        raise BadValueError(f"character {error.start // 2 + 1} is half of a surrogate pair") from None


def trimmed(text: str, trim: Trim, *, justified: bool = False, padding: str = PADDING) -> str:
    """Return a text without what is to be cut; `justified` text has its padding at the left."""
    match trim:
        case "none":
            return text
        case "all":
            return text.strip(UNPRINTED + padding)
        case "both":
            return text.strip(padding)
        case "left":
            return text.lstrip(padding)
    return text.lstrip(padding) if justified else text.rstrip(padding)


def _single(raw: bytes, storage: Storage) -> bytes:
    """Return the low bytes of UTF-16 characters; one beyond Latin-1 becomes a byte that is no digit."""
    low, high = (raw[0::2], raw[1::2]) if storage.little_endian else (raw[1::2], raw[0::2])
    return bytes(NONE if h else b for b, h in zip(low, high, strict=True))


def _unpointed(raw: bytes, point: int, page: CodePage) -> bytes:
    if raw[point : point + 1] != page.encode("."):
        raise BadValueError(f"byte 0x{raw[point]:02X} at position {point + 1} is no point")
    return raw[:point] + raw[point + 1 :]


def _zoned(raw: bytes, storage: Storage, page: CodePage) -> int:
    if raw == bytes([page.space]) * len(raw):
        raise BadValueError("a number is blank")
    sign_at = 0 if storage.sign_leading else len(raw) - 1
    number, negative = 0, False
    signs = Signs.of(page, storage.overpunch, storage.strict)
    for position, byte in enumerate(raw):
        digit = int(page.digit[byte])
        if storage.signed and position == sign_at:
            if storage.sign_separate:
                sign = int(page.separate[byte])
                if sign == NONE:
                    raise BadValueError(f"byte 0x{byte:02X} is no sign")
                negative = sign == 1
                continue
            digit = int(signs.digit[byte])
            negative = signs.negative[byte] == 1
        if digit == NONE:
            raise BadValueError(f"byte 0x{byte:02X} at position {position + 1} is no digit")
        number = number * 10 + digit
    return -number if negative else number


def _loose(raw: bytes, storage: Storage, page: CodePage) -> int:
    """Take signs at any place and read over blanks and NULs, as Cobrix does; the last sign counts."""
    signs = Signs.of(page, storage.overpunch, storage.strict)
    digits, negative = "", False
    for position, byte in enumerate(raw):
        if byte in (page.space, 0):
            continue
        if (sign := int(page.separate[byte])) != NONE:
            negative = sign == 1
            continue
        digit = int(signs.digit[byte])
        if digit == NONE:
            raise BadValueError(f"byte 0x{byte:02X} at position {position + 1} is no digit")
        digits += str(digit)
        if page.digit[byte] == NONE:
            negative = signs.negative[byte] == 1
    if not digits:
        raise BadValueError("a number is blank")
    _check_size(int(digits), storage)
    if negative and not storage.signed:
        raise BadValueError("a negative value in an unsigned item")
    return -int(digits) if negative else int(digits)


def _packed(raw: bytes, storage: Storage, page: CodePage) -> int:
    text = raw.hex()
    digits, sign = text[:-1], text[-1]
    if not digits.isdigit():
        raise BadValueError(f"nibble {next(c for c in digits if not c.isdigit()).upper()} is no digit")
    if sign not in ("cdf" if storage.strict else "abcdef"):
        raise BadValueError(f"nibble {sign.upper()} is no sign")
    negative = sign in "bd"
    number = int(digits)
    _check_size(number, storage)
    if negative and number and not storage.signed:
        raise BadValueError("a negative value in an unsigned item")
    return -number if negative else number


def _unsigned_packed(raw: bytes, storage: Storage, page: CodePage) -> int:
    digits = raw.hex()
    if not digits.isdigit():
        raise BadValueError(f"nibble {next(c for c in digits if not c.isdigit()).upper()} is no digit")
    _check_size(int(digits), storage)
    return int(digits)


def _binary(raw: bytes, storage: Storage, page: CodePage) -> int:
    order: Literal["little", "big"] = "little" if storage.little_endian else "big"
    number = int.from_bytes(raw, order, signed=storage.signed)
    if not storage.full_range:
        _check_size(abs(number), storage)
    return number


def _edited(raw: bytes, storage: Storage, page: CodePage) -> int:
    """Read the digits at the places of the PICTURE; elsewhere only what editing writes there may stand."""
    assert storage.edited is not None
    picture = storage.edited
    text = "".join(page.characters[byte] for byte in raw)
    number, negative, started = 0, False, False
    for at, (character, allowed) in enumerate(zip(text, picture.allowed, strict=True)):
        holds_digit = picture.digit_places[at]
        if holds_digit and character in "0123456789":
            number, started = number * 10 + int(character), True
            continue
        if character not in allowed or (holds_digit and started):
            raise BadValueError(
                f"position {at + 1} holds what PICTURE {picture.symbols[at]} cannot write there"
            )
        number *= 10 if holds_digit else 1
        negative |= character == "-" or (character in "CD" and picture.symbols[at] in "cd")
    if picture.symbols[-1] in "CD" and (text[-1] == " ") != (text[-2] == " "):
        raise BadValueError("half of CR or DB is missing")
    return -number if negative else number


def _check_size(number: int, storage: Storage) -> None:
    if number >= 10**storage.digits:
        raise BadValueError(f"the value has more than {storage.digits} digits")


def _hexfloat(raw: bytes) -> float:
    """IBM hexadecimal floats: sign, excess-64 base-16 exponent, fraction (Principles of Operation)."""
    bits = len(raw) * 8 - 8
    fraction = int.from_bytes(raw[1:], "big")
    exponent = 4 * ((raw[0] & 0x7F) - 64) - bits
    value = math.ldexp(float(fraction), exponent)
    if len(raw) == 4:
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            raise BadValueError("the value is too large for a 4-byte float") from None
    return -value if raw[0] & 0x80 and value else value


def _ieee(raw: bytes, storage: Storage) -> float:
    order = "<" if storage.little_endian else ">"
    value: float = struct.unpack(order + ("f" if len(raw) == 4 else "d"), raw)[0]
    if not math.isfinite(value):
        raise BadValueError("the value is not finite")
    return value + 0.0
