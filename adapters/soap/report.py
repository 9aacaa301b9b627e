"""What an import had to repair or leave out: each with severity, place, and what was assumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the standards want it.

    Attributes:
        severity: `error` = something could not be imported; `warning` = repaired by an assumption that may be
            wrong; `info` = repaired without doubt.
        rule: short name of the kind of finding, see `docs/soap.md`.
        what: what is wrong. where: document and line. assumed: what was done about it.
    """

    severity: Severity
    rule: str
    what: str
    where: str
    assumed: str

    def as_dict(self) -> dict[str, str]:
        """Return the finding for JSON."""
        return asdict(self)


class Report:
    """Findings in the order in which they were met, each once."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    def add(self, severity: Severity, rule: str, what: str, where: str, assumed: str) -> None:
        """Note one finding."""
        self._findings[Finding(severity, rule, what, where, assumed)] = None

    @property
    def worst(self) -> Severity | None:
        """The highest severity that was met."""
        found = {finding.severity for finding in self}
        order: tuple[Severity, ...] = ("error", "warning", "info")
        return next((severity for severity in order if severity in found), None)
