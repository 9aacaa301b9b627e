"""What an import found: each repair of a bad WSDL, and each thing that could not be used, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["info", "warning", "error"]
#: A document with more to say than this is not worth reading on; what is left out is counted.
MAX_FINDINGS = 1_000
_ORDER: dict[str, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the standards ask.

    Attributes:
        severity: `error` = something cannot be used, or is only guessed; `warning` = repaired in the one way
            that makes sense; `info` = harmless, or repaired without doubt.
        rule: what kind of finding, for programs; docs/soap.md lists them.
        where: document and line.
        assumed: how it was read nevertheless, empty if it was not.
    """

    severity: Severity
    rule: str
    where: str
    what: str
    assumed: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the finding for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        assumed = f"; assumed: {self.assumed}" if self.assumed else ""
        return f"{self.where}: {self.severity}: {self.what}{assumed} [{self.rule}]"


class Report:
    """Findings in the order found, each once."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}
        self.left_out = 0

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    def __repr__(self) -> str:
        return f"Report({len(self)} findings, {len(self.of('error'))} errors)"

    def add(self, severity: Severity, rule: str, where: str, what: str, assumed: str = "") -> None:
        """Take a finding, unless it is known."""
        finding = Finding(severity, rule, where, what, assumed)
        if len(self._findings) < MAX_FINDINGS or finding in self._findings:
            self._findings[finding] = None
        else:
            self.left_out += 1

    @property
    def worst(self) -> Severity | None:
        """The highest severity that was met."""
        return next((finding.severity for finding in self.sorted()), None)

    def of(self, *severities: Severity) -> list[Finding]:
        """Return the findings of these severities."""
        return [finding for finding in self if finding.severity in severities]

    def sorted(self) -> list[Finding]:
        """Return the findings, errors first."""
        return by_severity(self)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with errors first, otherwise in their order."""
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])
