"""What Prometheus reads of sources and of the files that they are expected to send."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.console.app import create_app
from hub.console.collect import Collector
from hub.console.metrics import metrics
from hub.console.overview import Alert, ExtractView, Overview, SourceView
from hub.estate import Estate

HELD = ExtractView("abc", "held", 1, "AWARDS.1.dat", {}, ("QQ123456C would be deleted",))
SOURCE = SourceView(
    "awards", "batch", "paymaster", "Payments", "", 3, 5_000, HELD, open=(HELD,),
    expected="no file for Monday came", overdue=True, due_ms=1_500,
    counts={"late": 2, "missing": 1, "arrived": 4, "committed": 7, "held": 1},
)  # fmt: skip


def figures(*sources: SourceView, outages: tuple[Alert, ...] = ()) -> dict[str, float]:
    text = metrics(Overview("E", 1, 1.0, "", "", sources=list(sources), outages=list(outages))).decode()
    assert "QQ" not in text and "AWARDS" not in text, "no label is a file, a key or a reason"
    return {
        ":".join([s.name, *s.labels.values()]): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_late_and_missing_files_are_counted() -> None:
    """Each window counts once by what became of it; whether one is overdue now is a gauge beside its time."""
    found = figures(SOURCE)
    assert found["banyan_expected_files_total:awards:late"] == 2
    assert found["banyan_expected_files_total:awards:missing"] == 1
    assert found["banyan_expected_files_total:awards:arrived"] == 4
    assert found["banyan_expected_file_overdue:awards"] == 1
    assert found["banyan_expected_file_due_timestamp_seconds:awards"] == 1.5
    assert figures(replace(SOURCE, overdue=False))["banyan_expected_file_overdue:awards"] == 0


def test_extracts_and_dead_letters_are_counted() -> None:
    """What was told of extracts is counted by state, and how many wait for a person now."""
    found = figures(SOURCE, replace(SOURCE, adapter="cases", open=()))
    assert found["banyan_extracts_total:awards:committed"] == 7
    assert found["banyan_extracts_open:awards:held"] == 1
    assert found["banyan_extracts_open:cases:held"] == 0
    assert found["banyan_dead_letters_total:paymaster"] == 3
    assert found["banyan_adapter_complete_timestamp_seconds:awards"] == 5
    assert not any(name.startswith("banyan_extracts_total") and "late" in name for name in found)


def test_what_was_never_read_is_not_zero() -> None:
    """Before Kafka was read there are no counters, which would rise from zero then; the outage is told."""
    unread = replace(SOURCE, counts={}, dead_letters=0, open=(), due_ms=0, last_mark_ms=None)
    found = figures(unread, outages=(Alert("Kafka does not answer", "banyan status"),))
    assert found["banyan_outages"] == 1
    assert not any(name.split(":")[0].endswith("_total") for name in found)


async def test_the_console_serves_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/metrics` is Prometheus's text format, never cached."""
    monkeypatch.setenv("BANYAN_STATE", str(tmp_path))

    async def look(_: Collector) -> Overview:
        return Overview("E", 1, 1.0, "", "", sources=[SOURCE])

    monkeypatch.setattr(Collector, "look", look)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/metrics", "raw_path": b"/metrics", "query_string": b"",
        "root_path": "", "scheme": "http", "http_version": "1.1", "headers": [], "client": None,
        "server": ("127.0.0.1", 1),
    }  # fmt: skip
    await create_app(Estate("universal_credit"))(scope, receive, send)
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 200 and headers[b"content-type"].startswith(b"text/plain; version=")
    assert headers[b"cache-control"] == b"no-store"
    body = b"".join(message.get("body", b"") for message in sent[1:])
    assert b'banyan_expected_file_overdue{adapter="awards"} 1.0' in body
