"""A new adapter's folder: settings, the copybook beside them, and a test that passes as written."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.batch.copybook import layouts, parse, union
from adapters.batch.inspect import Report, inspect_file
from adapters.batch.inspect.file_names import adapter_name, part
from adapters.batch.inspect.fitted import entity_name
from adapters.batch.inspect.found import renamed
from adapters.batch.inspect.propose import adapter_toml
from adapters.batch.spec import BatchSpec
from adapters.new_folder import write_new
from schemas.errors import SettingsError

_TEST = '''"""The adapter `{name}`: run by `pytest {folder}`; `banyan adapter test {name}` needs no pytest."""

from pathlib import Path

from adapters.batch.testing import BatchAdapterTest


class Test{title}(BatchAdapterTest):
    """Settings, a made-up file, an empty and a cut one. Add what you know of this source below."""

    folder = Path(__file__).parent
'''


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The files of a new adapter, by name, and what a person should look at."""

    files: dict[str, str]
    advice: tuple[str, ...] = ()

    def write(self, folder: Path) -> list[Path]:
        """Write the files; the folder must not be there, or be empty.

        Raises:
            SettingsError: there is something already; nothing is overwritten.
        """
        written = write_new(folder, {name: text.encode() for name, text in self.files.items()})
        (folder / "inbox").mkdir(exist_ok=True)
        return written


def scaffold(
    name: str,
    *,
    system: str,
    copybook: Path | None = None,
    sample: Path | None = None,
    wanted: str = "",
) -> Scaffold:
    """Return the files of a new adapter, from a sample that is inspected, a copybook, or both.

    Args:
        name: the adapter's.
        system: the legacy system.
        copybook: its record description.
        sample: a file of it.
        wanted: the format that the sample is said to have: `delimited`, `xml` or `json`; empty = any.

    Raises:
        SettingsError: neither is given, the name is no name, nothing can be told about the sample, or it
            is of another format than it is said to be.
        CopybookError: the copybook cannot be read.
    """
    if name != part(name):
        raise SettingsError(
            f"{name!r} cannot be an adapter's name", where="NAME", fix=f"write {part(name)!r}, say"
        )
    if sample is None and copybook is None:
        raise SettingsError(
            "nothing to make an adapter from",
            where="NAME",
            fix="give --copybook C, --csv F, --xml F or --json F",
        )
    if sample is not None:
        report = inspect_file(sample, copybook=copybook)
        if wanted and report.settings is not None and not _is(wanted, report.settings):
            found = str(report.settings.get("format", "records of a copybook"))
            raise SettingsError(
                f"this file looks like {found}, not {wanted}",
                where=str(sample),
                fix="give it as --sample, which takes any format; `banyan inspect` says why",
            )
        return _from_sample(name, system, report, copybook, sample)
    assert copybook is not None  # one of the two is given
    return _from_copybook(name, system, copybook)


def _is(wanted: str, settings: Mapping[str, Any]) -> bool:
    """Return whether proposed settings are of the wanted format; JSON lines are JSON."""
    return str(settings.get("format", "")).startswith(wanted)


def _from_sample(name: str, system: str, report: Report, copybook: Path | None, sample: Path) -> Scaffold:
    if report.settings is None:
        said = [*report.warnings, *(w for g in report.guesses if g.value is None for w in g.why)]
        more = ", or give a --copybook" if copybook is None else "; is this the right copybook?"
        raise SettingsError(
            f"nothing can be proposed for this file: {'; '.join(dict.fromkeys(said))}",
            where=str(sample),
            fix=f"look at it with `banyan inspect`{more}",
        )
    settings = renamed(report.settings, adapter_name(sample.name), name)
    text = adapter_toml(report, settings, sample.name, name=name, system=system)
    files = {"adapter.toml": text}
    if copybook is not None:
        files[copybook.name] = copybook.read_text(encoding="utf-8", errors="replace")
    elif report.draft:
        files[str(settings["copybook"])] = report.draft
    return _finished(name, files, (*report.warnings, *report.notes))


def _from_copybook(name: str, system: str, copybook: Path) -> Scaffold:
    """Return an adapter made from a copybook alone: what the file is like is assumed, and marked so."""
    try:
        text = copybook.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(
            f"cannot read the copybook: {error.strerror}", where=str(copybook), fix="check the path"
        ) from None
    layout = union(layouts(parse(text, source=copybook.name)))
    first = next((s for s in layout.record.walk() if s.storage and s.item.name and not s.item.occurs), None)
    if first is None:
        raise SettingsError(
            "the copybook names no elementary item", where=str(copybook), fix="name at least one"
        )
    settings: dict[str, Any] = {
        "copybook": copybook.name, "code_page": "cp285", "framing": "fixed", "record_length": layout.length,
        "entity": entity_name(layout.record, layout.source), "key": [first.item.name],
    }  # fmt: skip
    report = Report(f"{name}.dat", 0, [])
    made = adapter_toml(report, settings, f"{name}.*", name=name, system=system)
    made = (
        made.replace("# Proposed by `banyan inspect` from", "# Made from the copybook alone for")
        .replace(
            'code_page = "cp285"',
            "# CHECK: assumed, as no file was given: `banyan inspect FILE --copybook C` tells code page, "
            "framing,\n"
            '# record types and key from a file.\ncode_page = "cp285"',
        )
        .replace(f'pattern = "{name}.[*]"', f'pattern = "{name}.*"')
    )
    return _finished(
        name, {"adapter.toml": made, copybook.name: text}, ("code page, framing and key are assumed",)
    )


def _finished(name: str, files: dict[str, str], advice: tuple[str, ...]) -> Scaffold:
    BatchSpec.model_validate(tomllib.loads(files["adapter.toml"]))
    title = "".join(word.title() for word in name.split("_"))
    test = _TEST.format(name=name, title=title, folder=f"adapters/{name}")
    return Scaffold(files | {f"test_{name}.py": test}, advice)
