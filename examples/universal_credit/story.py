"""The demo's story: two legacy systems, two days, one operation that leaves legacy and can come back."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.lifecycle import history
from hub.demo import Demo
from strangler.canary import PLACES
from strangler.control import set_stage, stages
from strangler.kill import kill, restore

HERE = Path(__file__).parent
CASEWORK = f"http://127.0.0.1:{os.environ.get('BANYAN_CASEWORK_PORT', '8610')}"
#: Calls through the façade while it compares both sides.
SHADOWED = 12


async def tell(demo: Demo) -> None:
    """Tell the story; a second telling finds the data of the first."""
    paymaster = _load("paymaster")
    await _day(demo, paymaster, 1, "Day 1: the mainframe drops its nightly extract")
    await _cases(demo)
    await _day(demo, paymaster, 2, "Day 2: the next full extract, with changes and one unreadable record")
    await _same_again(demo, paymaster)
    await _check_payments(demo, paymaster)
    case_id = await _case_changes(demo)
    await _operation_moves(demo, case_id)
    await _figures(demo)


async def _day(demo: Demo, paymaster: ModuleType, day: int, title: str) -> None:
    demo.chapter(title)
    name = f"AWARDS.{paymaster.DATES[day]}.dat"
    if name in await _committed(demo):
        demo.say(f"{name} was published in an earlier run: nothing to do")
        await demo.visible(await demo.ends("awards"))
        return
    path = paymaster.write(day, _inbox(demo))
    began = time.monotonic()
    size = path.stat().st_size if path.exists() else 0

    async def committed() -> Any:
        return (await _committed(demo)).get(name)

    event = await demo.until(f"{name} is published", committed)
    await demo.visible(await demo.ends("awards"))
    took = time.monotonic() - began
    counts = event.counts
    kinds = {"r": "first seen", "c": "new", "u": "changed", "d": "gone", "rejected": "rejected"}
    told = ", ".join(f"{counts[k]:,} {word}" for k, word in kinds.items() if counts.get(k))
    demo.say(
        f"{name}: {size // 120:,} EBCDIC records → {told}; readable at the API {took:.1f} s after the drop"
    )
    if counts.get("rejected"):
        demo.say(
            "the rejected record is in the dead-letter topic with its bytes; its award keeps day 1's row"
        )


async def _same_again(demo: Demo, paymaster: ModuleType) -> None:
    demo.chapter("The same file once more")
    before = len(await demo.ends("awards"))
    path = paymaster.write(2, _inbox(demo))

    async def taken() -> bool:
        return not path.exists()

    await demo.until("the adapter takes the file", taken)
    demo.check("re-running an extract publishes nothing", len(await demo.ends("awards")) == before)


async def _cases(demo: Demo) -> None:
    demo.chapter("Meanwhile: the casework system is polled over SOAP")

    async def polled() -> Any:
        return await demo.ends("cases")

    ends = await demo.until("a SOAP poll is published", polled)
    await demo.visible(ends)
    demo.say(f"{len(await demo.rows('cases')):,} cases are readable at the API")


async def _check_payments(demo: Demo, paymaster: ModuleType) -> None:
    demo.chapter("Is it true?")
    claimants, awards = await asyncio.to_thread(paymaster.truth, 2)
    demo.check_rows(
        "every claimant at the API is the mainframe's",
        {row["nino"]: row for row in await demo.rows("claimants")},
        claimants,
    )
    demo.check_rows(
        "every award at the API is the mainframe's",
        {row["claim_no"]: row for row in await demo.rows("awards")},
        awards,
    )
    await _check_cases(demo)
    nino = paymaster.nino(1)
    status, claim = await demo.get(f"/v1/claims/{nino}")
    mine = [a for a in awards.values() if a["nino"] == nino]
    demo.check(
        "one answer joins a claimant's payments and casework",
        status == 200
        and len(claim["awards"]) == len(mine)
        and all(c["nino"] == nino for c in claim["cases"]),
        f"HTTP {status}",
    )


async def _case_changes(demo: Demo) -> str:
    demo.chapter("A caseworker opens, changes and closes cases in the old system")
    opened = await demo.post(f"{CASEWORK}/_demo/open", {})
    case_id = str(opened.get("case", opened)["case_id"])
    began = time.monotonic()
    await demo.until("the new case is at the API", lambda: _case_is(demo, case_id, {}))
    demo.say(f"case {case_id} opened: at the API after {time.monotonic() - began:.1f} s")
    began = time.monotonic()
    await demo.post(
        f"{CASEWORK}/_demo/change", {"case_id": case_id, "status": "SUSPENDED", "weekly_award": "123.45"}
    )
    wanted = {"status": "SUSPENDED", "weekly_award": "123.45"}
    await demo.until("the change is at the API", lambda: _case_is(demo, case_id, wanted))
    demo.say(f"case {case_id} suspended: at the API after {time.monotonic() - began:.1f} s")
    await demo.post(f"{CASEWORK}/_demo/delete", {"case_id": case_id})

    async def gone() -> bool:
        return (await demo.get(f"/v1/cases/{case_id}"))[0] == 404

    await demo.until("the case is gone from the API", gone)
    demo.say(f"case {case_id} deleted: the API answers 404")
    await _check_cases(demo)
    first: str = (await demo.rows("cases"))[0]["case_id"]
    return first


async def _operation_moves(demo: Demo, case_id: str) -> None:
    demo.chapter("The operation get_case leaves the old system")
    path = f"/cases/{case_id}"
    if (await _stage(demo)) not in (None, "legacy"):
        await _move(demo, "legacy", "the demo begins again")
    legacy = await _served(demo, path, "legacy")
    await _move(demo, "shadow", "compare both sides")
    before = (await _operation(demo))["verdicts"]["same"]
    for row in (await demo.rows("cases"))[:SHADOWED]:
        await demo.facade(f"/cases/{row['case_id']}")

    async def compared() -> Any:
        state = await _operation(demo)
        return (
            state
            if sum(state["verdicts"].values()) and state["verdicts"]["same"] - before >= SHADOWED
            else None
        )

    state = await demo.until("the shadow calls are compared", compared)
    verdicts = state["verdicts"]
    demo.say(f"verdicts: {verdicts['same']} same, {verdicts['different']} different")
    demo.check("legacy and modern agree on every compared call", verdicts["different"] == 0)
    await _canary(demo)
    await _move(demo, "modern", f"{verdicts['same']} same, none different")
    modern = await _served(demo, path, "modern")
    demo.check("a consumer sees the same answer before and after", legacy == modern)
    instances = demo.estate.settings.facade_instances()
    began = time.monotonic()
    await asyncio.to_thread(kill, demo.links, instances, "get_case", by="demo", reason="show the way back")
    took = time.monotonic() - began
    killed = await _served(demo, path, "legacy")
    demo.check("the kill switch sends it back to legacy at once", killed == legacy)
    demo.say(f"every façade acknowledged and the decision log has it, {took:.1f} s in all")
    await asyncio.to_thread(restore, demo.links, instances, "get_case", by="demo", reason="the point is made")
    await _served(demo, path, "modern")


async def _canary(demo: Demo) -> None:
    """Modern answers a quarter of the cases: always the same ones, and with the same answers."""
    await _move(demo, "canary", "the first quarter of the cases", share=PLACES // 4)
    paths = [f"/cases/{row['case_id']}" for row in (await demo.rows("cases"))]
    twice = [[(await demo.facade(p))[2]["Banyan-Served-By"] for p in paths] for _ in range(2)]
    demo.say(f"modern answers {twice[0].count('modern')} of {len(paths)} cases")
    demo.check("a case is answered by one side, however often it is asked for", twice[0] == twice[1])


async def _figures(demo: Demo) -> None:
    demo.chapter("Figures")
    for projection in await demo.status():
        arrival = projection["freshness"]["arrival_to_visible"]
        append = projection["freshness"]["append_to_visible"]
        counts = f"{projection['events']:,} events → {projection['rows']:,} rows"
        p50 = f"p50 {_seconds(arrival['p50_s'])} from arrival, {_seconds(append['p50_s'])} from append"
        demo.say(f"{projection['projection']}: {counts}; visible at {p50}")


async def _move(demo: Demo, stage: str, reason: str, share: int = 0) -> None:
    operation = next(o for o in demo.estate.operations if o.name == "get_case")
    decision = await asyncio.to_thread(
        set_stage,
        demo.links,
        "get_case",
        stage,
        by="demo",
        reason=reason,
        share=share,
        gate=operation.gate_of,
    )

    async def acts() -> bool:
        return (await _operation(demo))["effective_stage"] == stage

    await demo.until(f"the façade acts on stage {stage}", acts)
    demo.say(f"{decision.was} → {decision.now}: {reason}")


async def _served(demo: Demo, path: str, by: str) -> Any:
    """Return the façade's answer once it is served by the side that is meant."""

    async def served() -> Any:
        status, body, headers = await demo.facade(path)
        return (body,) if status == 200 and headers.get("Banyan-Served-By") == by else None

    return (await demo.until(f"{path} is served by {by}", served))[0]


async def _operation(demo: Demo) -> dict[str, Any]:
    url = f"{demo.estate.settings.facade.url}/_banyan/operations"
    operations = (await demo.get(url))[1]["operations"]
    found: dict[str, Any] = next(o for o in operations if o["name"] == "get_case")
    return found


async def _stage(demo: Demo) -> str | None:
    state = (await asyncio.to_thread(stages, demo.links)).get("get_case")
    return str(state.stage) if state else None


async def _check_cases(demo: Demo) -> None:
    async def equal() -> bool:
        found, truth = await _both_cases(demo)
        return found == truth

    await demo.until("the cases at the API are those of the casework system", equal)
    demo.check_rows("every case at the API is the casework system's", *await _both_cases(demo))


async def _both_cases(demo: Demo) -> tuple[dict[str, Any], dict[str, Any]]:
    truth = (await demo.get(f"{CASEWORK}/_demo/cases"))[1]["cases"]
    found = {row["case_id"]: _plain(row) for row in await demo.rows("cases")}
    return found, {row["case_id"]: _plain(row) for row in truth}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is null (legacy may leave the element away) and fractions of a second that are none."""
    return {k: v.replace(".000Z", "Z") if k == "last_contact" else v for k, v in row.items() if v is not None}


async def _case_is(demo: Demo, case_id: str, wanted: dict[str, Any]) -> bool:
    status, row = await demo.get(f"/v1/cases/{case_id}")
    return status == 200 and all(row[k] == v for k, v in wanted.items())


async def _committed(demo: Demo) -> dict[str, Any]:
    """The published files of the mainframe: lifecycle event by file name."""
    events = await asyncio.to_thread(lambda: list(history(demo.links, "awards")))
    return {Path(e.file).name: e for e in events if e.state == "committed" and e.file}


def _inbox(demo: Demo) -> Path:
    return demo.estate.state / "legacy" / "paymaster"


def _seconds(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f} s"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_universal_credit_{name}", HERE / "legacy" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their own module up while they are made
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
