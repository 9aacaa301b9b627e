"""Which column holds which field: by number, or by the names in a file's first record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.fields.field_plan import FieldPlan
from schemas.errors import Terminal

#: A header's names that an error lists.
_SHOWN = 20


def by_name(
    names: Sequence[str], fields: Sequence[FieldPlan], spec: DelimitedSpec, where: str
) -> Mapping[str | int | tuple[int, int], int | None]:
    """Return the position (from 0) of each field's source, None for a column that may be missing.

    Names are compared without case and blanks around them.

    Raises:
        Terminal: a column is missing, there twice, too many or out of order, and the settings forbid it.
    """
    known: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        known.setdefault(_plain(name), []).append(at)
    places: dict[str | int | tuple[int, int], int | None] = {}
    for field in fields:
        if isinstance(field.source, int):
            found = [field.source - 1]
        else:
            found = known.get(_plain(str(field.source)), [])
        if len(found) > 1:
            raise _unfit(
                f"the header has {len(found)} columns {field.source!r}", where, "say which by number"
            )
        if not found or found[0] >= len(names):
            if spec.missing_columns == "refuse":
                shown = ", ".join(names[:_SHOWN]) + ("…" if len(names) > _SHOWN else "")
                raise _unfit(
                    f"the header has no column {field.source!r}; it has {len(names)}: {shown}",
                    where,
                    'check delimiter, encoding and `from`, or set missing_columns = "null"',
                )
            places[field.source] = None
        else:
            places[field.source] = found[0]
    used = [place for place in places.values() if place is not None]
    if spec.extra_columns == "refuse" and len(set(used)) < len(names):
        extra = [name for at, name in enumerate(names) if at not in used]
        raise _unfit(
            f"the header has columns that no field names: {', '.join(extra[:_SHOWN])}",
            where,
            'declare them, or set extra_columns = "allow"',
        )
    if spec.column_order == "declared" and used != sorted(used):
        raise _unfit(
            "the header's columns stand in another order than the fields",
            where,
            'is it another version of the file? column_order = "any" reads columns by name',
        )
    return places


def by_number(fields: Sequence[FieldPlan]) -> Mapping[str | int | tuple[int, int], int | None]:
    """Return the position of each field of a file without header."""
    return {f.source: f.source - 1 for f in fields if isinstance(f.source, int)}


def _plain(name: str) -> str:
    return name.strip(" \t\0\ufeff").casefold()


def _unfit(what: str, where: str, fix: str) -> Terminal:
    return Terminal(what, where=where, fix=fix)
