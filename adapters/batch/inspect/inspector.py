"""From a sample to a report: the guesses in their order, each resting on those before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.batch.copybook import CopyLibrary, Layout, layouts, parse, union
from adapters.batch.decoder import MISSING
from adapters.batch.dialect import PROFILES, Dialect
from adapters.batch.given_file import check_file
from adapters.batch.inspect.alphabet import alphabet
from adapters.batch.inspect.bare import bare
from adapters.batch.inspect.damage import warnings
from adapters.batch.inspect.file_names import adapter_name
from adapters.batch.inspect.fitted import fitted
from adapters.batch.inspect.found import UNNAMED, renamed
from adapters.batch.inspect.guess import Guess, Report, cannot_tell
from adapters.batch.inspect.propose import adapter_toml
from adapters.batch.inspect.sample import Sample
from adapters.batch.inspect.texts import text_report
from adapters.batch.inspect.trial import trial
from schemas.errors import SettingsError

#: Packed files that Banyan cannot open without a key, and how a person gets on.
_LOCKED = {
    "pgp": "an OpenPGP message: it can be read only with the key it is encrypted for",
    "pgp-armor": "an OpenPGP message in ASCII armour: it can be read only with the key it is encrypted for",
    "zip-encrypted": "an encrypted zip file: it can be read only with its password",
    "xz": "an xz file: unpack it first",
}


def inspect_file(
    path: Path, *, copybook: Path | None = None, copy_path: Sequence[Path] = (), show_values: bool = False
) -> Report:
    """Return what can be told about a file.

    Reads three pieces of at most 1 MiB, whatever the file's size. With a copybook every framing, alphabet and
    dialect that may be is tried on it.

    Raises:
        SettingsError: there is no such file. CopybookError: the copybook cannot be read.
    """
    check_file(path)
    if copybook is None:
        return inspect_sample(Sample.read(path), path.name, show_values=show_values)
    return inspect_sample(
        Sample.read(path), path.name, copybook_text=_text(copybook), copybook=copybook.name,
        copy_path=[folder.resolve() for folder in copy_path], show_values=show_values, folder=copybook.parent,
    )  # fmt: skip


def inspect_sample(
    sample: Sample,
    name: str,
    *,
    copybook_text: str | None = None,
    copybook: str = "",
    copy_path: Sequence[Path] = (),
    show_values: bool = False,
    folder: Path | None = None,
) -> Report:
    """Return the report of a sample; `inspect_file` without the disk.

    Args:
        sample: the file's pieces.
        name: the file's name.
        copybook_text: the copybook.
        copybook: its name in adapter.toml.
        copy_path: folders in which COPY looks for members, before the copybook's own.
        show_values: put values of the sample beside the fields; they may be personal data.
        folder: where the copybook is, for the trial of the proposal.
    """
    guesses: list[Guess] = [_container(sample)]
    if sample.container in _LOCKED:
        why = _LOCKED[sample.container]
        return Report(name, sample.packed, [*guesses, cannot_tell("alphabet", why)], [why])
    if not sample.head:
        notes = list(warnings(sample, None, None))
        return Report(name, sample.packed, [*guesses, cannot_tell("alphabet", "the file is empty")], notes)
    letters = alphabet(sample)
    guesses.append(letters)
    library = CopyLibrary((*copy_path, *([folder] if folder is not None else ())))
    layout_of = _layouts(copybook_text, copybook, library) if copybook_text is not None else {}
    found = None
    if not layout_of:
        found = text_report(sample, letters)
    if found is None and layout_of:
        found = fitted(sample, letters, layout_of, copybook)
    if found is None:
        found = bare(sample, letters)
    guesses += found.guesses
    seen = Report(name, sample.packed, guesses)
    notes = [*found.warnings, *warnings(sample, letters.value, seen.value("framing"))]
    report = replace(seen, warnings=notes, fields=found.shown(values=show_values), draft=found.draft)
    if found.settings is None:
        return report
    where = {"copy_path": [str(one) for one in copy_path]} if copy_path else {}
    report = _proposed(report, {**renamed(found.settings, UNNAMED, adapter_name(name)), **where})
    tried = trial(report, found.content, copybook_text or found.draft, folder, whole=found.whole)
    if any(MISSING in note for note in tried):
        # Variable-length records may leave out the fields at their end: these are null, not broken.
        report = _proposed(report, {**(report.settings or {}), "short_records": "null"})
        tried = trial(report, found.content, copybook_text or found.draft, folder, whole=found.whole)
    return replace(report, notes=tried)


def _proposed(report: Report, settings: dict[str, Any]) -> Report:
    return replace(report, settings=settings, adapter_toml=adapter_toml(report, settings, report.name))


def _container(sample: Sample) -> Guess:
    if sample.container == "none":
        return Guess("compression", "none", 0.95, ["the first bytes are those of no packed format"])
    why = f"the first bytes are those of {sample.container}"
    return Guess("compression", sample.container, 0.99 if not sample.fault else 0.9, [why])


def _layouts(text: str, name: str, library: CopyLibrary) -> dict[str, Layout]:
    """Return the layout of each dialect that makes a difference."""
    parts: dict[str, Layout] = {}
    tree = parse(text, source=name, library=library)
    for dialect in PROFILES:
        made = union(layouts(tree, Dialect.named(dialect)))
        if not any(_placed(made) == _placed(other) for other in parts.values()):
            parts[dialect] = made
    return parts


def _placed(layout: Layout) -> list[tuple[object, ...]]:
    """Return what a dialect does to where items are and how their bytes run.

    What a dialect tolerates (blank numbers, odd signs) is left out: the most tolerant would always fit best.
    """
    return [
        (s.path, s.offset, s.length, s.storage and (s.storage.kind, s.storage.little_endian))
        for s in layout.record.walk()
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(
            f"cannot read the copybook: {error.strerror}", where=str(path), fix="check the path"
        ) from None
