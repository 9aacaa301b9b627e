"""What an import found: each repair of a bad WSDL, and each thing that could not be used, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["info", "warning", "error"]
#: A document with more to say than this is not worth reading on; what is left out is counted.
MAX_FINDINGS = 1_000
#: Rule → what it says, for the documentation.
RULES: dict[str, str] = {
    "body-parts": "a document message has not one element, or its binding names a part that is not there",
    "dangling-attribute": "an attribute that nothing defines is referred to: it is read as text",
    "dangling-attributeGroup": "an attribute group that nothing defines is referred to: it holds nothing",
    "dangling-binding": "a port names a binding that nothing defines: the port is left out",
    "dangling-element": "an element that nothing defines is referred to: any content in it is kept as XML",
    "dangling-fault": "a fault names a message that nothing defines: its detail is kept as XML",
    "dangling-group": "a group that nothing defines is referred to: nothing stands there",
    "dangling-header": "a header names a message or part that nothing defines: it is left out",
    "dangling-policy": "a policy that is not there is referred to: nobody can say what it demands",
    "dangling-simpleType": "a simple type that nothing defines is named: any text is taken",
    "dangling-type": "a type that nothing defines is named: any content is kept as XML",
    "default-namespace": "a name without prefix leads nowhere; the one thing that it can mean is taken",
    "defined-twice": "two different definitions of one name: the first one counts",
    "element-as-type": "an element is named where a type is needed: the type of that element is taken",
    "import-location": "an import leads where nothing can be read; the copy beside the WSDL is taken",
    "import-namespace": "an import says another namespace than its document: the document counts",
    "import-not-read": "an imported document cannot or may not be read: it says nothing",
    "include-namespace": "a document of another namespace is included: it counts as imported",
    "no-definition": "a schema holds something that is not of XML Schema: it is left out",
    "no-transport": "a binding names no transport: HTTP is taken",
    "not-imported": "names of a namespace are used without an xs:import of it",
    "operation-refused": "an operation cannot be used; the reason is told",
    "operation-taken": "two port types have an operation of one name: the first port's is taken",
    "parameter-order": "parameterOrder names other parts, or another order: the order of the message counts",
    "refused": "nothing can be imported; the reason is told",
    "rpc-element-part": "a part of an rpc message names an element: the element's type is taken",
    "rpc-namespace": "the body of an rpc message has no namespace: the target namespace is taken",
    "undeclared-prefix": "a prefix is not declared: what it always means is taken, if it is well known",
    "unreadable": "a type makes no sense (it derives from itself…): what needs it is refused",
    "untyped-part": "a part names neither element nor type: any content is kept as XML",
    "wrong-namespace": "a name is not in its namespace; the one other thing that it can mean is taken",
}
_ORDER: dict[str, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the standards ask.

    Attributes:
        severity: `error` = something cannot be used, or is only guessed; `warning` = repaired in the one way
            that makes sense; `info` = harmless, or repaired without doubt.
        rule: what kind of finding, for programs: one of `RULES`.
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
        assert rule in RULES
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
