"""Names made legal for Avro, Kafka and REST, and kept reversible (DESIGN 10.4, 10.13)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.errors import SettingsError

_TOPIC_PART = re.compile(r"[a-z][a-z0-9_]*\Z")
_AVRO_ILLEGAL = re.compile(r"[^A-Za-z0-9_]")


def avro_name(original: str) -> str:
    """Return the Avro name of a legacy field: `-` and every other illegal character become `_`.

    The original is kept in the field property `legacy.name`, so the step can be undone. A name that
    starts with a digit gets a leading `_` (Avro 1.11, "Names").
    """
    name = _AVRO_ILLEGAL.sub("_", original)
    return f"_{name}" if not name or name[0].isdigit() else name


def avro_names(originals: Sequence[str], *, where: str) -> list[str]:
    """Return the Avro names of sibling fields, refusing two originals that collide.

    Raises:
        SettingsError: two originals give one Avro name.
    """
    seen: dict[str, str] = {}
    for original in originals:
        name = avro_name(original)
        if name in seen:
            raise SettingsError(
                f"fields {seen[name]!r} and {original!r} would both be called {name!r} in Avro",
                where=where,
                fix="rename one of them in the adapter's [rename] table",
            )
        seen[name] = original
    return list(seen)


def api_name(name: str) -> str:
    """Return the REST name of a field: lower snake case (`ACCT-ID` and `AcctId` → `acct_id`)."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", avro_name(name))
    return re.sub(r"_+", "_", spaced).strip("_").lower() or "field"


def topic_part(value: str, *, where: str) -> str:
    """Return `value` if it may stand as one part of a topic name, else raise.

    Raises:
        SettingsError: not `[a-z][a-z0-9_]*`.
    """
    if not _TOPIC_PART.match(value):
        raise SettingsError(
            f"{value!r} cannot be part of a topic name",
            where=where,
            fix="use lower-case letters, digits and '_', starting with a letter",
        )
    return value
