"""The registry client against a real registry."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.links import Links
from connectors.registry import IncompatibleSchema, Registry
from schemas.errors import Terminal, Transient


def record(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": "Value", "namespace": "a.b", "fields": list(fields)}


KEY = {"name": "id", "type": "string", "legacy.name": "ID-NO", "classification": "personal"}
AMOUNT = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
OPTIONAL = {"name": "amount", "type": ["null", AMOUNT], "default": None}


def test_a_schema_comes_back_with_its_properties(links: Links) -> None:
    """Registering twice gives one id, and unknown properties such as legacy.name survive."""
    registry = Registry(links.registry_url)
    subject = f"{links.prefix}.reg.one-value"
    assert registry.latest(subject) is None and registry.versions(subject) == []
    first = registry.register(subject, record(KEY))
    assert registry.register(subject, record(KEY)) == first
    assert Registry(links.registry_url).by_id(first)["fields"][0]["legacy.name"] == "ID-NO"
    assert registry.register(subject, record(KEY, OPTIONAL)) != first
    assert len(registry.versions(subject)) == 2
    assert subject in registry.subjects()


def test_an_incompatible_schema_is_refused_by_the_registry(links: Links) -> None:
    """A new field without a default breaks FULL_TRANSITIVE, and the error names subject and remedy."""
    registry = Registry(links.registry_url)
    subject = f"{links.prefix}.reg.two-value"
    registry.register(subject, record(KEY))
    with pytest.raises(IncompatibleSchema) as caught:
        registry.register(subject, record(KEY, {"name": "must", "type": "string"}))
    assert caught.value.where == subject and "additive" in caught.value.fix
    assert len(registry.versions(subject)) == 1


def test_a_crash_after_the_first_schema_leaves_no_subject_without_its_rule(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compatibility is set before the first version, so whatever dies, the second version is checked."""
    subject = f"{links.prefix}.reg.crash-value"
    dying = Registry(links.registry_url)
    call = dying._call

    def die_after_the_schema(method: str, *args: Any, **more: Any) -> Any:
        answer = call(method, *args, **more)
        if method == "POST":
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(dying, "_call", die_after_the_schema)
    with pytest.raises(KeyboardInterrupt):
        dying.register(subject, record(KEY))
    with pytest.raises(IncompatibleSchema):
        Registry(links.registry_url).register(subject, record(KEY, {"name": "must", "type": "string"}))


def test_a_change_of_decimal_scale_is_refused_by_our_own_check(links: Links) -> None:
    """The scale of a decimal cannot change in place."""
    registry = Registry(links.registry_url)
    subject = f"{links.prefix}.reg.three-value"
    registry.register(subject, record(KEY, OPTIONAL))
    moved = {"name": "amount", "type": ["null", AMOUNT | {"scale": 3}], "default": None}
    with pytest.raises(IncompatibleSchema, match="does not fit") as caught:
        registry.register(subject, record(KEY, moved))
    assert "scale 2 → 3" in caught.value.what


def test_an_unknown_id_is_terminal(links: Links) -> None:
    """An id that the registry does not know is an error that a retry cannot mend."""
    with pytest.raises(Terminal):
        Registry(links.registry_url).by_id(987_654_321)


def test_a_dead_registry_is_transient_and_shows_no_secret() -> None:
    """A registry that does not answer is Transient, and the password is in no message."""
    registry = Registry("http://127.0.0.1:1", ("user", SecretStr("hush-hush")))
    with pytest.raises(Transient) as caught:
        registry.latest("x")
    assert "hush" not in f"{caught.value} {registry!r} {caught.value.__cause__!r}"


def test_wrong_credentials_are_transient() -> None:
    """A refused login says nothing about a schema: a projection waits and parks no event for it."""

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(Transient, match="401") as caught:
            Registry(f"http://127.0.0.1:{server.server_port}", ("kim", SecretStr("hush"))).by_id(1)
    assert "password" in caught.value.fix and "hush" not in str(caught.value)
