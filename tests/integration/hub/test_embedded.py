"""The embedded Kafka and registry as processes: they start, keep their data, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.registry import IncompatibleSchema, Registry
from hub.embedded import Ports, down, start, status, up
from hub.embedded.child import started_at
from hub.embedded.running import running
from hub.embedded.services import Services
from hub.embedded.start import Tuning
from schemas.errors import Terminal

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = {"type": "record", "name": "Award", "fields": [{"name": "amount", "type": "long"}]}
OWNER = """
import sys, time, threading
from pathlib import Path
from hub.embedded import Ports, start
from hub.embedded.start import Tuning
ports = Ports(*map(int, sys.argv[2:6]))
tuning = Tuning(train=False, registry=False)
# Started from a thread that ends: the services belong to the process, not to that thread.
thread = threading.Thread(target=lambda: start(Path(sys.argv[1]), ports=ports, tuning=tuning))
thread.start()
thread.join()
time.sleep(1)
print("up", flush=True)
time.sleep(600)
"""


def has_ended(pids: dict[str, int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while any(started_at(pid) for pid in pids.values()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def topics(services: Services) -> set[str]:
    return set(AdminClient({"bootstrap.servers": services.bootstrap}).list_topics(timeout=10).topics)


def create(services: Services, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": services.bootstrap})
    for done in admin.create_topics([NewTopic(topic, 1)]).values():
        done.result(timeout=10)


def test_stop_leaves_no_process_and_a_second_start_finds_the_same_data(tmp_path: Path) -> None:
    """A topic and a schema of the first run are there in the second, and no process outlives `stop`."""
    ports, tuning = Ports.free(), Tuning(train=False)
    first = start(tmp_path / "a state, with a comma", ports=ports, tuning=tuning)
    create(first, "kept")
    schema_id = Registry(first.registry_url).register("kept-value", SCHEMA)
    pids = first.pids
    first.stop()
    assert has_ended(pids)
    assert running(tmp_path / "a state, with a comma") is None

    second = start(tmp_path / "a state, with a comma", ports=ports, tuning=tuning)
    try:
        assert "kept" in topics(second)
        assert Registry(second.registry_url).by_id(schema_id)["name"] == "Award"
    finally:
        second.stop()


def test_a_killed_kafka_and_a_killed_registry_come_back_with_their_data(private_broker: Services) -> None:
    """`revive` starts what was killed, and nothing acknowledged before the kill is lost."""
    create(private_broker, "kept")
    schema_id = Registry(private_broker.registry_url).register("kept-value", SCHEMA)
    for pid in private_broker.pids.values():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while len(private_broker.dead) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert sorted(private_broker.revive()) == ["kafka", "registry"]
    assert "kept" in topics(private_broker)
    assert Registry(private_broker.registry_url).by_id(schema_id)["name"] == "Award"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_services_end_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL of the owning process ends Kafka too, and the stale lock does not stop the next start."""
    ports = Ports.free()
    numbers = [ports.kafka_port, ports.controller_port, ports.registry_port, ports.management_port]
    command = [sys.executable, "-c", OWNER, str(tmp_path / "state"), *map(str, numbers)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        found = running(tmp_path / "state")
        assert found is not None and found.owner == owner.pid
        with pytest.raises(Terminal, match=f"process {owner.pid}"):
            start(tmp_path / "state", ports=Ports.free())
        owner.kill()
    assert has_ended(found.pids)
    services = start(tmp_path / "state", ports=ports, tuning=Tuning(train=False, registry=False))
    services.stop()


def test_up_and_down_work_across_processes(tmp_path: Path) -> None:
    """`up` leaves the services running under nobody, a second `up` finds them, `down` ends them."""
    state = tmp_path / "state"
    found = up(state, ports=Ports.free())
    try:
        assert found.mode == "detached" and found.healthy
        assert {s.pid for s in up(state).services} == {s.pid for s in found.services}
        with pytest.raises(Terminal, match="another Banyan"):
            start(state)
    finally:
        assert down(state)
    assert has_ended({s.name: s.pid for s in found.services if s.pid})
    assert status(state).mode == "stopped"
    assert not down(state)


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path, broker: object) -> None:
    """A port that somebody listens on stops the start before anything is launched."""
    port = int(broker.bootstrap.rpartition(":")[2])  # type: ignore[attr-defined]
    with pytest.raises(Terminal) as caught:
        start(tmp_path / "state", ports=Ports(*[port, *range(3)]))
    assert caught.value.where == f"127.0.0.1:{port}"
    assert "kafka_port" in caught.value.fix
    assert not (tmp_path / "state" / "lock").exists()


def test_the_registry_refuses_an_incompatible_schema(broker: object) -> None:
    """The real registry answers 409 to a change that old readers cannot follow."""
    registry = Registry(broker.registry_url)  # type: ignore[attr-defined]
    subject = f"incompatible-{os.getpid()}-value"
    registry.register(subject, SCHEMA)
    with pytest.raises(IncompatibleSchema):
        registry.register(subject, {**SCHEMA, "fields": [{"name": "amount", "type": "string"}]})


def test_nothing_listens_beyond_loopback(private_broker: Services) -> None:
    """Kafka and the registry, its management port included, listen on 127.0.0.1 only."""
    import psutil

    hosts = {
        connection.laddr[0]
        for pid in private_broker.pids.values()
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert hosts <= {"127.0.0.1", "::ffff:127.0.0.1"}
