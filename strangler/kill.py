"""Kill and restore on every façade at once, then on record (DESIGN 10.10)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import requests

from connectors.links import Links
from schemas.errors import BanyanError
from strangler.control import Controller
from strangler.journal import carry, waiting
from strangler.kill_switch import KillSwitch
from strangler.secret import managed_secret

#: A façade acts before it answers; one that has not answered by now is reported as missing.
ANSWER_SECONDS: Final = 3.0
#: A controller needs one to two seconds to take the writer's place and append.
LOG_SECONDS: Final = 5.0


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
    needed; the kill goes on record at once if it answers, else with the host's next decision.

    Args:
        links: of this hub; the token is read from its state folder.
        instances: base URLs of the façades.
        operation: the operation's name.
        by: who gives the order.
        reason: why.
    """
    KillSwitch(links.state).kill(operation, by=by, reason=reason)
    said = _order(links, instances, "kill", {"operation": operation, "by": by, "reason": reason})
    _log_if_kafka_answers(links)
    return said


def restore(
    links: Links, instances: Sequence[str], operation: str, *, by: str, reason: str
) -> list[Acknowledgement]:
    """Take a kill back everywhere; the stage of the decision log counts again."""
    KillSwitch(links.state).restore(operation, by=by, reason=reason)
    said = _order(links, instances, "restore", {"operation": operation, "by": by, "reason": reason})
    _log_if_kafka_answers(links)
    return said


def log_journal(links: Links) -> int:
    """Carry this host's journalled kills and restores into the decision log; return how many were new.

    Raises:
        BrokerUnavailable: Kafka does not answer; the journal waits.
    """
    if not waiting(links.state):
        return 0
    with Controller(links) as controller:
        return carry(controller, links.state)


def _log_if_kafka_answers(links: Links) -> None:
    """Put the order on record now if that can be; else the next controller on this host does.

    A Kafka client waits long for a broker that has just died, and the façades have acted already: so the
    try runs beside, and whoever gave the order waits for it `LOG_SECONDS` at most.
    """

    def log() -> None:
        with contextlib.suppress(BanyanError):
            log_journal(links)

    thread = threading.Thread(target=log, name="kill-journal", daemon=True)
    thread.start()
    thread.join(LOG_SECONDS)


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
