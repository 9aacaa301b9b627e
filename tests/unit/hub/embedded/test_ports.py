"""Ports, settings and commands of the embedded services, without starting them."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path

import pytest

from hub.embedded.aot import cache_file, drop, use
from hub.embedded.apicurio import Apicurio
from hub.embedded.artifact import read_lock
from hub.embedded.cache import cache_folder
from hub.embedded.kafka import Kafka
from hub.embedded.ports import Ports, is_free
from schemas.errors import Terminal


def test_a_taken_port_is_named_with_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the address and the key in banyan.toml, so that the user knows what to change."""
    monkeypatch.setattr("hub.embedded.ports._CLOSING_SECONDS", 0.1)
    ports = Ports.free()
    with (
        socket.create_server(("127.0.0.1", ports.registry_port)),
        pytest.raises(Terminal, match="taken") as caught,
    ):
        ports.check()
    assert caught.value.where == f"127.0.0.1:{ports.registry_port}"
    assert "registry_port" in caught.value.fix
    ports.check()


def test_free_ports_are_four_different_ones() -> None:
    """Tests that run side by side get ports of their own, below the range of outgoing connections."""
    numbers = dataclasses.astuple(Ports.free())
    assert len(set(numbers)) == 4
    assert all(is_free(port) and port < 32_768 for port in numbers)


def test_port_names_are_those_of_the_settings() -> None:
    """Each port is a key of `[embedded]`, with the same default."""
    from hub.settings import EmbeddedTable

    assert Ports(**EmbeddedTable().model_dump()) == Ports()


def test_every_listener_is_on_loopback(tmp_path: Path) -> None:
    """Neither Kafka nor the registry, nor its management port, is told to listen elsewhere."""
    kafka = Kafka(tmp_path, 1, 2).properties()
    assert kafka["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    registry = Apicurio(tmp_path, 3, 4).properties()
    assert registry["quarkus.http.host"] == registry["quarkus.management.host"] == "127.0.0.1"


def test_topics_are_never_made_by_accident(tmp_path: Path) -> None:
    """Kafka does not create a topic because somebody misspelt its name."""
    assert Kafka(tmp_path, 1, 2).properties()["auto.create.topics.enable"] == "false"


def test_an_aot_cache_belongs_to_one_command(tmp_path: Path) -> None:
    """Ports and folders do not matter to a cache; flags and versions do."""
    artifacts = read_lock()

    def file(folder: str, port: int, *, full_jit: bool = False) -> Path:
        kafka = Kafka(tmp_path / folder, port, port + 1, heap_mb=port, full_jit=full_jit)
        return cache_file(tmp_path, "kafka", kafka.command(tmp_path / "maven", artifacts))

    assert file("one", 1) == file("two", 2)
    assert file("one", 1) != file("one", 1, full_jit=True)


def test_an_absent_aot_cache_gives_no_flag(tmp_path: Path) -> None:
    """A start without a cache is an ordinary start, and dropping a cache that is not there is no error."""
    assert use(tmp_path / "none.aot") == []
    drop(tmp_path / "none.aot")


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`BANYAN_CACHE` names the cache; a place that cannot be written is an error that says so."""
    monkeypatch.setenv("BANYAN_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BANYAN_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(Terminal, match="cannot write"):
        cache_folder()


def test_a_home_that_cannot_be_written_has_a_cache_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a usable home the cache is a private folder below the temporary one."""
    (tmp_path / "home").write_text("not a folder")
    monkeypatch.delenv("BANYAN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = cache_folder()
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0
