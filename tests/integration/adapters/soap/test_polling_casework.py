"""The SOAP adapter against the running service: changes, and every way a legacy system fails."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from adapters.soap.errors import BrokenAnswer, ServiceUnavailable
from adapters.soap.spec import SoapSpec
from connectors.settings import load

FOLDER = Path(__file__).parents[4] / "examples/universal_credit/adapters/cases"


def open_adapter(service, **changes):
    spec = load(FOLDER / "adapter.toml", SoapSpec, env={"BANYAN_CASEWORK_PORT": str(service.port)})
    fast = spec.limits.model_copy(update={"requests_per_second": 500.0})
    wire = spec.wire.model_copy(update={"retry": spec.wire.retry.model_copy(update={"attempts": 1})})
    spec = spec.model_copy(update={"limits": fast, "wire": wire})
    spec = spec.model_copy(update={"paging": spec.paging.model_copy(update={"rows": 10})} | changes)
    return spec.open(FOLDER)


def poll(adapter):
    """One poll: rows by case id, and the extract's problems; committed if it is complete."""
    (extract,) = adapter.poll()
    rows = {
        row["caseId"]: row
        for chunk in extract.chunks()
        for part in chunk.rows
        for row in part.batch.to_pylist()
    }
    if not extract.problems():
        adapter.done(extract)
    return rows, extract.problems()


def as_listed(rows) -> dict[str, dict]:
    return {
        key: {
            "case_id": key,
            "nino": row["nino"],
            "status": row["status"],
            "opened_on": row["openedOn"].isoformat(),
            "weekly_award": str(row["weeklyAward"]),
            "last_contact": row["lastContact"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "caseworker": row["caseworker"],
            "note": row["note"],
        }
        for key, row in rows.items()
    }


def test_every_value_arrives(service):
    """The rows of a poll equal what the service holds, through create, change and delete."""
    adapter = open_adapter(service)
    for step in range(4):
        rows, problems = poll(adapter)
        assert not problems
        assert as_listed(rows) == {c["case_id"]: {"note": None} | c for c in service.all()}
        if step == 0:
            service.demo("open", case_id="C90000", nino="QQ999999A", note="")
        elif step == 1:
            service.demo("change", case_id="C00007", status="SUSPENDED", weekly_award="0.01", note="ŵ & <x>")
        elif step == 2:
            service.demo("delete", case_id="C00011")


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("fault", ServiceUnavailable),
        ("http500", ServiceUnavailable),
        ("hang", ServiceUnavailable),
        ("cut", BrokenAnswer),
        ("html", BrokenAnswer),
        ("malformed", BrokenAnswer),
    ],
)
def test_failures(shared_service, mode, error, after):
    """A failure on the first page is raised as transient; on any other page the poll is incomplete."""
    adapter = open_adapter(shared_service, timeout_seconds=0.8)
    poll(adapter)
    shared_service.demo("fail", mode=mode, after=after, seconds=20)
    if after == 0:
        with pytest.raises(error):
            poll(adapter)
    else:
        rows, problems = poll(adapter)
        assert len(rows) == 10 * after
        assert problems[0].startswith(f"page {after + 1}: ")
    rows, problems = poll(adapter)
    assert (len(rows), problems) == (30, ())


def test_detail_calls_on_the_wire(service):
    """With detail calls the same rows arrive, several calls at a time."""
    detail = {"operation": "GetCase", "item": "case", "parameters": {"caseId": "caseId"}}
    spec = load(FOLDER / "adapter.toml", SoapSpec, env={"BANYAN_CASEWORK_PORT": str(service.port)})
    spec = SoapSpec.model_validate(
        spec.model_dump() | {"detail": detail, "limits": {"concurrency": 8, "requests_per_second": 500}}
    )
    rows, problems = poll(spec.open(FOLDER))
    assert (len(rows), problems) == (30, ())
    assert as_listed(rows) == {c["case_id"]: {"note": None} | c for c in service.all()}


def test_no_absence_is_taken_for_a_delete_while_the_list_changes(service):
    """Whatever changes between pages, a complete poll never misses a case that was there all the time."""
    adapter = open_adapter(service)
    rng = random.Random(20)
    known = set(poll(adapter)[0])
    steady = {f"C{n:05d}" for n in range(16, 31)}
    complete = 0
    for round_number in range(25):
        (extract,) = adapter.poll()
        rows: set[str] = set()
        for chunk in extract.chunks():
            rows |= {key for part in chunk.rows for key in part.batch.column("caseId").to_pylist()}
            if rng.random() < 0.5:
                gone = sorted({c["case_id"] for c in service.all()} - steady)[0:1]
                for key in gone:
                    service.demo("delete", case_id=key)
                service.demo("open", case_id=f"D{round_number:02d}{rng.randrange(10**6):06d}")
        if not extract.problems():
            complete += 1
            adapter.done(extract)
            assert steady <= rows
            known = rows
    assert complete >= 1
    assert steady <= known


def test_a_dead_endpoint(service):
    """A service that is gone makes the poll transient; when it is back, so are the rows."""
    adapter = open_adapter(service)
    service.kill()
    with pytest.raises(ServiceUnavailable, match="no connection"):
        poll(adapter)
    service.start()
    assert len(poll(adapter)[0]) == 30


def test_errors_never_hold_data(service):
    """No error of a failing poll quotes what the service sent."""
    adapter = open_adapter(service, timeout_seconds=0.8)
    secrets = {c["nino"] for c in service.all()}
    for mode in ("fault", "http500", "cut", "html", "malformed"):
        service.demo("fail", mode=mode, calls=1)
        with pytest.raises((ServiceUnavailable, BrokenAnswer)) as caught:
            poll(adapter)
        assert not any(secret in str(caught.value) for secret in secrets)
        assert caught.value.fix
