"""XSD's regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.unicode_ranges import ANY, category, complement, normal, subtract
from adapters.soap.xsd_regex import matcher, to_python


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"[A-Z]{2}\d{6}[A-D]?", ["AB123456", "AB123456C"], ["ab123456", "AB123456CX", "xAB123456"]),
        (r"\d", ["٣"], ["a"]),
        (r"[a-z-[aeiou]]+", ["bcd"], ["abc"]),
        (r"[\w-[_]]+", ["a1é"], ["_", " ", "-"]),
        (r"\i\c*", ["a:b-c", "_x", "é1"], ["1a", "-"]),
        (r"[\i-[:]][\c-[:]]*", ["ab"], ["a:b"]),
        (r"\p{Lu}\P{Lu}*", ["Ab"], ["ab", "AB"]),
        (r"\p{IsBasicLatin}*", ["Ab~"], ["é"]),
        (r"^a$", ["^a$"], ["a"]),
        (r".*", ["ab", ""], ["a\nb", "a\rb"]),
        (r"[^\s]+", ["ab", "a\u00a0b"], ["a b"]),
        (r"[\-+]?\d+", ["-1", "+1"], ["1-"]),
        (r"a{2}b{0,1}c{2,}", ["aabcc", "aaccc"], ["abcc", "aac"]),
        (r"(a|bc)\.\\", ["a.\\", "bc.\\"], ["ab.\\"]),
        (r"", [""], ["a"]),
        (r"a|", ["a", ""], ["b"]),
    ],
)
def test_patterns(pattern, yes, no):
    """A pattern matches whole texts, by XSD's own meaning of its signs."""
    match = matcher(pattern)
    assert [text for text in yes if not match(text)] == []
    assert [text for text in no if match(text)] == []


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[", "[]", "[a-", "a{", "a{2", "*", "\\", "\\q", "\\p{", "\\p{Xx}", "\\p{IsNowhere}",
     "[z-a]", "a**", "[a[b]]"],
)  # fmt: skip
def test_no_patterns(pattern):
    """What is no pattern of XSD says where it goes wrong."""
    with pytest.raises(ValueError, match="not an XSD pattern"):
        matcher(pattern)


def test_a_hostile_pattern_takes_no_time():
    """Repetition in repetition, which makes a backtracking engine run for years, is linear."""
    match = matcher("((a+)+)+b")
    assert not match("a" * 5000)
    assert match("a" * 5000 + "b")


@given(st.text("ab-^$.[]\\d{}", max_size=8), st.text("ab-^$.d1", max_size=4))
def test_any_text_is_a_pattern_or_refused(pattern, text):
    """Whatever stands in a schema compiles to something Python takes, or is refused."""
    try:
        translated = to_python(pattern)
    except ValueError:
        return
    assert matcher(pattern)(text) == bool(re.compile(translated, re.DOTALL).fullmatch(text))


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted).map(tuple)).map(normal)


@given(RANGES, RANGES)
def test_ranges_are_sets(left, right):
    """Subtraction and complement of ranges are those of sets."""

    def members(ranges):
        return {code for low, high in ranges for code in range(low, min(high, 100) + 1)}

    assert members(subtract(left, right)) == members(left) - members(right)
    assert members(complement(left)) == set(range(101)) - members(left)
    assert subtract(category("L"), ANY) == ()
