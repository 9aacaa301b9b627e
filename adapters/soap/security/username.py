"""UsernameToken profile 1.1: made for a request, checked in a request that we serve."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection
from typing import Any

from lxml import etree

from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.names import BASE64, ID, USERNAME, wsse, wsu
from adapters.soap.security.replay import ReplayCache
from adapters.soap.security.timestamp import instant, moment

#: OASIS asks for 16 bytes of randomness.
NONCE_BYTES = 16
_MAX_NONCE_BYTES = 128


def username_token(user: str, password: str, kind: str, now: float, nonce: bytes, identifier: str) -> Any:
    """Return a wsse:UsernameToken; `kind` is `text` or `digest`.

    Args:
        user: user name.
        password: the secret itself.
        kind: `text` or `digest`.
        now: epoch seconds.
        nonce: 16 random bytes.
        identifier: of the element, for a signature.
    """
    token = etree.Element(wsse("UsernameToken"))
    token.set(ID, identifier)
    etree.SubElement(token, wsse("Username")).text = user
    created = instant(now)
    secret = etree.SubElement(token, wsse("Password"))
    if kind == "digest":
        secret.set("Type", f"{USERNAME}PasswordDigest")
        secret.text = digest(nonce, created, password)
    else:
        secret.set("Type", f"{USERNAME}PasswordText")
        secret.text = password
    mark = etree.SubElement(token, wsse("Nonce"))
    mark.set("EncodingType", BASE64)
    mark.text = base64.b64encode(nonce).decode()
    etree.SubElement(token, wsu("Created")).text = created
    return token


def digest(nonce: bytes, created: str, password: str) -> str:
    """Return Base64(SHA-1(nonce + created + password)), as the profile fixes it (section 3.1)."""
    whole = nonce + created.encode() + password.encode()
    return base64.b64encode(hashlib.sha1(whole, usedforsecurity=False).digest()).decode()


def check_username(
    token: Any,
    passwords: dict[str, str],
    *,
    now: float,
    skew: float,
    fresh: float,
    seen: ReplayCache,
    kinds: Collection[str] = ("digest",),
) -> str:
    """Return the user that a token proves.

    Args:
        token: a wsse:UsernameToken.
        passwords: secret by user.
        now: epoch seconds.
        skew: seconds that clocks may differ.
        fresh: seconds that a token is good for after its creation.
        seen: nonces of tokens that were accepted.
        kinds: what is accepted: `digest`; `text`, a password in clear, as is right under TLS only.

    Raises:
        SecurityFailure: always with the same words, whatever is wrong.
    """
    refused = SecurityFailure(
        "the UsernameToken is not accepted",
        fix="send user, password, nonce and time anew",
        code="FailedAuthentication",
    )
    user = (token.findtext(wsse("Username")) or "").strip()
    secret = token.find(wsse("Password"))
    if secret is None:
        raise refused
    # An unknown user costs as much as a wrong password.
    password = passwords.get(user, "")
    given = secret.text or ""
    hidden = secret.get("Type", "").endswith("#PasswordDigest")
    created = (token.findtext(wsu("Created")) or "").strip()
    nonce = _nonce(token.findtext(wsse("Nonce")) or "")
    if hidden:
        good = hmac.compare_digest(digest(nonce, created, password).encode(), given.strip().encode())
    else:
        good = hmac.compare_digest(password.encode(), given.encode())
    if not (good and user in passwords and ("digest" if hidden else "text") in kinds):
        raise refused
    # A password in clear may come without time and nonce; what it has of them must be right.
    at = moment(created)
    if (hidden or created) and not (at is not None and -skew <= now - at <= fresh + skew):
        raise refused
    if hidden and not nonce:
        raise refused
    # By user: nobody can use up the nonces of others. Only proven tokens are remembered.
    if nonce and not seen.first(user.encode() + b"\0" + nonce, now, fresh + 2 * skew):
        raise refused
    return user


def _nonce(text: str) -> bytes:
    try:
        nonce = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return nonce if len(nonce) <= _MAX_NONCE_BYTES else b""
