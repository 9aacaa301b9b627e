"""How long the embedded Kafka and registry take to start and stop, and the memory they hold.

Three kinds of start: the first ever (storage formatted, no ahead-of-time cache used), a later one without the
cache, and a later one with it. The baseline is the same programs with a plain JVM: full JIT, no cache.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from hub.embedded.cache import cache_folder
from hub.embedded.fetch import maven_fetch
from hub.embedded.part import Part
from hub.embedded.ports import Ports
from hub.embedded.start import Tuning, parts_of, start
from hub.embedded.train import train

ROUNDS = 3


def main() -> None:
    """Print `name value unit` lines."""
    maven_fetch(cache=cache_folder())
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        show("first_start", start_and_stop(state)[0], "s")
        plain = parts_of(state, Ports.free(), tuning=Tuning(full_jit=True))
        for name, part in plain.items():
            one(f"{name}_plain_jvm", part, flags=[])
        train(["registry", "kafka"])
        for name, part in parts_of(state, Ports.free(), tuning=Tuning()).items():
            one(f"{name}_without_cache", part, flags=[])
            one(f"{name}_with_cache", part, flags=None)
        starts, stops = zip(*(start_and_stop(state) for _ in range(ROUNDS)), strict=True)
        show("start_both", statistics.median(starts), "s")
        show("stop_both", statistics.median(stops), "s")


def start_and_stop(state: Path) -> tuple[float, float]:
    """Start and stop both services; return the seconds until both answered, and until both had ended."""
    begin = time.monotonic()
    services = start(state, ports=Ports.free(), tuning=Tuning(train=False))
    started = time.monotonic()
    services.stop()
    return started - begin, time.monotonic() - started


def one(label: str, part: Part, flags: list[str] | None) -> None:
    """Start one service `ROUNDS` times; print the medians of seconds, processor seconds and memory."""
    seconds, cpu, memory = [], [], []
    for _ in range(ROUNDS):
        begin = time.monotonic()
        child = part.launch(bound=True, flags=flags)
        child = part.await_answer(child, bound=True)
        seconds.append(time.monotonic() - begin)
        process = psutil.Process(child.pid)
        times = process.cpu_times()
        cpu.append(times.user + times.system)
        memory.append(process.memory_info().rss / 1e6)
        child.stop()
    show(f"{label}_answers_after", statistics.median(seconds), "s")
    show(f"{label}_processor", statistics.median(cpu), "s")
    show(f"{label}_memory", statistics.median(memory), "MB")


def show(name: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(f"embedded_{name} {value:.2f} {unit}", flush=True)


if __name__ == "__main__":
    main()
