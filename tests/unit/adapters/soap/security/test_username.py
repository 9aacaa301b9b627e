"""UsernameToken, Timestamp and what was seen before."""

from __future__ import annotations

import pytest
from lxml import etree

from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.names import wsse, wsu
from adapters.soap.security.replay import ReplayCache
from adapters.soap.security.timestamp import check_timestamp, instant, moment, timestamp
from adapters.soap.security.username import check_username, digest, username_token

NOW = 1_800_000_000.0


def token(kind="digest", password="secret", now=NOW, nonce=b"n" * 16):
    return username_token("clerk", password, kind, now, nonce, "UT-1")


def check(node, *, now=NOW, seen=None, kinds=("digest",)):
    seen = ReplayCache() if seen is None else seen
    return check_username(node, {"clerk": "secret"}, now=now, skew=60, fresh=300, seen=seen, kinds=kinds)


def test_the_digest_of_the_standard():
    """The digest is SHA-1 over nonce as bytes, time and password; the answer is OpenSSL's."""
    nonce = b"0123456789abcdef"
    assert digest(nonce, "2027-01-15T08:00:00Z", "secret") == "MIzzf/eQZCR5BN2isbbmYEH0l+g="


def test_a_token_is_accepted_once():
    """A digest token proves its user, and only once: played again it is refused."""
    seen, node = ReplayCache(), token()
    assert check(node, seen=seen) == "clerk"
    with pytest.raises(SecurityFailure):
        check(node, seen=seen)
    assert check(token(nonce=b"m" * 16), seen=seen) == "clerk"


def test_text_needs_permission():
    """A password in clear is accepted only where that is allowed."""
    assert check(token("text"), kinds=("text",)) == "clerk"
    with pytest.raises(SecurityFailure):
        check(token("text"))


def spoiled(change):
    node = token()
    change(node)
    return node


BAD = {
    "wrong password": token(password="Secret"),
    "wrong text": token("text", password="x"),
    "too old": token(now=NOW - 361),
    "from the future": token(now=NOW + 61),
    "unknown user": spoiled(lambda n: setattr(n.find(wsse("Username")), "text", "boss")),
    "no digest": spoiled(lambda n: setattr(n.find(wsse("Password")), "text", "Müller")),
    "no nonce": spoiled(lambda n: n.remove(n.find(wsse("Nonce")))),
    "no time": spoiled(lambda n: n.remove(n.find(wsu("Created")))),
    "another time": spoiled(lambda n: setattr(n.find(wsu("Created")), "text", instant(NOW - 1))),
    "no password": spoiled(lambda n: n.remove(n.find(wsse("Password")))),
    "endless nonce": spoiled(lambda n: setattr(n.find(wsse("Nonce")), "text", "AAAA" * 1000)),
    "broken nonce": spoiled(lambda n: setattr(n.find(wsse("Nonce")), "text", "?")),
}


@pytest.mark.parametrize("name", BAD)
def test_tokens_that_prove_nothing(name):
    """Whatever is wrong, the same words are said, so that nobody learns which."""
    with pytest.raises(SecurityFailure, match="UsernameToken") as caught:
        check(BAD[name], kinds=("text", "digest"))
    assert caught.value.what == "the UsernameToken is not accepted"
    assert "secret" not in str(caught.value).lower()


def test_a_full_memory_refuses():
    """A replay memory that is full refuses rather than forgets; what is over makes room."""
    seen = ReplayCache(size=2)
    assert seen.first(b"a", 0, 10)
    assert seen.first(b"b", 0, 10)
    assert not seen.first(b"c", 5, 10)
    assert seen.first(b"c", 10, 10)
    assert not seen.first(b"c", 11, 10)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T08:00:00.250Z", NOW + 0.25),
        (" 2027-01-15T08:00:00.000000000Z ", NOW),
        ("2027-01-15T09:00:00+01:00", NOW),
        ("2027-01-15T08:00:00", None),
        ("2027-02-30T08:00:00Z", None),
        ("2027-01-15", None),
        ("", None),
    ],
)
def test_moments(text, seconds):
    """A time with zone is understood, with any fraction; one without zone is none."""
    assert moment(text) == seconds


def test_a_timestamp_and_its_limits():
    """A Timestamp is good from creation less the skew to its end plus the skew; never longer than allowed."""
    node = timestamp(NOW, 300, "TS-1")
    for now in (NOW - 60, NOW, NOW + 300, NOW + 360):
        check_timestamp(node, now=now, skew=60, longest=86400)
    for now, reason in ((NOW - 61, "in the future"), (NOW + 361, "is over")):
        with pytest.raises(SecurityFailure, match=reason):
            check_timestamp(node, now=now, skew=60, longest=86400)
    with pytest.raises(SecurityFailure, match="is over"):
        check_timestamp(node, now=NOW + 200, skew=60, longest=100)


def test_a_timestamp_that_says_nothing():
    """Without a readable time it is refused; without an end it lasts as long as allowed."""
    node = timestamp(NOW, 300, "TS-1")
    node[1].text = "never"
    with pytest.raises(SecurityFailure, match="no readable time"):
        check_timestamp(node, now=NOW, skew=60, longest=60)
    node.remove(node[1])
    check_timestamp(node, now=NOW + 100, skew=60, longest=60)
    with pytest.raises(SecurityFailure, match="no readable time"):
        check_timestamp(etree.Element(wsu("Timestamp")), now=NOW, skew=60, longest=60)
