"""What a way to see change has to offer; `SoapAdapter` is one of them with a contract around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from adapters.extract import Extract
from adapters.soap.avro_entity import EntityShape


class Way(Protocol):
    """One mode of `[change]`."""

    @property
    def shape(self) -> EntityShape:
        """The entity that it yields."""
        ...

    def poll(self) -> Iterator[Extract]:
        """Yield what there is to publish, oldest first; each is committed before the next is asked for."""
        ...

    def done(self, extract: Extract) -> None:
        """Called when an extract of this way is committed."""
        ...

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """See `Remembering.resume`."""
        ...

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """See `Remembering.rest`."""
        ...

    def close(self) -> None:
        """Let go of ports and connections."""
        ...
