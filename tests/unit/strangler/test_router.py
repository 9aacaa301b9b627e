"""Routing: exact, decoded once, no way round."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strangler.operation import Operation, load_operations
from strangler.router import NoRoute, Route, Router

EXAMPLE = Path(__file__).parents[3] / "examples" / "universal_credit" / "operations"


def operation(name: str, path: str) -> Operation:
    (example,) = load_operations(EXAMPLE)
    rest = example.rest.model_copy(update={"path": path})
    return example.model_copy(update={"name": name, "rest": rest})


ROUTER = Router(
    [
        operation("get_case", "/cases/{case_id}"),
        operation("newest", "/cases/newest"),
        operation("deep", "/a/{case_id}/b"),
    ]
)


@given(st.text(min_size=1, max_size=60).filter(lambda s: s.isprintable() and s not in (".", "..", "newest")))
def test_every_key_comes_through_as_it_is(key: str) -> None:
    """Any printable key, percent-encoded, is found again unchanged, slashes and percent signs too."""
    path = f"/cases/{quote(key, safe='')}".encode()
    assert ROUTER.find("GET", path) == Route("get_case", {"case_id": key})


def test_a_literal_beats_a_parameter() -> None:
    """Where a literal and a parameter both fit, the literal's operation is meant."""
    assert ROUTER.find("GET", b"/cases/newest") == Route("newest", {})
    assert ROUTER.find("GET", b"/a/1/b") == Route("deep", {"case_id": "1"})


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"/cases",
        b"/cases/1/",
        b"//cases/1",
        b"/cases/1/2",
        b"/Cases/1",
        b"/c%61ses/1",
        b"/x/../cases/1",
    ],
)
def test_what_is_not_exactly_a_route_is_none(path: bytes) -> None:
    """No case folding, no normalising, no trailing slash: another path is another path."""
    assert ROUTER.find("GET", path) == NoRoute()


@pytest.mark.parametrize("key", [b"", b".", b"..", b"%2e%2e", b"%00", b"a%0d%0ab", b"%ff", b"x" * 257])
def test_a_key_that_could_do_harm_is_refused(key: bytes) -> None:
    """Empty keys, dot segments, control characters, broken UTF-8 and endless keys are no parameters."""
    assert ROUTER.find("GET", b"/cases/" + key) == NoRoute(bad="case_id")


def test_another_method_names_the_right_one() -> None:
    """A known path with another method says which methods it has."""
    assert ROUTER.find("POST", b"/cases/1") == NoRoute(allow=("GET",))
