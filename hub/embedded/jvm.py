"""Flags that both embedded programs run with."""

from __future__ import annotations


def java_flags(heap_mb: int, full_jit: bool) -> list[str]:
    """Return flags for a small, fast-starting JVM that shows nothing to other users of the machine.

    Args:
        heap_mb: the largest heap, in megabytes.
        full_jit: True leaves the optimising compiler on: slower start, faster under load (benchmarks).
    """
    lean = [] if full_jit else ["-XX:TieredStopAtLevel=1"]
    return [
        f"-Xmx{heap_mb}m",
        "-Xss512k",
        "-XX:+UseSerialGC",
        *lean,
        "-XX:-UsePerfData",  # else every JVM leaves a readable file in the shared temporary folder
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "--enable-native-access=ALL-UNNAMED",
        # An AOT cache that does not fit is no news: the JVM goes on without it.
        "-Xlog:aot=off,cds=off",
    ]
