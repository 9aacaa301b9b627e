"""Kill and restore on every façade at once, then on record (DESIGN 10.10)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import requests

from connectors.links import Links
from strangler.control import Controller
from strangler.kill_switch import KillSwitch, write_durably
from strangler.secret import managed_secret

#: A façade acts before it answers; one that has not answered by now is reported as missing.
ANSWER_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What one façade said to the order; `ok` is False where it did not confirm."""

    instance: str
    ok: bool
    detail: str


def kill(
    links: Links, instances: Sequence[str], operation: str, *, by: str, reason: str
) -> list[Acknowledgement]:
    """Send `operation`'s reads to legacy on every façade, now and until `restore`.

    This host's own switch is set first, so its façades act even when they do not answer. Kafka is not
    needed; whoever runs the command calls `log_journal` afterwards to put the kill on record.

    Args:
        links: of this hub; the token is read from its state folder.
        instances: base URLs of the façades.
        operation: the operation's name.
        by: who gives the order.
        reason: why.
    """
    KillSwitch(links.state).kill(operation, by=by, reason=reason)
    return _order(links, instances, "kill", {"operation": operation, "by": by, "reason": reason})


def restore(
    links: Links, instances: Sequence[str], operation: str, *, by: str, reason: str
) -> list[Acknowledgement]:
    """Take a kill back everywhere; the stage of the decision log counts again."""
    KillSwitch(links.state).restore(operation, by=by, reason=reason)
    return _order(links, instances, "restore", {"operation": operation, "by": by, "reason": reason})


def log_journal(links: Links) -> int:
    """Carry this host's journalled kills and restores into the decision log; return how many were new.

    Raises:
        BrokerUnavailable: Kafka does not answer; the journal waits.
    """
    journal, done = links.state / "facade" / "journal.jsonl", links.state / "facade" / "journal.logged"
    entries = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    first = int(done.read_text()) if done.exists() else 0
    if first >= len(entries):
        return 0
    with Controller(links) as controller:
        for number, line in enumerate(entries[first:], first + 1):
            _record(controller, json.loads(line))
            write_durably(done, str(number))
    return len(entries) - first


def _record(controller: Controller, entry: dict[str, Any]) -> None:
    controller.record(entry["operation"], entry["kind"], by=entry["by"], reason=entry["reason"])


def _order(links: Links, instances: Sequence[str], verb: str, order: dict[str, str]) -> list[Acknowledgement]:
    token = managed_secret(links.state, "facade_token").decode()

    def ask(instance: str) -> Acknowledgement:
        try:
            answer = requests.post(
                f"{instance.rstrip('/')}/_banyan/{verb}",
                json=order,
                headers={"Authorization": f"Bearer {token}"},
                timeout=ANSWER_SECONDS,
            )
        except requests.RequestException as error:
            return Acknowledgement(instance, False, f"no answer ({type(error).__name__})")
        return Acknowledgement(instance, answer.status_code == 200, f"HTTP {answer.status_code}")

    if not instances:
        return []
    with ThreadPoolExecutor(max_workers=min(32, len(instances))) as pool:
        return list(pool.map(ask, instances))
