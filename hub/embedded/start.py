"""Start the embedded Kafka and registry on a state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hub.embedded import aot
from hub.embedded.apicurio import Apicurio, unpack
from hub.embedded.artifact import read_lock
from hub.embedded.cache import cache_folder
from hub.embedded.child import Child
from hub.embedded.claim import Claim
from hub.embedded.fetch import maven_fetch
from hub.embedded.health import kafka_answers, registry_answers
from hub.embedded.kafka import Kafka
from hub.embedded.part import Part
from hub.embedded.ports import Ports
from hub.embedded.progress import Progress, Silent
from hub.embedded.running import end_leftovers
from hub.embedded.services import Services


@dataclass(frozen=True, slots=True)
class Tuning:
    """What benchmarks and tests change; the defaults start quickly in little memory."""

    kafka_heap_mb: int = 256
    full_jit: bool = False
    registry: bool = True
    #: Make ahead-of-time caches in the background if they are missing.
    train: bool = True


def start(
    state: Path,
    *,
    ports: Ports | None = None,
    progress: Progress | None = None,
    detached: bool = False,
    tuning: Tuning | None = None,
) -> Services:
    """Start both and return once they answer.

    Without `detached` the services end with this process, however it ends; with it they live on until
    `down(state)`.

    Args:
        state: the estate's state folder; data goes to `kafka/` and `registry/` below it.
        ports: where to listen on 127.0.0.1.
        progress: told what happens; nothing is printed here.
        detached: leave them running when this process ends.
        tuning: heap, JIT and whether the registry is wanted.

    Raises:
        Terminal: another process uses the state folder, a port is taken, or the disk refuses.
        Transient: a download fails, or a service does not come up; the message holds the end of its log.
    """
    ports, progress, tuning = ports or Ports(), progress or Silent(), tuning or Tuning()
    state = state.expanduser().absolute()
    claim = Claim(state)
    claim.take()
    children: dict[str, Child] = {}
    try:
        end_leftovers(state)
        ports.check()
        parts = parts_of(state, ports, progress=progress, tuning=tuning)
        ports.check()  # again: a download may have taken minutes
        progress.step("Starting " + ("Kafka and the schema registry" if tuning.registry else "Kafka"))
        for name, part in parts.items():
            children[name] = part.launch(bound=not detached)
        for name, part in parts.items():
            children[name] = part.await_answer(children[name], bound=not detached)
        if detached:
            claim.hand_over(children["kafka"].pid)
        services = Services(state, claim, parts, children, bound=not detached)
    except BaseException:
        for child in children.values():
            child.kill()
        claim.drop()
        raise
    if tuning.train and not detached and not tuning.full_jit:
        services.train()
    return services


def parts_of(
    state: Path, ports: Ports, *, progress: Progress | None = None, tuning: Tuning
) -> dict[str, Part]:
    """Fetch what is missing, prepare the folders, and return what is to be started, in that order."""
    progress, cache = progress or Silent(), cache_folder()
    artifacts = [a for a in read_lock() if tuning.registry or a.part == "kafka"]
    repository = maven_fetch(progress, artifacts=artifacts, cache=cache)
    parts: dict[str, Part] = {}
    if tuning.registry:  # first, because it takes longer: its start hides the formatting of Kafka's storage
        program = unpack(repository, artifacts, cache)
        registry = Apicurio(state / "registry", ports.registry_port, ports.management_port)
        registry.prepare()
        parts["registry"] = Part(
            "registry",
            registry.url,
            registry.folder,
            lambda flags: registry.command(program, flags),
            lambda: registry_answers(registry.url),
            aot.cache_file(cache, "registry", registry.command(program)),
        )
    kafka = Kafka(
        state / "kafka",
        ports.kafka_port,
        ports.controller_port,
        heap_mb=tuning.kafka_heap_mb,
        full_jit=tuning.full_jit,
    )
    kafka.prepare(repository, artifacts)
    parts["kafka"] = Part(
        "kafka",
        kafka.bootstrap,
        kafka.folder,
        lambda flags: kafka.command(repository, artifacts, flags),
        lambda: kafka_answers(kafka.bootstrap),
        aot.cache_file(cache, "kafka", kafka.command(repository, artifacts)),
    )
    return parts
