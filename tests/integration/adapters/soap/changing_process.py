"""SOAP adapters of every way to see change, as a process of their own, to be killed.

Arguments: prefix bootstrap registry state settings, the last a JSON list of adapter settings. It says on
stdout when each adapter looks for the first time, and ends when SIGTERM tells it to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from adapters.intake import Intake
from adapters.runner import run
from adapters.soap.spec import SoapSpec
from connectors.kafka import KafkaSettings
from connectors.links import Links

FOLDER = Path(__file__).parents[3]


def main(prefix: str, bootstrap: str, registry: str, state: str, settings: str) -> None:
    """Run until told to end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    links = Links(prefix, KafkaSettings(bootstrap=bootstrap), registry, Path(state))
    specs = [(SoapSpec.model_validate(one), FOLDER) for one in json.loads(settings)]
    _announce()
    run(specs, links, stop=stop)


def _announce() -> None:
    """Say when an adapter looks for the first time: it has read its state then and opened its port."""
    look, told = Intake.look, set[int]()

    def announced(intake: Intake, adapter: Any, publisher: Any, channels: Any) -> None:
        if id(intake) not in told:
            told.add(id(intake))
            os.write(1, b"looks\n")  # in one piece: adapters are threads, and print is two writes
        look(intake, adapter, publisher, channels)

    setattr(Intake, "look", announced)  # noqa: B010 - a method is replaced on purpose


if __name__ == "__main__":
    main(*sys.argv[1:])
