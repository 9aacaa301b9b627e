"""Ask Kafka, the read API and the façade how things are; whatever does not answer becomes an alert."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

import aiohttp

from adapters.lifecycle import LifecycleEvent
from adapters.standing import Standing
from connectors.admin import Admin
from connectors.log_reader import Record, read_all
from hub.console.overview import (
    Alert,
    ExtractView,
    FlowView,
    OperationView,
    Overview,
    SourceView,
    operation_view,
    waiting,
)
from hub.estate import Estate
from schemas.errors import BanyanError

#: A part that takes longer is shown as not answering; the page itself must stay quick.
PATIENCE = aiohttp.ClientTimeout(total=2)

#: A broker that hangs (rather than refuses) holds its clients for a minute. Longer than PATIENCE, because the
#: first look reads whole internal topics.
KAFKA_SECONDS = 4.0

#: An adapter that cannot be opened (its WSDL does not answer) is tried again, but not at every look: the page
#: asks every two seconds, and each try may wait for the service.
OPEN_AGAIN_SECONDS = 60.0


class Collector:
    """Keeps what was read from Kafka, so that each look reads only what is new.

    `look` must not run twice at once: the page's server calls it under a lock.
    """

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._positions: dict[str, dict[int, int]] = {}
        self._standings: dict[str, Standing] = {}
        self._marks: dict[str, int] = {}
        self._complete_to: dict[str, dict[str, int]] = {}
        self._dead: dict[str, int] = {}
        self._open_again: dict[str, float] = {}
        self._reading: asyncio.Future[dict[str, dict[str, int]]] | None = None

    async def look(self) -> Overview:
        """Return how things are now."""
        settings = self._estate.settings
        outages: list[Alert] = []
        (status, ready), operations = await asyncio.gather(self._status(outages), self._operations(outages))
        ends = await self._ends(outages)
        flows = self._flows(status if ready else [], ends)
        return Overview(
            title=self._estate.title,
            at_ms=int(time.time() * 1000),
            slo_seconds=settings.slo.freshness_seconds,
            api_url=settings.api.url,
            facade_url=settings.facade.url,
            flows=flows,
            sources=[self._source(spec) for spec, _ in self._estate.adapters],
            operations=operations,
            outages=outages,
        )

    async def _status(self, outages: list[Alert]) -> tuple[list[dict[str, Any]], bool]:
        if not self._estate.projections:
            return [], True
        try:
            found: list[dict[str, Any]] = await _get(f"{self._estate.settings.api.url}/v1/_status")
        except (aiohttp.ClientError, TimeoutError, ValueError):
            outages.append(Alert("The read API does not answer.", f"banyan api {self._estate.name}"))
            return [], False
        return found, True

    async def _operations(self, outages: list[Alert]) -> list[OperationView]:
        if not self._estate.operations:
            return []
        try:
            found = await _get(f"{self._estate.settings.facade.url}/_banyan/operations")
        except (aiohttp.ClientError, TimeoutError, ValueError):
            outages.append(Alert("The façade does not answer.", f"banyan facade {self._estate.name}"))
            return []
        return [operation_view(o) for o in found["operations"]]

    async def _ends(self, outages: list[Alert]) -> dict[str, dict[str, int]]:
        """Read Kafka beside the event loop; a reading that takes too long goes on for the next look."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._kafka))
        try:
            async with asyncio.timeout(KAFKA_SECONDS):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            outages.append(Alert(f"Kafka has not answered within {KAFKA_SECONDS:g} s.", "banyan status"))
        except BanyanError as error:
            outages.append(Alert(f"Kafka does not answer: {error.what}", "banyan status"))
        finally:
            if self._reading.done():
                self._reading = None
        return {}

    def _kafka(self) -> dict[str, dict[str, int]]:
        """Read what is new on the internal topics; return the ends of the change topics."""
        topics, links = self._estate.topics, self._estate.links()
        for record in self._new(topics.lifecycle.name):
            event = LifecycleEvent.model_validate_json(record.value or b"")
            self._standings.setdefault(event.adapter, Standing()).add(event)
        for record in self._new(topics.transaction.name):
            self._mark(json.loads(record.value or b"{}"))
        for system in {spec.system for spec, _ in self._estate.adapters}:
            new = sum(1 for _ in self._new(topics.dlq(system).name))
            self._dead[system] = self._dead.get(system, 0) + new
        admin = Admin(links.kafka)
        changes = {p.topic(self._estate.settings.prefix) for p in self._estate.projections}
        return {
            t: {str(partition): end for partition, end in admin.last_stable_offsets(t).items()}
            for t in changes
        }

    def _mark(self, mark: dict[str, Any]) -> None:
        if mark.get("status") != "END":
            return
        self._marks[mark["adapter"]] = mark["ts_ms"]
        for topic, offsets in mark.get("offsets", {}).items():
            covered = self._complete_to.setdefault(topic, {})
            for partition, last in offsets.items():
                covered[partition] = max(last, covered.get(partition, -1))

    def _new(self, topic: str) -> list[Record]:
        position = self._positions.setdefault(topic, {})
        records = list(read_all(self._estate.links().kafka, topic, start=position))
        for record in records:
            position[record.partition] = record.offset + 1
        return [r for r in records if r.value is not None]

    def _source(self, spec: Any) -> SourceView:
        standing = self._standings.get(spec.name) or Standing()
        return SourceView(
            adapter=spec.name,
            kind=spec.kind,
            system=spec.system,
            owner=spec.owner,
            description=spec.description,
            dead_letters=self._dead.get(spec.system, 0),
            last_mark_ms=self._marks.get(spec.name),
            extract=_view(standing.newest) if standing.newest else None,
            open=tuple(_view(e) for e in standing.open.values()),
            expected=standing.expected,
            overdue=standing.troubled_window is not None,
            due_ms=standing.window.due_ms if standing.window else 0,
            counts=dict(standing.counts),
            drift=standing.drift,
        )

    def _flows(self, status: list[dict[str, Any]], ends: dict[str, dict[str, int]]) -> list[FlowView]:
        by_topic = {s["topic"]: s for s in status}
        flows = []
        for spec, _ in self._estate.adapters:
            for entity in self._entities(spec):
                topic = self._estate.topics.change(spec.system, entity).name
                flow = FlowView(spec.name, spec.kind, spec.system, entity, topic)
                if found := by_topic.get(topic):
                    flow = self._with_read_model(flow, found, ends.get(topic, {}))
                flows.append(flow)
        return flows

    def _entities(self, spec: Any) -> list[str]:
        """The entities of an adapter, from its projections where it cannot be opened now."""
        now = time.monotonic()
        if now >= self._open_again.get(spec.name, now):
            try:
                return sorted(self._estate.entities(spec.name))
            except BanyanError:
                self._open_again[spec.name] = now + OPEN_AGAIN_SECONDS
        return sorted(p.entity for p in self._estate.projections if p.system == spec.system)

    def _with_read_model(self, flow: FlowView, status: dict[str, Any], ends: dict[str, int]) -> FlowView:
        arrival = (status.get("freshness") or {}).get("arrival_to_visible") or {}
        stored = {str(p): int(n) for p, n in (status.get("offsets") or {}).items()}
        return replace(
            flow,
            projection=status["projection"],
            version=status["version"],
            path=f"/v1/{status['collection']}",
            rows=status["rows"],
            events=status.get("events"),
            parked=status.get("parked") or 0,
            waiting=waiting(ends, stored, self._complete_to.get(flow.topic, {})),
            p50_s=arrival.get("p50_s"),
            p99_s=arrival.get("p99_s"),
        )


def _view(event: LifecycleEvent) -> ExtractView:
    return ExtractView(
        event.extract, event.state, event.at_ms, event.file, event.counts, event.problems, event.reason,
        sum(event.nulled.values()),
    )  # fmt: skip


async def _get(url: str) -> Any:
    async with aiohttp.ClientSession(timeout=PATIENCE) as session, session.get(url) as answer:
        answer.raise_for_status()
        return await answer.json()
