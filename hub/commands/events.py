"""Change events on Kafka: decoded by the registry, personal data masked."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.commands.options import EstateOption, JsonOption, open_estate
from hub.terminal import NO, print_json, print_lines, say
from schemas.errors import SettingsError

EXAMPLE = "Example: banyan events tail uc.casework.case --last 3"

Topic = Annotated[
    str, typer.Argument(metavar="TOPIC", help="A topic's name, or <system>.<entity> without the prefix.")
]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show personal data too.")]


def add_to(app: typer.Typer) -> None:
    """Register `tail`, `count`, `show`."""
    app.command(epilog=EXAMPLE)(tail)
    app.command(epilog="Example: banyan events count uc.paymaster.award --json")(count)
    app.command(epilog="Example: banyan events show uc.paymaster.award 0 17")(show)


def tail(
    topic: Topic,
    estate: EstateOption = None,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="Begin with so many from the end.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    reveal: Reveal = False,
) -> None:
    """Print the last events as JSON lines; dead letters by length only, unless --reveal shows their bytes."""
    import time
    from collections import deque

    links, name = _topic(estate, topic)
    from hub.events import EventReader

    reader = EventReader(links, reveal=reveal)
    position: dict[int, int] = {}

    def watched() -> Any:
        for event in reader.read(name, position):
            position[event["partition"]] = event["offset"] + 1
            yield event

    newest = sorted(deque(watched(), maxlen=last or None), key=lambda e: e["timestamp_ms"])
    print_lines(newest if last else [])
    while follow:
        time.sleep(0.5)
        print_lines(watched())


def count(topic: Topic, estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Count a topic's committed records by operation (r, c, u, d), tombstones apart."""
    from collections import Counter

    links, name = _topic(estate, topic)
    from hub.events import EventReader

    counts: Counter[str] = Counter()
    for event in EventReader(links).read(name):
        value = event["value"]
        op = value.get("op", "record") if isinstance(value, dict) else "record"
        counts["tombstone" if value is None else str(op)] += 1
    total = {"topic": name, "records": counts.total(), "by_op": dict(sorted(counts.items()))}
    if as_json:
        print_json(total)
    else:
        parts = ", ".join(f"{op} {n:,}" for op, n in sorted(counts.items()))
        say(f"{name}: {counts.total():,} records{f' ({parts})' if parts else ''}")


def show(
    topic: Topic,
    partition: Annotated[int, typer.Argument(help="Partition.")],
    offset: Annotated[int, typer.Argument(help="Offset.")],
    estate: EstateOption = None,
    reveal: Reveal = False,
) -> None:
    """Show one event with everything that its envelope says."""
    links, name = _topic(estate, topic)
    from connectors.admin import Admin
    from hub.events import EventReader

    # Start the other partitions at their ends, so that only one record is read.
    start = Admin(links.kafka).last_stable_offsets(name) | {partition: offset}
    for event in EventReader(links, reveal=reveal).read(name, start):
        if event["partition"] == partition and event["offset"] == offset:
            print_json(event)
            return
        if event["partition"] == partition:
            break
    say(f"{name}: no committed record at partition {partition}, offset {offset}")
    raise typer.Exit(NO)


def _topic(estate: str | None, topic: str) -> tuple[Any, str]:
    """Return the links and the full name of a topic that exists."""
    opened = open_estate(estate)
    links = opened.links()
    from connectors.admin import Admin

    known = Admin(links.kafka).topics()
    for name in (topic, f"{opened.settings.prefix}.{topic}"):
        if name in known:
            return links, name
    prefix = opened.settings.prefix
    own = [n for n in known if n.startswith((f"{prefix}.", f"__banyan.{prefix}."))]
    raise SettingsError(
        f"no topic {topic!r}", where=links.kafka.bootstrap, fix=f"choose from: {', '.join(own) or 'none yet'}"
    )
