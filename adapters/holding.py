"""Extracts that wait for a person: held, then published as prepared, rejected or superseded (G6, 10.3)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from adapters.approval import decision
from adapters.lifecycle import LifecycleEvent
from adapters.publish import Publisher
from adapters.spool import Manifest, Spool
from adapters.state import Blocked, Held
from connectors.admin import Admin
from connectors.kafka import Fenced
from connectors.links import Links
from schemas.errors import Terminal

log = structlog.get_logger("banyan.adapter")


class Holding:
    """The one place of an adapter where an extract can wait."""

    def __init__(self, links: Links, adapter: str, spools: Path) -> None:
        self._links, self._adapter, self._spools = links, adapter, spools

    def __repr__(self) -> str:
        return f"<Holding {self._adapter}>"

    def hold(
        self,
        publisher: Publisher,
        spool: Spool,
        superseded: Sequence[str],
        samples: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> bool:
        """Let a prepared extract wait; False where a poll shows again what waits or was refused.

        Args:
            publisher: the adapter's publisher.
            spool: the extract; `manifest.hold` says why it waits.
            superseded: ids of held and failed extracts that it replaces.
            samples: pseudonyms of some of its keys, by entity and kind of change.
        """
        manifest, state = spool.manifest, publisher.state
        # A poll shows the same picture again and again; it is held (or was refused) once.
        seen = {state.refused, state.held.snapshot if state.held else ""}
        # (A part is another one each time: what was refused of it is passed over by its memory.)
        if manifest.file is None and not manifest.partial and manifest.snapshot in seen:
            return False
        self.let_go(publisher, manifest)
        held = Held(
            extract=manifest.extract,
            spool=spool.id,
            snapshot=manifest.snapshot,
            partial=manifest.partial,
            at_ms=time.time_ns() // 1_000_000,
            ts_ms=manifest.business_ms,
            told_from=Admin(self._links.kafka).last_stable_offsets(self._links.topics.lifecycle.name)[0],
            file=manifest.file,
            sequence=manifest.sequence,
        )
        facts = {"file": manifest.file, "counts": manifest.counts, "sequence": manifest.sequence}
        completed = [LifecycleEvent.now(self._adapter, manifest.extract, "completed", **facts)]
        reason = f"by {manifest.extract}"
        publisher.tell(
            *(completed if manifest.file is not None else ()),
            *(LifecycleEvent.now(self._adapter, e, "superseded", reason=reason) for e in superseded),
            LifecycleEvent.now(
                self._adapter,
                manifest.extract,
                "held",
                nulled=manifest.nulled,
                problems=manifest.hold,
                samples=samples,
                **facts,
            ),
            state=publisher.state.model_copy(
                update={
                    "held": held,
                    "known": state.remember(*superseded),
                    "again": tuple(e for e in state.again if e != manifest.extract),
                    "unarchived": state.lie(*superseded) if manifest.file else state.unarchived,
                }
            ),
        )
        log.warning("extract held", adapter=self._adapter, extract=manifest.extract, reasons=manifest.hold)
        return True

    def settle(self, publisher: Publisher) -> Spool | None:
        """Do what a person has decided about the extract that waits; return it if it is to be published.

        Raises:
            Terminal: it was approved and its spool is not on this host.
            Transient: Kafka does not answer.
        """
        held = publisher.state.held
        answer = decision(self._links, self._adapter, held) if held else None
        if held is None or answer is None:
            return None
        told: list[LifecycleEvent] = []
        if answer == "approved":
            spool = Spool(self._spools / held.spool)
            if spool.manifest.base == publisher.state.snapshot:
                return spool
            reason = "by a later partial extract: it was compared with an older picture"
            told = [LifecycleEvent.now(self._adapter, held.extract, "superseded", reason=reason)]
        refused = held.snapshot if answer == "rejected" else publisher.state.refused
        # The parts behind a rejected one still wait: for the right file, or for a person who skips it.
        blocked = Blocked(extract=held.extract, file=held.file, sequence=held.sequence)
        rejected = held.partial and answer == "rejected"
        waits = rejected and held.file is not None
        update: dict[str, object] = {"blocked": blocked if waits else publisher.state.blocked}
        if rejected and not waits:
            # What a poll had read is passed over on record; else the next one would read just the same again.
            update["memory"] = self._memory(held, publisher.state.memory)
        self.drop(publisher, *told, refused=refused, **update)
        return None

    def _memory(self, held: Held, known: str) -> str:
        try:
            memory = Spool(self._spools / held.spool).manifest.memory
        except Terminal:
            return known
        return known if memory is None else memory

    def drop(self, publisher: Publisher, *told: LifecycleEvent, **update: object) -> None:
        """Forget the extract that waits: its dead letters are published, nothing else of it ever is.

        Args:
            publisher: the adapter's publisher.
            told: what to say about it.
            update: what else changes in the state, by field.
        """
        held = publisher.state.held
        if held is None:
            return
        letters = self.let_go(publisher) or publisher.state.letters
        state = publisher.state
        publisher.tell(
            *told,
            state=state.model_copy(
                update={
                    "held": None,
                    "known": state.remember(held.extract),
                    "unarchived": state.lie(held.extract) if held.file else state.unarchived,
                    "letters": letters,
                    **update,
                }
            ),
        )

    def let_go(self, publisher: Publisher, newer: Manifest | None = None) -> str:
        """Publish the dead letters of the extract that waits: nothing else of it will ever be (G5).

        A crash between this and what follows repeats no letter, for the state counts them.

        Args:
            publisher: the adapter's publisher.
            newer: what replaces it, where something does. A poll that rejects just the same records has
                the letters in its own spool.

        Returns:
            The digest of a poll's letters, empty for files and where nothing waits.
        """
        held = publisher.state.held
        if held is None:
            return ""
        try:
            spool = Spool(self._spools / held.spool)
            letters = spool.manifest.letters
            if newer is None or not letters or newer.letters != letters:
                publisher.publish_letters(spool)
        except Fenced:
            raise
        except Terminal as error:
            # A lost spool must keep neither a person's decision nor a newer extract out.
            log.error("dead letters are lost", adapter=self._adapter, extract=held.extract, error=str(error))
            return ""
        return letters
