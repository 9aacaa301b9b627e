"""What `/_banyan/operations` says: stage, verdicts, latency and the newest differences of each operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from strangler.canary import PLACES
from strangler.served import Served
from strangler.stage import Stage
from strangler.stage_watch import StageWatch
from strangler.verdict_log import Counts, VerdictLog


def operations_page(served: Iterable[Served], watch: StageWatch, verdicts: VerdictLog) -> dict[str, Any]:
    """Return the page as JSON; values of differences are masked, keys are pseudonyms."""
    return {
        "operations": [_operation(s, watch, verdicts.counts.get(s.operation.name, Counts())) for s in served],
        "stages_from": watch.source,
        "verdicts_waiting": verdicts.waiting,
        "verdicts_lost": verdicts.lost,
    }


def _operation(served: Served, watch: StageWatch, counts: Counts) -> dict[str, Any]:
    operation, shadow = served.operation, served.shadow
    state = watch.state(operation.name)
    serving = watch.serving(operation.name)
    effective = serving.stage
    return {
        "name": operation.name,
        "summary": operation.summary,
        "rest": f"{operation.rest.method} {operation.rest.path}",
        "soap": f"POST /soap/{operation.name}",
        "stage": state.stage.value if state else "legacy",
        "effective_stage": effective.value,
        "served_by": effective.served_by,
        "canary_percent": serving.share * 100 / PLACES if effective is Stage.CANARY else None,
        "killed": watch.kill_switch.killed.get(operation.name),
        "since_ms": state.at_ms if state else None,
        "by": state.by if state else None,
        "reason": state.reason if state else None,
        "rule_version": operation.rules.version,
        "verdicts": {k: counts.verdicts.get(k, 0) for k in ("same", "different", "inconclusive")},
        "inconclusive_reasons": dict(counts.reasons),
        "distinct_keys": len(counts.keys),
        "latency_ms": {side: window.to_json() for side, window in served.latency.items()},
        "shadow": {
            "offered": shadow.counts.offered,
            "compared": shadow.counts.compared,
            "dropped": shadow.counts.dropped,
            "failed": dict(shadow.counts.failed),
            "waiting": shadow.waiting,
            "rechecking": shadow.rechecking,
        },
        "differences": list(shadow.differences),
    }
