"""A worker is ready when its partitions are near their ends."""

from __future__ import annotations

import socket

import aiohttp

from streams.readiness import READY_LAG, Readiness, served


def test_not_before_every_projection_has_told() -> None:
    """A projection that has not started, or is down, keeps the worker from being ready."""
    readiness = Readiness(["a", "b"])
    readiness.tell("a", {0: 0})
    assert not readiness.ready
    readiness.tell("b", {})
    assert readiness.ready
    readiness.tell("a", None)
    assert not readiness.ready


def test_one_partition_far_behind() -> None:
    """One partition far behind is enough: its rows are old."""
    readiness = Readiness(["a"])
    readiness.tell("a", {0: 0, 1: READY_LAG + 1})
    assert not readiness.ready
    readiness.tell("a", {0: 0, 1: READY_LAG})
    assert readiness.ready


def test_a_build_or_a_pause_is_not_waited_for() -> None:
    """A version that no reader sees, or that is paused, does not keep its worker from being ready."""
    hidden = {"b"}
    readiness = Readiness(["a", "b"], lambda name: name not in hidden)
    readiness.tell("a", {0: 0})
    assert readiness.ready and readiness.report()["not_waited_for"] == ["b"]
    hidden.clear()  # it was switched to
    assert not readiness.ready


def test_an_outage_is_told() -> None:
    """What a projection waits for outside is part of the answer, until it waits no more."""
    readiness = Readiness(["a"])
    readiness.tell("a", {0: READY_LAG + 1}, waits_for="the store is locked")
    assert readiness.report()["wait_for"] == {"a": "the store is locked"}
    readiness.tell("a", {0: 0})
    assert readiness.report()["wait_for"] == {}


async def test_it_is_answered_over_http() -> None:
    """An orchestrator asks by HTTP: 503 until ready, with the lag of each partition."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    readiness = Readiness(["a"])
    async with served(readiness, port), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/health/live")).status == 200
        assert (await client.get("/health/ready")).status == 503
        readiness.tell("a", {3: 12})
        answer = await client.get("/health/ready")
        assert answer.status == 200
        assert (await answer.json())["projections"] == {"a": {"3": 12}}
