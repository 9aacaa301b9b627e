"""Lint a whole estate: load every part, then check that the parts fit each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hub.estate import Estate
from schemas.errors import BanyanError


@dataclass(frozen=True)
class Finding:
    """One thing to mend: what, where, how."""

    what: str
    where: str
    fix: str


def lint(estate: Estate) -> tuple[list[Finding], dict[str, int]]:
    """Return what is wrong with `estate`, and how many parts were looked at."""
    findings: list[Finding] = []

    def load(part: Callable[[], list[Any]], place: str) -> list[Any]:
        try:
            return part()
        except BanyanError as error:
            findings.append(Finding(error.what, error.where or place, error.fix))
        except ModuleNotFoundError as error:
            findings.append(Finding(f"cannot be loaded: {error}", place, "install the missing package"))
        return []

    adapters = load(lambda: estate.adapters, str(estate.path / "adapters"))
    if whole := not findings:
        found = adapters
    else:
        # One that cannot be loaded must not hide what is wrong with the others, nor what they publish.
        told = findings.copy()
        findings.clear()
        folders = sorted(p.parent for p in (estate.path / "adapters").glob("*/adapter.toml"))
        found = [one for folder in folders for one in load(partial(_loaded, folder), str(folder))]
        findings += [] if findings else told
    projections = load(lambda: estate.projections, str(estate.path / "projections"))
    documents = load(lambda: estate.documents, str(estate.path / "documents"))
    operations = load(lambda: estate.operations, str(estate.path / "operations"))
    entities: dict[str, Any] = {}
    owners: dict[str, Path] = {}
    for spec, folder in found:
        findings += [Finding(what, str(folder / "adapter.toml"), fix) for what, fix in spec.advice()]
        published = load(partial(_entities, spec, folder), str(folder))
        whole = whole and bool(published)
        for name, entity in published:
            whole_name = f"{spec.system}.{name}"
            if whole_name in owners:
                findings.append(_two_writers(whole_name, owners[whole_name], folder))
            owners.setdefault(whole_name, folder)
            entities[whole_name] = entity
    findings += _projection_findings(estate, projections, entities, whole=whole)
    findings += _clashes([p.collection for p in projections] + [d.collection for d in documents], estate)
    counts = {
        "adapters": len(found),
        "entities": len(entities),
        "projections": len(projections),
        "documents": len(documents),
        "operations": len(operations),
    }
    return findings, counts


def _loaded(folder: Path) -> list[Any]:
    from adapters.catalogue import load_adapter

    return [(load_adapter(folder), folder)]


def _two_writers(entity: str, one: Path, other: Path) -> Finding:
    """Say that two adapters write one topic: nothing orders them, each deletes what only the other has."""
    return Finding(
        f"{entity} is published by {one.name} already: each adapter compares with a snapshot of its own, so "
        "one would delete the rows of the other",
        str(other / "adapter.toml"),
        "read both files with one adapter (a pattern that takes both), or give one another entity or system",
    )


def _entities(spec: Any, folder: Path) -> list[Any]:
    return list(spec.open(folder).entities.items())


def _projection_findings(
    estate: Estate, projections: list[Any], entities: dict[str, Any], *, whole: bool
) -> Iterator[Finding]:
    """Yield what is wrong with projections; of adapters that are not all known none is missed."""
    for projection in projections:
        place = f"{estate.path / 'projections'}: {projection.name}"
        entity = entities.get(projection.source)
        if entity is None and not whole:
            continue
        if entity is None:
            known = ", ".join(sorted(entities)) or "none"
            yield Finding(f"no adapter publishes {projection.source!r}", place, f"choose from: {known}")
            continue
        fields = {f.name for f in entity.fields}
        for name in [*(projection.select or ()), *projection.rename]:
            if name not in fields:
                yield Finding(
                    f"{projection.source} has no field {name!r}",
                    place,
                    f"choose from: {', '.join(sorted(fields))}",
                )


def _clashes(collections: list[str], estate: Estate) -> Iterator[Finding]:
    for name in sorted({c for c in collections if collections.count(c) > 1}):
        yield Finding(
            f"two parts want to be served at /v1/{name}", str(estate.path), "give each its own `collection`"
        )
