"""What the clauses of an item must not say together; each error names what, where and the remedy."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.tree import Item, Usage

#: Usages whose items have no PICTURE: the usage says the bytes.
BARE: frozenset[Usage] = frozenset(
    ("COMP-1", "COMP-2", "POINTER", "PROCEDURE-POINTER", "FUNCTION-POINTER", "OBJECT", "INDEX",
     "BINARY-CHAR", "BINARY-SHORT", "BINARY-LONG", "BINARY-DOUBLE")
)  # fmt: skip


def error_at(item: Item, what: str, fix: str) -> CopybookError:
    """Return an error at an item's level number."""
    return CopybookError(
        what, source=item.source or "<copybook>", line=item.line, column=item.column, fix=fix
    )


def check_redefines(children: Sequence[Item]) -> None:
    """Refuse a REDEFINES of anything but an item before it at the same level."""
    seen: set[str] = set()
    for child in children:
        target = child.redefines
        if target is not None and target not in seen:
            raise error_at(
                child,
                f"{_name(child)} REDEFINES {target}, which is no item before it at this level",
                "name an item of the same group that stands above",
            )
        seen.add(child.name)


def check_group(item: Item) -> None:
    """Refuse a group with clauses that only elementary items have."""
    name = _name(item)
    if item.picture is not None:
        raise error_at(item, f"{name} has a PICTURE and items below it", "check the level numbers")
    if item.justified or item.blank_when_zero:
        clause = "JUSTIFIED" if item.justified else "BLANK WHEN ZERO"
        raise error_at(item, f"{name} is a group and cannot be {clause}", "move the clause to its items")


def check_elementary(item: Item) -> None:
    """Refuse clauses of an elementary item that contradict each other."""
    name, picture, usage = _name(item), item.picture, item.usage
    if item.level in (1, 77) and item.occurs:
        raise error_at(item, f"OCCURS cannot stand at level {item.level:02}", "move it to a level below")
    if usage in BARE:
        if picture is not None:
            raise error_at(item, f"{name} is {usage} and cannot have a PICTURE", "drop the PICTURE")
        return
    if picture is None:
        raise error_at(
            item, f"{name} has neither a PICTURE nor items below it", "check the level numbers below"
        )
    category = picture.category
    if usage == "COMP-X" and category == "text" and set(picture.symbols) == {"X"}:
        return
    if usage == "NATIONAL":
        if category not in ("national", "numeric", "edited"):
            raise error_at(
                item,
                f"{name} is NATIONAL but its PICTURE {picture.text} is not",
                "use PIC N, or drop NATIONAL",
            )
        if category == "numeric" and picture.signed and not (item.sign and item.sign.separate):
            raise error_at(
                item, f"{name} is NATIONAL and signed without SIGN … SEPARATE", "add SIGN TRAILING SEPARATE"
            )
    elif usage == "DISPLAY-1":
        if category not in ("dbcs", "national"):
            raise error_at(
                item,
                f"{name} is DISPLAY-1 but its PICTURE {picture.text} is not",
                "use PIC G, or drop DISPLAY-1",
            )
    elif usage != "DISPLAY" and category != "numeric":
        raise error_at(
            item, f"{name} is {usage} but its PICTURE {picture.text} is not numeric",
            "check USAGE here and at the groups above it",
        )  # fmt: skip
    elif item.sign and item.sign.separate and usage != "DISPLAY" and picture.signed:
        raise error_at(
            item, f"{name}: SIGN SEPARATE is only for USAGE DISPLAY", "drop SIGN, here or at the group above"
        )
    if usage == "COMP-6" and picture.signed:
        raise error_at(item, f"{name} is COMP-6, which has no sign, but its PICTURE has S", "use COMP-3")
    if item.blank_when_zero and category not in ("numeric", "edited"):
        raise error_at(item, f"{name} is BLANK WHEN ZERO but not a number", "drop the clause")
    if item.justified and category in ("numeric", "edited"):
        raise error_at(item, f"{name} is JUSTIFIED but not text", "drop the clause")


def _name(item: Item) -> str:
    return item.name or "FILLER"
