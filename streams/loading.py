"""Load an estate's `projections/*.py` by file path, never through `sys.path` (DESIGN 10.15)."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.errors import SettingsError
from streams.projection import Projection


def load_projections(folder: Path) -> list[Projection]:
    """Return the projections that the modules of `folder` define, by file, then in the order of definition.

    Every module-level `Projection`, or list or tuple of them, counts; names with a leading `_` do not.

    Raises:
        SettingsError: a module does not run, or two projections share a name and version, or a collection
            that is not one projection's.
    """
    found: list[Projection] = []
    for file in sorted(folder.glob("*.py")):
        if not file.name.startswith("_"):
            found.extend(p for p in _projections(load_module(file)) if p not in found)
    _check_names(found, str(folder))
    return found


def _check_names(found: Sequence[Projection], where: str) -> None:
    """Refuse what cannot live together; versions of one projection stand beside each other by design."""
    versions: set[tuple[str, int]] = set()
    collections: dict[str, str] = {}
    names: dict[str, str] = {}
    for p in found:
        if (p.name, p.version) in versions:
            raise SettingsError(
                f"two projections have the name {p.name!r} and version {p.version}",
                where=where,
                fix="rename one of them, or raise its version",
            )
        versions.add((p.name, p.version))
        if collections.setdefault(p.collection, p.name) != p.name:
            raise SettingsError(
                f"two projections have the collection {p.collection!r}", where=where, fix="rename one of them"
            )
        if names.setdefault(p.name, p.collection) != p.collection:
            raise SettingsError(
                f"two versions of the projection {p.name!r} have different collections",
                where=where,
                fix="give both the same: consumers must notice nothing of a switch",
            )


def load_module(file: Path) -> Any:
    """Run a module of an estate under a name of its own, and return it.

    Raises:
        SettingsError: it does not run, with file and line.
    """
    digest = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:12]
    name = f"banyan_estate_{digest}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise SettingsError("cannot load this module", where=str(file), fix="check that it is a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look their module up by name
    try:
        spec.loader.exec_module(module)
    except SettingsError:
        raise
    except Exception as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
        line = frames[-1].lineno if frames else getattr(error, "lineno", 1)
        raise SettingsError(
            f"{type(error).__name__}: {error}", where=f"{file}:{line}", fix="mend the projection's module"
        ) from error
    return module


def _projections(module: Any) -> Iterator[Projection]:
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if isinstance(value, Projection):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (p for p in value if isinstance(p, Projection))
