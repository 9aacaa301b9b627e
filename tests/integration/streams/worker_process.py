"""A worker as a process of its own, to be killed. Arguments: prefix bootstrap registry state entities
[read-model-url]."""

import asyncio
import signal
import sys
from pathlib import Path

from connectors.kafka import KafkaSettings
from connectors.links import Links
from streams import worker
from streams.projection import row_projection


async def main(prefix: str, bootstrap: str, registry: str, state: str, entities: str, url: str = "") -> None:
    links = Links(prefix, KafkaSettings(bootstrap=bootstrap), registry, Path(state), url)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    projections = [row_projection(e, source=f"esa.{e}", collection=e) for e in entities.split(",")]
    await worker.run(projections, links, stop=stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
