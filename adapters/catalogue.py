"""Every kind of adapter there is, and how an `adapter.toml` finds its class."""

from __future__ import annotations

import difflib
from pathlib import Path

from adapters.batch.spec import BatchSpec
from adapters.soap.spec import SoapSpec
from adapters.spec import AdapterSpec
from connectors.settings import line_of, parse, read_text, resolve, validate
from schemas.errors import SettingsError

KINDS: dict[str, type[AdapterSpec]] = {"batch": BatchSpec, "soap": SoapSpec}


def load_adapter(folder: Path) -> AdapterSpec:
    """Return the settings in `folder/adapter.toml`, checked by the class that its `kind` names.

    Raises:
        SettingsError: no such file, no or an unknown kind, or settings that do not fit the kind.
    """
    path = folder / "adapter.toml"
    text = read_text(path)
    document = resolve(parse(path, text), path)
    kind = document.get("kind")
    if kind is None:
        known = ", ".join(f'"{k}"' for k in KINDS)
        raise SettingsError("the key 'kind' is missing", where=f"{path}:1", fix=f"add kind = one of {known}")
    if kind not in KINDS:
        close = difflib.get_close_matches(str(kind), KINDS, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known kinds: {', '.join(KINDS)}"
        raise SettingsError(
            f"unknown kind of adapter {kind!r}", where=f"{path}:{line_of(text, ('kind',))}", fix=hint
        )
    return validate(path, text, KINDS[kind], document)
