"""Encrypted archives for tests, made without a program for them."""

from __future__ import annotations

import hmac
import struct
import zlib
from hashlib import pbkdf2_hmac, sha1

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def aes_zip(name: str, content: bytes, phrase: str) -> bytes:
    """Return a WinZip AE-2 archive of one deflated member (APPNOTE 7.2 and WinZip's AES specification)."""
    salt = bytes(range(16))
    keys = pbkdf2_hmac("sha1", phrase.encode(), salt, 1_000, 66)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = squeeze.compress(content) + squeeze.flush()
    stream, cipher = Cipher(algorithms.AES(keys[:32]), modes.ECB()).encryptor(), bytearray()
    for number, at in enumerate(range(0, len(plain), 16), 1):
        pad = stream.update(number.to_bytes(16, "little"))
        cipher += bytes(a ^ b for a, b in zip(plain[at : at + 16], pad, strict=False))
    body = salt + keys[64:66] + bytes(cipher) + hmac.new(keys[32:64], bytes(cipher), sha1).digest()[:10]
    extra = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 8)
    head = struct.pack("<HHHHHIIIHH", 51, 1, 99, 0, 33, 0, len(body), len(content), len(name), len(extra))
    local = b"PK\3\4" + head + name.encode() + extra + body
    central = b"PK\1\2" + struct.pack("<H", 51) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    central += name.encode() + extra
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end
