"""Content models: the regular expression and the walk by hand agree, and errors name the child."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.soap.content import Model
from adapters.soap.errors import BadValue
from adapters.soap.xsd_types import ComplexType, Element, Group, SimpleType, Wildcard

OCCURS = st.sampled_from([(0, 1), (1, 1), (1, 1), (0, None), (1, None), (2, 3), (0, 0)])


def element(name: str, low: int = 1, high: int | None = 1) -> Element:
    return Element(name, SimpleType("string"), min_occurs=low, max_occurs=high)


def model(group: Group) -> Model:
    return Model(ComplexType("t", content=group))


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """Models in which each name stands once: deterministic, as XSD asks for."""
    names = iter("abcdefgh")

    def particle(depth: int):
        low, high = draw(OCCURS)
        if depth == 2 or draw(st.booleans()):
            return element(next(names, "z"), low, high)
        parts = tuple(particle(depth + 1) for _ in range(draw(st.integers(1, 2))))
        return Group(draw(st.sampled_from(["sequence", "choice"])), parts, low, high)

    return Group("sequence", (particle(0), particle(0)))


@settings(max_examples=150)
@given(groups(), st.lists(st.sampled_from("abcdz"), max_size=8))
def test_kernel_and_walk_agree(group, tags):
    """The compiled expression takes what the walk by hand takes, and nothing else."""
    compiled = model(group)
    try:
        compiled.check(tags)
        taken = True
    except BadValue:
        taken = False
    assert taken == compiled.walk(tags)[0]


@pytest.mark.parametrize(
    ("group", "tags", "path", "reason"),
    [
        (Group("sequence", (element("a"), element("b"))), "ba", "b", "<a> is expected"),
        (Group("sequence", (element("a"), element("b"))), "a", "b", "<b> is missing"),
        (Group("sequence", (element("a"), element("b"))), "aab", "a", "<b> is expected"),
        (Group("choice", (element("a"), element("b"))), "ab", "b", "not where the schema puts it"),
        (Group("choice", (element("a"), element("b"))), "", "a", "<a> or <b> is missing"),
        (Group("sequence", (element("a"), element("b")), 1, None), "abaab", "a", "<b> is expected"),
        (Group("sequence", (element("a"),)), "x", "x", "not an element of this type"),
    ],
)
def test_errors_say_what_stands_where(group, tags, path, reason):
    """A surplus or missing child is named, with what could stand there."""
    with pytest.raises(BadValue, match=reason) as caught:
        model(group).check(list(tags))
    assert caught.value.path == path


def test_wildcards_take_namespaces():
    """A wildcard takes elements of its namespaces, never one that the type declares."""
    other = Wildcard(excluded=frozenset({"urn:own", ""}), min_occurs=0, max_occurs=None)
    own = Wildcard(frozenset({"urn:own"}), min_occurs=1)
    compiled = model(Group("sequence", (element("{urn:own}a"), other, own)))
    compiled.check(["{urn:own}a", "{urn:x}x", "{urn:y}y", "{urn:own}z"])
    for wrong in (
        ["{urn:own}a", "{urn:x}x"],
        ["{urn:own}a", "z", "{urn:own}z"],
        ["{urn:own}a", "{urn:own}a"],
    ):
        with pytest.raises(BadValue):
            compiled.check(wrong)


def test_no_message_makes_the_check_run_for_ever():
    """A repeated group of optional elements, which could be split in countless ways, is checked at once."""
    group = Group("sequence", (element("a", 0), element("b", 0)), 0, None)
    compiled = model(Group("sequence", (group, element("c"))))
    with pytest.raises(BadValue, match=r"<c> is missing|is expected"):
        compiled.check(list("ab" * 5000))
