"""The schema registry over its Confluent-compatible REST interface (Apicurio, Confluent, Karapace)."""

from __future__ import annotations

import json
import threading
from typing import Any

import requests
from pydantic import SecretStr

from schemas.compatibility import violations
from schemas.errors import Terminal, Transient

#: Connect and read time-outs in seconds: a registry answers in milliseconds; ten seconds is a dead one.
_TIMEOUT = (3.0, 10.0)
_SUBJECT_UNKNOWN, _VERSION_UNKNOWN = 40401, 40402


class IncompatibleSchema(Terminal):
    """The registry, or our own check before it, refuses a new version of a subject."""


class Registry:
    """Register schemas and look them up; ids and schemas never change, so both are cached for good."""

    def __init__(self, url: str, auth: tuple[str, SecretStr] | None = None) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.headers["Accept"] = "application/vnd.schemaregistry.v1+json"
        if auth:
            self._session.auth = (auth[0], auth[1].get_secret_value())
        self._by_id: dict[int, dict[str, Any]] = {}
        self._ids: dict[tuple[str, str], int] = {}
        # requests.Session is not safe across threads, and adapters run one thread each.
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Registry {self._url}>"

    def register(self, subject: str, schema: dict[str, Any], compatibility: str = "FULL_TRANSITIVE") -> int:
        """Register a version if it is new; return the schema's id.

        The subject's compatibility is set when the subject is made. Registries let a decimal change its
        scale in place, which would silently move the point in old events: that is refused here.

        Raises:
            IncompatibleSchema: with the subject and each reason.
            Transient: the registry does not answer.
        """
        text = json.dumps(schema, separators=(",", ":"))
        if (known := self._ids.get((subject, text))) is not None:
            return known
        newest = self.latest(subject)
        if reasons := violations(newest[1] if newest else None, schema):
            raise _incompatible(subject, reasons)
        if newest is None:
            # First the rule, then the schema: a crash in between must not leave a subject without it.
            self._call("PUT", f"/config/{subject}", {"compatibility": compatibility})
        answer = self._call("POST", f"/subjects/{subject}/versions", {"schema": text, "schemaType": "AVRO"})
        self._ids[subject, text] = schema_id = int(answer["id"])
        return schema_id

    def by_id(self, schema_id: int) -> dict[str, Any]:
        """Return the schema with this id.

        Raises:
            Terminal: no such id.
        """
        if schema_id not in self._by_id:
            self._by_id[schema_id] = json.loads(self._call("GET", f"/schemas/ids/{schema_id}")["schema"])
        return self._by_id[schema_id]

    def latest(self, subject: str) -> tuple[int, dict[str, Any]] | None:
        """Return id and schema of the newest version, or None where there is no such subject."""
        answer = self._call("GET", f"/subjects/{subject}/versions/latest", missing_ok=True)
        return (int(answer["id"]), json.loads(answer["schema"])) if answer else None

    def versions(self, subject: str) -> list[int]:
        """Return the version numbers of a subject, oldest first; empty where there is none."""
        return sorted(self._call("GET", f"/subjects/{subject}/versions", missing_ok=True) or [])

    def subjects(self) -> list[str]:
        """Return every subject's name."""
        return sorted(self._call("GET", "/subjects"))

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, missing_ok: bool = False
    ) -> Any:
        where = f"{self._url}{path}"
        try:
            with self._lock:
                response = self._session.request(method, where, json=body, timeout=_TIMEOUT)
        except requests.RequestException as error:
            raise Transient(
                f"the schema registry does not answer ({type(error).__name__})",
                where=self._url,
                fix="start it: banyan up",
            ) from error
        if response.ok:
            return response.json()
        code, message = _reason(response)
        if missing_ok and (response.status_code == 404 or code in (_SUBJECT_UNKNOWN, _VERSION_UNKNOWN)):
            return None
        if response.status_code == 409:
            raise _incompatible(path.split("/")[2], [message])
        if response.status_code >= 500 or response.status_code == 429:
            raise Transient(f"the schema registry failed: {message}", where=where)
        if response.status_code in (401, 403):
            # Nothing is wrong with the schema or the event that it was asked for, so neither may be given up.
            raise Transient(
                f"the schema registry does not let us in ({response.status_code})",
                where=where,
                fix="check the registry's user and password",
            )
        raise Terminal(
            f"the schema registry refused ({response.status_code}): {message}",
            where=where,
            fix="mend the request",
        )


def _reason(response: requests.Response) -> tuple[int, str]:
    try:
        body = response.json()
    except ValueError:
        return response.status_code, response.reason
    code = body.get("error_code")
    return (code if isinstance(code, int) else response.status_code), str(
        body.get("message", response.reason)
    )


def _incompatible(subject: str, reasons: list[str]) -> IncompatibleSchema:
    return IncompatibleSchema(
        "the new schema does not fit the events that are already there: " + "; ".join(reasons),
        where=subject,
        fix="make the change additive (a nullable field with default null), or give the entity a new name",
    )
