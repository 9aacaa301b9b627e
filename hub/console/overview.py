"""What the console's first page says, as plain values, and the pure judgement of what needs a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Lifecycle states that wait for a person or went wrong.
TROUBLED = {"held", "failed", "retrying", "rejected"}


@dataclass(frozen=True, slots=True)
class ExtractView:
    """The newest extract of an adapter. Times are epoch milliseconds."""

    id: str
    state: str
    at_ms: int
    file: str | None
    counts: dict[str, int]
    problems: tuple[str, ...]
    reason: str = ""
    #: Bad values that became null because settings say so.
    nulled: int = 0


@dataclass(frozen=True, slots=True)
class FlowView:
    """One row: adapter → topic → projection → API.

    Attributes:
        events: change events that the read model has taken in; None where it does not answer.
        waiting: events between the read model and the end of the topic; 0 means up to date.
        p50_s, p99_s: arrival → visible in seconds over the API's window.
    """

    adapter: str
    kind: str
    system: str
    entity: str
    topic: str
    projection: str | None = None
    version: int | None = None
    path: str | None = None
    rows: int | None = None
    events: int | None = None
    parked: int = 0
    waiting: int | None = None
    p50_s: float | None = None
    p99_s: float | None = None


@dataclass(frozen=True, slots=True)
class SourceView:
    """One adapter with its newest extract and its dead letters."""

    adapter: str
    kind: str
    system: str
    owner: str
    description: str
    dead_letters: int
    last_mark_ms: int | None
    extract: ExtractView | None
    #: Extracts that are held, failed, invalid or wait, oldest first.
    open: tuple[ExtractView, ...] = ()
    #: What is said of the file that is expected next: late and missing ones, else what is awaited.
    expected: str = ""
    overdue: bool = False
    #: When that file is or was due; 0 where none is expected.
    due_ms: int = 0
    #: State → how often it was told since the lifecycle topic began.
    counts: dict[str, int] = field(default_factory=dict)
    #: How the source's live description differs from the imported one.
    drift: tuple[str, ...] = ()

    @property
    def more(self) -> int:
        """Open extracts beside the newest one."""
        return sum(self.extract is None or one.id != self.extract.id for one in self.open)


@dataclass(frozen=True, slots=True)
class OperationView:
    """One operation as a façade sees it."""

    name: str
    summary: str
    rest: str
    stage: str
    effective_stage: str
    killed: bool
    same: int
    different: int
    inconclusive: int
    distinct_keys: int
    dropped: int
    legacy_p50_ms: float | None
    modern_p50_ms: float | None
    since_ms: int | None
    by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that needs a person: what it is, and the next action."""

    what: str
    action: str
    severe: bool = True


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page."""

    title: str
    at_ms: int
    slo_seconds: float
    api_url: str
    facade_url: str
    flows: list[FlowView] = field(default_factory=list)
    sources: list[SourceView] = field(default_factory=list)
    operations: list[OperationView] = field(default_factory=list)
    outages: list[Alert] = field(default_factory=list)

    @property
    def alerts(self) -> list[Alert]:
        """What needs a person, the worst first."""
        found = [*self.outages, *self._source_alerts(), *self._flow_alerts(), *self._operation_alerts()]
        return sorted(found, key=lambda alert: not alert.severe)

    @property
    def dead_letters(self) -> int:
        """Rejected records of all systems."""
        return sum(s.dead_letters for s in self.sources)

    @property
    def answered(self) -> int:
        """Flows that a projection answers."""
        return sum(f.projection is not None for f in self.flows)

    @property
    def up_to_date(self) -> int:
        """Flows with nothing waiting."""
        return sum(f.waiting == 0 for f in self.flows)

    @property
    def rows(self) -> int:
        """Rows that the API serves."""
        return sum(f.rows or 0 for f in self.flows)

    @property
    def slowest_p99_s(self) -> float | None:
        """The worst flow's 99th percentile from arrival to visible, in seconds."""
        return max((f.p99_s for f in self.flows if f.p99_s is not None), default=None)

    def late(self, flow: FlowView) -> bool:
        """True where a flow misses its freshness objective."""
        return flow.p99_s is not None and flow.p99_s > self.slo_seconds

    def _source_alerts(self) -> list[Alert]:
        found = []
        for source in self.sources:
            extract = source.extract
            last = [extract] if extract is not None and extract.state in TROUBLED else []
            open_ones = {e.id: e for e in (*source.open, *last)}.values()
            found += [_extract_alert(source.adapter, e) for e in open_ones if e.state != "waiting"]
            found += _waiting_alerts(source.adapter, [e for e in open_ones if e.state == "waiting"])
            if source.overdue:
                found.append(
                    Alert(
                        f"{source.adapter}: {source.expected}.",
                        f"Ask {source.owner or source.system} for it; it is taken when it comes",
                    )
                )
            if source.drift:
                what = f"{source.adapter}: the live contract is not the imported one: {source.drift[0]}"
                more = f" (and {len(source.drift) - 1} more)" if len(source.drift) > 1 else ""
                ask = f"Ask {source.owner or source.system}; see `banyan wsdl diff`"
                found.append(Alert(f"{what}{more}.", ask, severe=False))
            if source.dead_letters:
                told = f"{_count(source.dead_letters, 'record')} of {source.system} rejected, the others flow"
                found.append(Alert(told, "banyan dlq list", severe=False))
        return found

    def _flow_alerts(self) -> list[Alert]:
        found = [
            Alert(
                f"{f.projection} misses its freshness objective: {f.p99_s:.1f} s at the 99th percentile, "
                f"{self.slo_seconds:g} s are promised.",
                "Read the worker's log",
                severe=False,
            )
            for f in self.flows
            if self.late(f)
        ]
        found += [
            Alert(
                f"{f.projection} has parked {_count(f.parked, 'key')} after events that failed.",
                "banyan dlq list",
            )
            for f in self.flows
            if f.parked
        ]
        return found

    def _operation_alerts(self) -> list[Alert]:
        found = []
        for operation in self.operations:
            if operation.killed:
                found.append(
                    Alert(
                        f"{operation.name} is killed: legacy answers whatever the stage says.",
                        f"banyan operation restore {operation.name} --reason …",
                    )
                )
            if operation.different:
                found.append(
                    Alert(
                        f"{operation.name}: {_count(operation.different, 'compared call')} differ.",
                        f"banyan operation evidence {operation.name}",
                    )
                )
        return found


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _extract_alert(adapter: str, extract: ExtractView) -> Alert:
    name = extract.file or extract.id
    why = "; ".join(extract.problems) or extract.reason
    told = f"{adapter}: {name} is {extract.state}{f': {why}' if why else ''}."
    if extract.state == "held":
        return Alert(told, f"banyan adapter approve {adapter} --reason …, or reject")
    if extract.state == "rejected":
        return Alert(told, "Nothing of it was published; a newer extract supersedes it", severe=False)
    if extract.state == "retrying":
        return Alert(told, "Nothing to do while the source comes back; it is tried again by itself")
    if extract.state == "invalid":
        return Alert(told, "Mend the file or the settings, or move the file away")
    return Alert(told, "Mend the file or the settings; a newer full extract supersedes this one")


def _waiting_alerts(adapter: str, extracts: list[ExtractView]) -> list[Alert]:
    """Return one alert for all files that wait for the same thing."""
    found: dict[str, list[ExtractView]] = {}
    for one in extracts:
        found.setdefault("; ".join(one.problems) or one.reason, []).append(one)
    alerts = []
    for why, ones in found.items():
        first = ones[0].file or ones[0].id
        told = f"{first} is" if len(ones) == 1 else f"{_count(len(ones), 'file')} from {first} on are"
        action = f"banyan adapter files {adapter}; banyan adapter skip, if it never comes"
        alerts.append(Alert(f"{adapter}: {told} waiting{f': {why}' if why else ''}.", action, severe=False))
    return alerts


def waiting(ends: dict[str, int], stored: dict[str, int], complete_to: dict[str, int]) -> int:
    """Return how many offsets the read model is behind; 0 once it is complete to every END mark.

    A commit marker takes an offset too, so the distance to the end of the log never says 0 by itself.

    Args:
        ends: last stable offset by partition.
        stored: next offset of the read model by partition.
        complete_to: last offset by partition of everything that END marks cover.
    """
    if all(stored.get(p, 0) > last for p, last in complete_to.items()):
        return 0
    return sum(max(0, end - stored.get(p, 0)) for p, end in ends.items())


def operation_view(found: dict[str, Any]) -> OperationView:
    """Return the view of one operation from the façade's own account."""
    verdicts, latency = found.get("verdicts") or {}, found.get("latency_ms") or {}
    rest = found.get("rest")
    return OperationView(
        name=found["name"],
        summary=found.get("summary") or "",
        rest=f"{rest['method']} {rest['path']}" if isinstance(rest, dict) else str(rest or ""),
        stage=found["stage"],
        effective_stage=found["effective_stage"],
        killed=bool(found.get("killed")),
        same=verdicts.get("same", 0),
        different=verdicts.get("different", 0),
        inconclusive=verdicts.get("inconclusive", 0),
        distinct_keys=found.get("distinct_keys") or 0,
        dropped=(found.get("shadow") or {}).get("dropped", 0),
        legacy_p50_ms=(latency.get("legacy") or {}).get("p50"),
        modern_p50_ms=(latency.get("modern") or {}).get("p50"),
        since_ms=found.get("since_ms"),
        by=found.get("by"),
        reason=found.get("reason"),
    )
