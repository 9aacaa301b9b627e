"""Compare two versions of an estate's projection, and keep what came of it for the switch."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from connectors.readmodel.snapshot import snapshot
from hub.estate import Estate
from hub.versions import declared, rules_of, versions_of
from schemas.errors import SettingsError
from streams.compare import Comparison, compare
from streams.versions import Compared, by_name


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
