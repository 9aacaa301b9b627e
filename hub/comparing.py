"""Compare two versions of an estate's projection, and keep what came of it for the switch."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from connectors.readmodel.snapshot import snapshot
from hub.estate import Estate
from hub.versions import declared, versions_of
from schemas.errors import SettingsError
from streams.compare import Comparison, compare
from streams.explained import Rules, load_rules
from streams.versions import Compared, by_name

#: A comparison counts for a switch so long: from the evening's check to the change window of the next night.
FRESH_SECONDS = 36 * 3600.0


def compare_versions(
    estate: Estate, name: str, version: int, other: int | None, *, by: str, reason: str, reveal: bool
) -> tuple[int, Comparison]:
    """Compare a version with another one (the live one if none is named), and note the outcome.

    Returns:
        The version that it was compared with, and what they have in common.

    Raises:
        SettingsError: they are not declared, are one and the same, or cannot be compared row by row.
        NotReady: one has no read model.
    """
    declared(estate, name, version)
    versions = versions_of(estate)
    if other is None:
        other = versions.live(by_name(estate.projections)[name]).version
    declared(estate, name, other)
    if other == version:
        raise SettingsError(
            f"version {version} would be compared with itself", where=name, fix="name another one: --with"
        )
    rules = rules_of(estate, name, version)
    stores = estate.read_models
    found = compare(
        partial(snapshot, stores, name, other),
        partial(snapshot, stores, name, version),
        rules,
        reveal=reveal,
    )
    noted = Compared(
        at_ms=int(time.time() * 1000),
        version=version,
        other=other,
        offsets={str(p): n for p, n in found.offsets.items()},
        rules=rules.digest,
        explained=found.explained,
        green=found.green,
    )
    versions.note(name, noted, by=by, reason=reason)
    return other, found


def rules_of(estate: Estate, name: str, version: int) -> Rules:
    """Return the rules that explain differences of a version."""
    return load_rules(estate.path / "projections", name).of(version)


def missing_comparison(estate: Estate, name: str, to: int, live: int) -> str:
    """Return what is wrong with the last comparison of a version with the live one; empty for nothing."""
    noted = versions_of(estate).standing(name).compared.get(to)
    if noted is None or noted.other != live:
        return f"version {to} was never compared with version {live}"
    if not noted.green:
        return f"version {to} has differences from version {live} that nothing explains"
    if noted.rules != rules_of(estate, name, to).digest:
        return "the rules were changed since the comparison"
    age = time.time() - noted.at_ms / 1000
    if not 0 <= age <= FRESH_SECONDS:
        return f"the comparison is {age / 3600:.0f} hours old"
    return ""


def facts(name: str, version: int, other: int, found: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values."""
    return {
        "projection": name,
        "version": version,
        "with": other,
        "green": found.green,
        "offsets": {str(p): n for p, n in found.offsets.items()},
        "rows": found.new_rows,
        "rows_of_the_other": found.old_rows,
        "same": found.same,
        "explained": found.explained,
        "different": found.different,
        "only_in_this": found.only_new,
        "only_in_the_other": found.only_old,
        "unsettled": found.unsettled,
        "fields": dict(found.fields.most_common()),
        "rules": found.rules,
        "samples": [{"this": s.new, "other": s.old, "fields": s.fields} for s in found.samples],
    }
