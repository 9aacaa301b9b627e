"""Phase 1: turn an extract into a spool and a new snapshot, fsynced, in deterministic order (DESIGN 10.2).

The same extract over the same base gives the same bytes: every time in the events is the extract's own,
so a crash between the phases costs only the work. Memory is bounded by a part of an entity
(`adapters.parts`).

Events stand in the order of the source, deletes after them by key; where an entity has many rows, so it is
in each part, and one part follows the other. Events of one key are always in one part.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from adapters.channel import Channel
from adapters.dead_letter import spool_batch
from adapters.entity_diff import EntityDiff
from adapters.extract import Extract, Reject
from adapters.guard import reasons_to_hold
from adapters.originals import Originals
from adapters.parts import Rows
from adapters.rejects import Rejects, by_entity
from adapters.remembering import memory_of
from adapters.snapshot import Snapshots
from adapters.spec import AdapterSpec
from adapters.spool import Spool, SpoolWriter
from adapters.turn import number_of
from connectors.key_secret import fingerprint

#: A held extract's reasons quote so many rejects; all of them are dead letters.
_QUOTED = 5
#: Different problems of one extract that are told. They travel in one Kafka record, which has a limit: a
#: list whose detail calls all fail would have thousands.
_PROBLEMS = 20


def prepare(
    extract: Extract,
    *,
    spec: AdapterSpec,
    channels: Mapping[str, Channel],
    snapshots: Snapshots,
    base: str,
    spools: Path,
    dead_letters: str,
    secret: bytes,
    told: str = "",
    doubts: Sequence[str] = (),
) -> Spool:
    """Decode, compare, guard and write; nothing of it is published yet.

    Args:
        extract: what the adapter found; read to its end.
        spec: the adapter's settings (name, system, guard).
        channels: where each entity's events go, by entity name.
        snapshots: the adapter's snapshots.
        base: id of the committed snapshot; empty before the first.
        spools: folder for the new spool.
        dead_letters: the dead-letter topic's name.
        secret: the estate's key secret, behind the pseudonyms of keys in dead letters.
        told: digest of the rejects that the poll before has dead-lettered. A record that stays bad is in
            every poll; it is one dead letter, not one every few seconds.
        doubts: why a person must look first, whatever the extract holds.

    Returns:
        The spool. `manifest.hold` says why a person must look first; empty = publish.

    Raises:
        Terminal: the extract cannot be read with these settings.
        Transient: the source does not answer.
    """
    spec.compare.check([c.entity for c in channels.values()])
    old = snapshots.parts(base) if base else {}
    folder = spools / ".rows"
    shutil.rmtree(folder, ignore_errors=True)
    rejects = Rejects(folder / ".rejects")
    with ExitStack() as stack:
        # However this ends: rows and half a spool hold personal data, and the next extract may be far away.
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        diffs = {
            name: EntityDiff(
                channel,
                spec.compare,
                snapshots,
                old.get(name),
                rows=stack.enter_context(Rows(folder / name / "rows")),
                lost=stack.enter_context(Rows(folder / name / "lost")),
                rejects=rejects,
            )
            for name, channel in channels.items()
        }
        for chunk in extract.chunks():
            for part in chunk.rows:
                diffs[part.entity].add(part)
            rejects.add(chunk.rejects)
            for name, mine in by_entity(chunk.rejects).items():
                if name in diffs:
                    diffs[name].lose(mine)
        problems = _summed(extract.problems())
        unreadable = rejects.unreadable
        absence = not (extract.partial or problems or unreadable)
        writer = stack.enter_context(SpoolWriter(spools))
        total = 0
        for diff in diffs.values():
            writer.add(diff.channel.topic, diff.records(extract, absence=absence, total=total))
            total += diff.events
        hold = reasons_to_hold(
            {name: diff.tally for name, diff in diffs.items()},
            spec.guard,
            partial=extract.partial,
            # In a part no absence is judged, and one bad message of a service must not stop all others.
            unreadable_keys=0 if extract.partial and extract.origin.file is None else unreadable,
            problems=problems,
            doubts=doubts,
        )
        if hold:
            hold += [_quoted(reject) for reject in rejects.first(_QUOTED)]
        letters = rejects.digest if extract.origin.file is None else ""
        if rejects and (not letters or letters != told):
            about = {"adapter": spec.name, "extract": extract.id}
            again = getattr(extract, "again", None) if rejects.decoded else None
            with closing(Originals(again() if again else iter(()))) as originals:
                writer.add(
                    dead_letters,
                    (
                        spool_batch(originals.of(portion), **about, origin=extract.origin, secret=secret)
                        for portion in rejects.portions()
                    ),
                )
        return writer.close(
            adapter=spec.name,
            extract=extract.id,
            partial=extract.partial,
            base=base,
            snapshot=snapshots.write({name: diff.pictures for name, diff in diffs.items()}),
            ts_ms=extract.origin.ts_ms,
            ts_kind=extract.origin.ts_kind,
            arrival_ms=extract.origin.arrival_ms,
            file=extract.origin.file,
            sequence=number_of(extract),
            entities={name: diff.entity(spec.system) for name, diff in diffs.items()},
            rejected=len(rejects),
            # Only files have fields that settings may make null.
            nulled=dict(sorted(getattr(extract, "nulled", {}).items())),
            letters=letters,
            secret=next((fingerprint(c.secret) for c in channels.values() if c.secret), ""),
            hold=tuple(hold),
            problems=problems,
            memory=memory_of(extract),
        )


def _quoted(reject: Reject) -> str:
    return ": ".join(
        filter(None, [f"record {reject.record}", reject.field_path or reject.entity, reject.reason])
    )


def _summed(problems: Sequence[str]) -> tuple[str, ...]:
    """Return the different problems, each with how often it came, and how many more there are."""
    counts = Counter(problems)
    told = [what if n == 1 else f"{what} ({n} times)" for what, n in list(counts.items())[:_PROBLEMS]]
    more = len(counts) - len(told)
    return (*told, f"and {more} more problems") if more else tuple(told)
