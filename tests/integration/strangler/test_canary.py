"""A canary over real HTTP, SOAP and Kafka: whose answer each key gets, and what the gate lets through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from strangler.canary import PLACES, Serving
from strangler.control import conditions, evidence, history, set_stage, verify
from strangler.gate import Gate, GateClosed, GateOf
from strangler.stage import Stage
from tests.integration.strangler.test_facade import SOAP_HEADERS, get_case

pytestmark = pytest.mark.integration
RULES = "1.1"
HALF = Serving(Stage.CANARY, PLACES // 2)


async def move(world: Any, to: Serving, gate: Gate | None = None, *, override: bool = False) -> Any:
    return await asyncio.to_thread(
        set_stage,
        world.links,
        "get_case",
        to.stage,
        by="test",
        reason="because",
        share=to.share,
        gate=GateOf(gate, RULES) if gate else None,
        override=override,
    )


async def test_each_key_has_its_side_in_both_forms(world: Any, serve: Any) -> None:
    """In a canary a key has one side, in REST and SOAP, at every façade, and both sides are compared."""
    (operation,) = world.operations
    ids = [case["case_id"] for case in await world.cases()]
    sides = {case_id: operation.choose(case_id, HALF).side for case_id in ids}
    assert set(sides.values()) == {"legacy", "modern"}
    await world.project()
    await move(world, Serving(Stage.SHADOW))
    await move(world, HALF)
    async with serve(world.operations, world.links) as one, serve(world.operations, world.links) as other:
        for facade in (one, other):
            page = await facade.until(lambda p: p["effective_stage"] == "canary")
            assert (page["canary_percent"], page["served_by"]) == (50.0, "both")
            for case_id in ids:
                status, document, headers = await facade.get(f"/cases/{case_id}")
                assert (status, document["case_id"]) == (200, case_id)
                assert headers["Banyan-Served-By"] == sides[case_id]
                async with facade.session.post(
                    f"{facade.url}/soap/get_case", data=get_case(case_id), headers=SOAP_HEADERS
                ) as answer:
                    assert answer.status == 200 and case_id.encode() in await answer.read()
                    assert answer.headers["Banyan-Served-By"] == sides[case_id]
        page = await one.until(lambda p: p["verdicts"]["same"] == 4 * len(ids))
        assert page["distinct_keys"] == len(ids)


async def test_a_difference_in_what_modern_answers_is_found(world: Any, serve: Any) -> None:
    """Legacy is asked behind the caller's back for the keys that modern answers."""
    (operation,) = world.operations
    ids = [c["case_id"] for c in await world.cases()]
    case_id = next(i for i in ids if operation.choose(i, HALF).side == "modern")
    await world.project()
    world.api.rows[case_id]["weekly_award"] = "1.23"
    rows = world.api.rows
    await move(world, Serving(Stage.SHADOW))
    await move(world, HALF)
    async with serve(world.operations, world.links) as facade:
        await facade.until(lambda p: p["effective_stage"] == "canary")
        status, document, _ = await facade.get(f"/cases/{case_id}")
        assert (status, document["weekly_award"]) == (200, "1.23")
        await facade.until(lambda p: p["shadow"]["rechecking"] == 1)
        await world.project()
        world.api.rows = rows
        page = await facade.until(lambda p: p["verdicts"]["different"] == 1)
    assert page["differences"][0]["paths"] == ["weekly_award"]


async def test_a_body_that_names_nobody_goes_to_legacy(world: Any, serve: Any) -> None:
    """A SOAP message without a readable key is refused as in any stage, and modern never sees it."""
    await move(world, Serving(Stage.SHADOW))
    await move(world, Serving(Stage.CANARY, PLACES - 1))
    async with serve(world.operations, world.links) as facade:
        await facade.until(lambda p: p["effective_stage"] == "canary")
        for body in (b"", b"<a/>", get_case("C0001", "DropCase")):
            async with facade.session.post(
                f"{facade.url}/soap/get_case", data=body, headers=SOAP_HEADERS
            ) as answer:
                assert answer.status == 500 and b"Client" in await answer.read()
                assert answer.headers["Banyan-Served-By"] == "legacy"
    assert world.api.calls == 0


async def test_the_gate_opens_with_the_verdicts_and_shuts_with_a_step_down(world: Any, serve: Any) -> None:
    """No step up without its keys; steps up keep the evidence, a step down ends it; overrides are kept."""
    gate = Gate(alpha=0.1, rate=0.6)
    ids = [c["case_id"] for c in await world.cases()][: gate.keys]
    await world.project()
    await move(world, Serving(Stage.SHADOW), gate)
    with pytest.raises(GateClosed, match=rf"0 of {gate.keys} distinct keys"):
        await move(world, HALF, gate)
    async with serve(world.operations, world.links) as facade:
        await facade.until(lambda p: p["effective_stage"] == "shadow")
        for case_id in ids:
            await facade.get(f"/cases/{case_id}")
        await facade.until(lambda p: p["verdicts"]["same"] == len(ids))
    first = await move(world, HALF, gate)
    assert (first.share, first.overrides, first.evidence.distinct_keys) == (HALF.share, (), len(ids))
    await move(world, Serving(Stage.MODERN), gate)
    await move(world, Serving(Stage.SHADOW), gate)
    assert (await asyncio.to_thread(evidence, world.links, "get_case")).verdicts == {}
    _, found = await asyncio.to_thread(
        lambda: conditions(world.links, "get_case", HALF, GateOf(gate, RULES), by="test")
    )
    assert [c.name for c in found if not c.met] == ["keys"]
    forced = await move(world, HALF, gate, override=True)
    assert forced.overrides == ("keys",)
    assert await asyncio.to_thread(verify, world.links) == []
    assert (await asyncio.to_thread(history, world.links))[-1] == forced
