"""The settings as a file: an adapter.toml that a person can read, with why each line stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.batch.inspect.file_names import adapter_name, patterns
from adapters.batch.inspect.guess import Report

#: Settings that follow from a guess: its reasons stand beside them.
_BECAUSE = {
    "framing": "framing", "code_page": "code_page", "record_length": "record_length", "format": "format",
    "dialect": "dialect", "delimited": "delimiter", "compression": "compression", "trailer": "trailer",
    "header": "header",
}  # fmt: skip
#: Columns of a terminal that has never been widened.
_WIDTH = 80
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def adapter_toml(
    report: Report, settings: Mapping[str, Any], file: str, *, name: str = "", system: str = "legacy"
) -> str:
    """Return an adapter.toml.

    Args:
        report: the guesses, for the comments.
        settings: as FormatSpec takes them.
        file: the sample's name; the pattern is made from it.
        name: the adapter's name; made from the file's without it.
        system: the legacy system's name.
    """
    pattern, business_date = patterns(file)
    head = [
        f"# Proposed by `banyan inspect` from {file}: read it before you trust it.",
        'kind = "batch"',
        f"name = {literal(name or adapter_name(file))}",
        f"system = {literal(system)}  # the legacy system; second part of the topics' names",
        'folder = "inbox"  # where files arrive; relative to this folder',
        f"pattern = {literal(pattern)}",
    ]
    if business_date:
        head.append(f"business_date = {literal(business_date)}")
    lines = [*head, "", *_scalars(report, settings), *_tables(report, settings)]
    return "\n".join(lines).rstrip() + "\n"


def literal(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {literal(v)}" for k, v in value.items()) + " }"
    assert isinstance(value, Sequence)
    return "[" + ", ".join(literal(v) for v in value) + "]"


def _string(value: str) -> str:
    if "\\" in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(
            c if c.isprintable() else (f"\\u{ord(c):04X}" if ord(c) < 0x10000 else f"\\U{ord(c):08X}")
            for c in escaped
        )
        + '"'
    )


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else literal(name)


def _scalars(report: Report, settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if not isinstance(value, Mapping) and not _is_tables(value):
            yield from _because(report, name)
            yield _entry(name, value)


def _tables(report: Report, settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in settings.items():
        table = f"{above}{_key(name)}"
        if isinstance(value, Mapping):
            yield ""
            yield from _because(report, name) if not above else ()
            yield f"[{table}]"
            inner = {k: v for k, v in value.items() if isinstance(v, Mapping) and len(literal(v)) > _WIDTH}
            yield from (_entry(k, v) for k, v in value.items() if k not in inner)
            yield from _tables(report, inner, f"{table}.")
        elif _is_tables(value):
            for one in value:
                yield ""
                yield f"[[{table}]]"
                yield from (_entry(k, v) for k, v in one.items())


def _entry(name: str, value: Any) -> str:
    """Return a setting in one line, a list in several where one would be too long for a terminal."""
    line = f"{_key(name)} = {literal(value)}"
    if len(line) <= _WIDTH or isinstance(value, str) or not isinstance(value, Sequence):
        return line
    return "\n".join([f"{_key(name)} = [", *(f"    {literal(one)}," for one in value), "]"])


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _because(report: Report, name: str) -> Iterator[str]:
    guess = report[_BECAUSE.get(name, "")]
    if guess.why:
        for reason in guess.why[:2]:
            yield f"# {''.join(c if c.isprintable() else '?' for c in reason)}"
        if guess.confidence < 0.7:
            yield f"# CHECK: confidence {guess.confidence:.2f}"
