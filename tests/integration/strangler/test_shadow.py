"""Shadow verdicts over real HTTP and a real Kafka: what is found, and what is not taken for a difference."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.log_reader import read_all
from strangler.control import evidence, set_stage, verify
from strangler.operation import Operation

pytestmark = pytest.mark.integration


def patient(operations: list[Operation], seconds: float) -> list[Operation]:
    operation = operations[0]
    shadow = operation.shadow.model_copy(update={"recheck_seconds": seconds, "settle_seconds": 0.02})
    return [operation.model_copy(update={"shadow": shadow})]


@pytest.fixture
async def shadowed(world: Any, serve: Any) -> AsyncIterator[Any]:
    await asyncio.to_thread(set_stage, world.links, "get_case", "shadow", by="test", reason="because")
    async with serve(patient(world.operations, 20.0), world.links) as facade:
        await facade.until(lambda p: p["effective_stage"] == "shadow")
        yield facade


async def test_a_seeded_defect_is_found_and_shown_masked(world: Any, shadowed: Any) -> None:
    """A wrong amount in the read model is a difference at its path, once the projection is complete."""
    await world.project()
    case_id = next(iter(world.api.rows))
    world.api.rows[case_id]["weekly_award"] = "1.23"
    assert (await shadowed.get(f"/cases/{case_id}"))[0] == 200
    await shadowed.until(lambda p: p["shadow"]["rechecking"] == 1)
    rows = world.api.rows
    await world.project()
    world.api.rows = rows
    page = await shadowed.until(lambda p: p["verdicts"]["different"] == 1)
    (difference,) = page["differences"]
    assert difference["paths"] == ["weekly_award"]
    assert difference["modern"] == {"weekly_award": "9.99"}
    assert case_id not in str(page)


async def test_a_stale_read_is_not_a_difference_after_catching_up(world: Any, shadowed: Any) -> None:
    """A change that the projection has not seen yet gives `same` once it has, and is never `different`."""
    await world.project()
    case_id = next(iter(world.api.rows))
    await world.control("change", case_id=case_id, weekly_award="77.70")
    assert (await shadowed.get(f"/cases/{case_id}"))[0] == 200
    await shadowed.until(lambda p: p["shadow"]["rechecking"] == 1)
    await world.project()
    page = await shadowed.until(lambda p: sum(p["verdicts"].values()) == 1)
    assert page["verdicts"] == {"same": 1, "different": 0, "inconclusive": 0}
    record = next(iter(read_all(world.links.kafka, world.links.topics.verdicts.name)))
    assert b'"rechecked":true' in record.value
    assert b'"extract":"x2"' in record.value
    assert case_id.encode() not in record.value


async def test_an_end_alone_is_not_enough(world: Any, shadowed: Any) -> None:
    """While the projection is behind the extract's last offset, a difference waits."""
    await world.project()
    case_id = next(iter(world.api.rows))
    await world.control("change", case_id=case_id, weekly_award="88.80")
    await shadowed.get(f"/cases/{case_id}")
    await shadowed.until(lambda p: p["shadow"]["rechecking"] == 1)
    await world.end(time.time_ns() // 1_000_000, {world.api.topic: {"0": world.api.next + 3}})
    await asyncio.sleep(1.0)
    page = await shadowed.page()
    assert page["shadow"]["rechecking"] == 1 and sum(page["verdicts"].values()) == 0
    await world.project()
    page = await shadowed.until(lambda p: sum(p["verdicts"].values()) == 1)
    assert page["verdicts"]["same"] == 1


async def test_a_difference_that_nothing_covers_is_stale(world: Any, serve: Any) -> None:
    """Without an extract that covers the moment, a difference ends as inconclusive(stale), never as same."""
    await asyncio.to_thread(set_stage, world.links, "get_case", "shadow", by="test", reason="because")
    case_id = next(iter(world.api.rows))
    world.api.rows[case_id]["status"] = "LOST"
    async with serve(patient(world.operations, 1.0), world.links) as facade:
        await facade.until(lambda p: p["effective_stage"] == "shadow")
        await facade.get(f"/cases/{case_id}")
        page = await facade.until(lambda p: sum(p["verdicts"].values()) == 1)
    assert page["inconclusive_reasons"] == {"stale": 1}


async def test_a_row_that_is_missing_or_too_many_is_found(world: Any, shadowed: Any) -> None:
    """A case that modern does not know, and one that only modern knows, are differences of the whole."""
    await world.project()
    ids = list(world.api.rows)
    ghost = dict(world.api.rows[ids[1]]) | {"case_id": "GHOST"}
    world.api.rows.pop(ids[0])
    world.api.rows["GHOST"] = ghost
    rows = world.api.rows
    assert (await shadowed.get(f"/cases/{ids[0]}"))[0] == 200
    assert (await shadowed.get("/cases/GHOST"))[0] == 404
    await shadowed.until(lambda p: p["shadow"]["rechecking"] == 2)
    await world.project()
    world.api.rows = rows
    page = await shadowed.until(lambda p: p["verdicts"]["different"] == 2)
    assert [d["paths"] for d in page["differences"]] == [["$"], ["$"]]


async def test_a_value_of_the_wrong_type_is_a_difference(world: Any, shadowed: Any) -> None:
    """A modern value that is not of the record's type is a difference at its field, not a doubt."""
    await world.project()
    case_id = next(iter(world.api.rows))
    world.api.rows[case_id]["opened_on"] = "31/12/2020"
    rows = world.api.rows
    await shadowed.get(f"/cases/{case_id}")
    await shadowed.until(lambda p: p["shadow"]["rechecking"] == 1)
    await world.project()
    world.api.rows = rows
    page = await shadowed.until(lambda p: p["verdicts"]["different"] == 1)
    assert page["differences"][0]["paths"] == ["opened_on"]


async def test_counts_survive_a_restart_and_are_the_decisions_evidence(world: Any, serve: Any) -> None:
    """Verdicts are counted from Kafka: a new façade knows them, and the next decision cites them."""
    await asyncio.to_thread(set_stage, world.links, "get_case", "shadow", by="test", reason="because")
    ids = list(world.api.rows)[:3]
    async with serve(world.operations, world.links) as facade:
        await facade.until(lambda p: p["effective_stage"] == "shadow")
        for case_id in [*ids, ids[0]]:
            await facade.get(f"/cases/{case_id}")
        await facade.until(lambda p: p["verdicts"]["same"] == 4)
    async with serve(world.operations, world.links) as facade:
        page = await facade.until(lambda p: p["verdicts"]["same"] == 4)
        assert page["distinct_keys"] == 3
    found = await asyncio.to_thread(evidence, world.links, "get_case")
    assert (found.verdicts, found.distinct_keys, found.rule_versions) == ({"same": 4}, 3, {"1.1": 4})
    decision = await asyncio.to_thread(
        set_stage, world.links, "get_case", "modern", by="test", reason="four calls, all the same"
    )
    assert decision.evidence == found
    assert await asyncio.to_thread(verify, world.links) == []


async def test_a_wrong_modern_url_agrees_with_nothing(world: Any, shadowed: Any) -> None:
    """A case that legacy does not have and a URL that modern does not have are no `same`."""
    await world.project()
    assert (await shadowed.get("/cases/C9999"))[0] == 404
    await shadowed.until(lambda p: p["verdicts"]["same"] == 1)
    world.api.lost = True
    assert (await shadowed.get("/cases/C9999"))[0] == 404
    page = await shadowed.until(lambda p: sum(p["verdicts"].values()) == 2)
    assert page["verdicts"] == {"same": 1, "different": 0, "inconclusive": 1}
