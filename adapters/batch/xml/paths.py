"""Paths to elements and attributes, and what stands there in a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.batch.fields.documents import Misplaced
from schemas.errors import SettingsError

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_STEP = re.compile(r"@?(?:(?P<prefix>[\w.-]+):)?(?P<name>[\w.-]+|\*)")
_SPACE = " \t\r\n"


@dataclass(slots=True)
class Node:
    """An element. Names are `namespace name` with a blank between, or the name alone."""

    name: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    @property
    def nil(self) -> bool:
        """True where the element says that it has no value (xsi:nil)."""
        return self.attributes.get(f"{_XSI} nil", "").strip() in ("true", "1")


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a path; without a namespace that name in any."""

    name: str
    namespace: str | None = None

    def fits(self, name: str) -> bool:
        """Return whether an element's or attribute's name is meant."""
        namespace, _, local = name.rpartition(" ")
        return self.name in ("*", local) and self.namespace in (None, namespace)


@dataclass(frozen=True, slots=True)
class Path:
    """Steps down, and an attribute at their end if there is one."""

    steps: tuple[Step, ...]
    attribute: Step | None = None
    anywhere: bool = False

    @classmethod
    def parse(cls, text: str, namespaces: Mapping[str, str], where: str) -> Path:
        """Return the path of a text such as `/a/b`, `//b`, `a/@b` or `.`.

        Raises:
            SettingsError: it is none, or a prefix is not declared.
        """
        anywhere = text.startswith("//")
        steps: list[Step] = []
        for part in text.removeprefix("//").removeprefix("/").split("/"):
            match = _STEP.fullmatch(part)
            if part == "." and text == ".":
                continue
            if match is None or (steps and steps[-1].name.startswith("@")):
                raise SettingsError(
                    f"{text!r} is no path",
                    where=where,
                    fix="write a/b, a/@b, @b or ., with declared prefixes",
                )
            prefix = match["prefix"]
            if prefix is not None and prefix not in namespaces:
                raise SettingsError(
                    f"the prefix {prefix!r} of {text!r} is not declared",
                    where=where,
                    fix=f'add {prefix} = "its namespace" to [xml.namespaces]',
                )
            mark = "@" if part.startswith("@") else ""
            steps.append(Step(mark + match["name"], namespaces[prefix] if prefix is not None else None))
        if steps and steps[-1].name.startswith("@"):
            last = steps.pop()
            return cls(tuple(steps), Step(last.name[1:], last.namespace), anywhere)
        return cls(tuple(steps), None, anywhere)

    def leads_to(self, names: list[str]) -> bool:
        """Return whether the element with these names, from the root on, stands at the path."""
        if self.anywhere:
            names = names[-len(self.steps) :]
        return len(names) == len(self.steps) and all(
            step.fits(name) for step, name in zip(self.steps, names, strict=True)
        )

    def find(self, node: Node, many: bool) -> Any:
        """Return what stands at the path: an element, an attribute's text, a list (for `many`), or None.

        A list is None where what should hold it is not there.
        """
        above = found = [node]
        for step in self.steps:
            above, found = found, [child for one in found for child in one.children if step.fits(child.name)]
        values: list[Any] = list(found)
        if self.attribute is not None:
            above = found
            values = [
                value for one in found for name, value in one.attributes.items() if self.attribute.fits(name)
            ]
        if many:
            return values if above else None
        if len(values) > 1:
            return Misplaced(f"{len(values)} elements where one is expected")
        return values[0] if values else None


def text_of(value: Any) -> Any:
    """Return the text of an element or attribute without white space around it; None for nil."""
    if not isinstance(value, Node):
        return value.strip(_SPACE) if isinstance(value, str) else value
    if value.nil:
        return None
    if value.children:
        return Misplaced("elements where a text is expected")
    return "".join(value.text).strip(_SPACE)
