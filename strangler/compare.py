"""Whether two canonical records say the same thing: pure, by reviewed rules that carry a version.

Decimals are compared by value (1.5 = 1.50), date-times as instants (12:00Z = 13:00+01:00); absent, nil and
empty differ from each other. What else may differ is a rule, and the rule's version stands in the verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo


class Kind(StrEnum):
    """The three answers of a comparison."""

    SAME = "same"
    DIFFERENT = "different"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Parity of one compared pair.

    Attributes:
        kind: same, different or inconclusive.
        rule_version: `<map version>.<rules version>` under which this holds.
        paths: where the two differ, sorted; list places as `payments[2].amount`. Empty unless different.
        reason: why there is no answer (`stale`, `codec`, `mapping`…). Empty unless inconclusive.
        absent: both sides say that there is no such thing; no record was compared.
    """

    kind: Kind
    rule_version: str
    paths: tuple[str, ...] = ()
    reason: str = ""
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What may differ without being a difference.

    Attributes:
        version: `<map version>.<rules version>`.
        ignore: paths that are not compared, with all below them; `payments[].note` means any element.
        tolerance: path → largest absolute difference: a number for numbers, seconds for dates and times.
        sets: paths of lists whose order does not count (elements count as often as they occur).
        zone: the zone of date-times that carry none; None compares them only with their like.
        strict_scale: paths of decimals whose scale counts too.
    """

    version: str = "1.1"
    ignore: frozenset[str] = frozenset()
    tolerance: Mapping[str, Decimal] = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    zone: ZoneInfo | None = None
    strict_scale: frozenset[str] = frozenset()


_ABSENT: Final = object()
_INDEX: Final = re.compile(r"\[\d+\]")


def compare(legacy: Mapping[str, Any] | None, modern: Mapping[str, Any] | None, rules: Rules) -> Verdict:
    """Return `same`, or `different` with every path where the two records differ.

    None stands for a side that says there is no such thing; against a record that is a difference at `$`.
    Two records without a field that counts are `inconclusive`: nothing was compared.
    """
    if legacy is None or modern is None:
        alike = legacy is modern
        if alike:
            return Verdict(Kind.SAME, rules.version, absent=True)
        return Verdict(Kind.DIFFERENT, rules.version, ("$",))
    if not (legacy.keys() | modern.keys()) - rules.ignore:
        return inconclusive("nothing_compared", rules)
    paths = sorted(set(_differences(legacy, modern, "", rules)))
    return Verdict(Kind.DIFFERENT if paths else Kind.SAME, rules.version, tuple(paths))


def inconclusive(reason: str, rules: Rules) -> Verdict:
    """Return the verdict of a pair that could not be compared."""
    return Verdict(Kind.INCONCLUSIVE, rules.version, reason=reason)


def _differences(a: Any, b: Any, path: str, rules: Rules) -> Iterator[str]:
    rule_path = _INDEX.sub("[]", path)
    if rule_path in rules.ignore:
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in a.keys() | b.keys():
            below = f"{path}.{name}" if path else str(name)
            yield from _differences(a.get(name, _ABSENT), b.get(name, _ABSENT), below, rules)
    elif _is_list(a) and _is_list(b):
        yield from (_set_differences if rule_path in rules.sets else _list_differences)(a, b, path, rules)
    elif not _equal(a, b, rule_path, rules):
        yield path


def _list_differences(a: Sequence[Any], b: Sequence[Any], path: str, rules: Rules) -> Iterator[str]:
    if len(a) != len(b):
        yield path
        return
    for index, (x, y) in enumerate(zip(a, b, strict=True)):
        yield from _differences(x, y, f"{path}[{index}]", rules)


def _set_differences(a: Sequence[Any], b: Sequence[Any], path: str, rules: Rules) -> Iterator[str]:
    """Match the elements one to one: a maximum matching, so that tolerances cannot mislead."""
    if len(a) != len(b):
        yield path
        return
    fits = [[j for j, y in enumerate(b) if not any(_differences(x, y, f"{path}[0]", rules))] for x in a]
    taken: dict[int, int] = {}
    if not all(_augment(i, fits, taken, set()) for i in range(len(a))):
        yield path


def _augment(i: int, fits: list[list[int]], taken: dict[int, int], seen: set[int]) -> bool:
    for j in fits[i]:
        if j not in seen:
            seen.add(j)
            if j not in taken or _augment(taken[j], fits, taken, seen):
                taken[j] = i
                return True
    return False


def _equal(a: Any, b: Any, rule_path: str, rules: Rules) -> bool:
    if a is _ABSENT or b is _ABSENT or a is None or b is None:
        return a is b
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if _is_number(a) and _is_number(b):
        return _numbers_equal(a, b, rule_path, rules)
    if isinstance(a, datetime) and isinstance(b, datetime):
        a, b = _zoned(a, rules.zone), _zoned(b, rules.zone)
        if (a.tzinfo is None) != (b.tzinfo is None):
            return False
        return bool(abs(a - b) <= _span(rule_path, rules))
    if isinstance(a, datetime) or isinstance(b, datetime):
        return False
    if isinstance(a, date) and isinstance(b, date):
        return abs(a - b) <= _span(rule_path, rules)
    return type(a) is type(b) and bool(a == b)


def _numbers_equal(a: Any, b: Any, rule_path: str, rules: Rules) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    if rule_path in rules.strict_scale and isinstance(a, Decimal) and isinstance(b, Decimal):
        return a.as_tuple() == b.as_tuple()
    if a == b:
        return True
    tolerance = rules.tolerance.get(rule_path)
    if tolerance is None or not (math.isfinite(a) and math.isfinite(b)):
        return False
    return abs(Decimal(a) - Decimal(b)) <= tolerance


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal))


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _zoned(value: datetime, zone: ZoneInfo | None) -> datetime:
    return value.replace(tzinfo=zone) if value.tzinfo is None and zone is not None else value


def _span(rule_path: str, rules: Rules) -> timedelta:
    return timedelta(seconds=float(rules.tolerance.get(rule_path, 0)))
