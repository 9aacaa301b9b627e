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

Value = str | int | float | Decimal
#: What is cut from text: nothing, the padding (right; left if JUSTIFIED), or blanks on both sides.
Trim = Literal["padding", "both", "none"]
#: Text is padded by spaces, or by LOW-VALUES where a program initialised it so.
PADDING = " \0"
#: Exact for every decimal128; Python's default context would round at 28 digits.
EXACT = Context(prec=80)


class BadValueError(ValueError):
    """Bytes that are no value of their item. The message holds no data, only what is wrong with it."""


def decode_value(raw: bytes, storage: Storage, page: CodePage, trim: Trim = "padding") -> Value:
    """Return the value of one elementary item.

    Raises:
        BadValueError: the bytes are not valid for the item.
    """
    if storage.kind == "text":
        return _text(raw, storage, page, trim)
    if storage.kind in ("hexfloat", "ieee"):
        return _hexfloat(raw) if storage.kind == "hexfloat" else _ieee(raw, storage)
    number = {"zoned": _zoned, "packed": _packed, "binary": _binary}[storage.kind](raw, storage, page)
    if storage.scale > 0:
        return Decimal(number).scaleb(-storage.scale, EXACT)
    number *= 10**-storage.scale
    return number if storage.avro in ("int", "long") else Decimal(number)


def _text(raw: bytes, storage: Storage, page: CodePage, trim: Trim) -> str:
    text = "".join(page.characters[byte] for byte in raw)
    if "\ufffe" in text:
        byte = raw[text.index("\ufffe")]
        raise BadValueError(f"byte 0x{byte:02X} is no character of {page.name}")
    if trim == "both":
        return text.strip(PADDING)
    if trim == "padding":
        return text.lstrip(PADDING) if storage.justified else text.rstrip(PADDING)
    return text


def _zoned(raw: bytes, storage: Storage, page: CodePage) -> int:
    if storage.blank_when_zero and raw == bytes([page.space]) * len(raw):
        return 0
    if raw == bytes([page.space]) * len(raw):
        raise BadValueError("a number is blank")
    sign_at = 0 if storage.sign_leading else len(raw) - 1
    number, negative = 0, False
    for position, byte in enumerate(raw):
        digit = int(page.digit[byte])
        if storage.signed and position == sign_at:
            if storage.sign_separate:
                sign = int(page.separate[byte])
                if sign == NONE:
                    raise BadValueError(f"byte 0x{byte:02X} is no sign")
                negative = sign == 1
                continue
            digit = int(page.sign_digit[byte])
            negative = page.sign_negative[byte] == 1
        if digit == NONE:
            raise BadValueError(f"byte 0x{byte:02X} at position {position + 1} is no digit")
        number = number * 10 + digit
    return -number if negative else number


def _packed(raw: bytes, storage: Storage, page: CodePage) -> int:
    text = raw.hex()
    digits, sign = text[:-1], text[-1]
    if not digits.isdigit():
        raise BadValueError(f"nibble {next(c for c in digits if not c.isdigit()).upper()} is no digit")
    if sign not in "abcdef":
        raise BadValueError(f"nibble {sign.upper()} is no sign")
    negative = sign in "bd"
    number = int(digits)
    if number >= 10**storage.digits:
        raise BadValueError(f"the value has more than {storage.digits} digits")
    if negative and number and not storage.signed:
        raise BadValueError("a negative value in an unsigned item")
    return -number if negative else number


def _binary(raw: bytes, storage: Storage, page: CodePage) -> int:
    order: Literal["little", "big"] = "little" if storage.little_endian else "big"
    number = int.from_bytes(raw, order, signed=storage.signed)
    if not storage.full_range and abs(number) >= 10**storage.digits:
        raise BadValueError(f"the value has more than {storage.digits} digits")
    return number


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
