"""What an operation's TOML file may say; the façade, the comparison and the docs all derive from it."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from adapters.soap.serve.demand import DemandSpec
from connectors.settings import load
from schemas.entity import AvroType
from schemas.errors import SettingsError
from strangler.canary import Choice, Serving, choose
from strangler.compare import Rules
from strangler.control_spec import GateSpec, StepDownSpec
from strangler.gate import GateOf
from strangler.record import FieldMap, MappingError, Means, RecordMap, jsonable, typed

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)\Z")
_PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rest(_Spec):
    """The operation as new callers see it."""

    method: Literal["GET"] = Field("GET", description="HTTP method; reads are GET.")
    path: str = Field(
        description="Path with parameters: `/cases/{case_id}`.", pattern=r"^/[A-Za-z0-9_{}/.-]+$"
    )

    @property
    def parameters(self) -> tuple[str, ...]:
        """The path's parameters, in order."""
        return tuple(_PARAMETER.findall(self.path))


class NotFound(_Spec):
    """The fault by which legacy says that there is no such thing; 404 for REST callers."""

    fault: str = Field("", description="Local name of the fault's detail element, or its code; empty = none.")
    text: str = Field("not found", description="The faultstring that SOAP callers get in stage modern.")
    detail: dict[str, str] = Field(
        default_factory=dict, description="Child of the detail element → parameter, for stage modern."
    )


class Legacy(_Spec):
    """The SOAP side."""

    wsdl: str = Field(description="The WSDL: a path beside this file, or a URL.")
    operation: str = Field(description="The operation's name in the WSDL.")
    endpoint: HttpUrl = Field(description="Where the service listens.")
    request: dict[str, str] = Field(
        description='Place in the request → parameter of the path: `caseId = "case_id"`.'
    )
    not_found: NotFound = Field(
        default_factory=lambda: NotFound.model_validate({}),
        description="The fault that means: no such thing.",
    )
    timeout_seconds: float = Field(5.0, gt=0, description="The whole call; longer is a 504 for the caller.")
    max_connections: int = Field(64, ge=1, description="Connections kept to this side.")
    security: DemandSpec | None = Field(
        None,
        description="WS-Security that SOAP calls must have while the modern side answers them; the legacy "
        "service checks its own. Absent = none is looked at.",
    )


class Modern(_Spec):
    """The REST side."""

    url: HttpUrl = Field(description="URL with the parameters of [rest].path.")
    status: str = Field("", description="URL of the read API's `/v1/_status`; where projections stand.")
    projection: str = Field("", description="The projection that answers, as `/v1/_status` names it.")
    adapter: str = Field("", description="The adapter whose extracts feed it.")
    not_found: Literal["marked", "status"] = Field(
        "marked",
        description="What says that there is no such thing. `marked`: a 404 with the header "
        "`Banyan-Not-Found: row`, as the read API sends it; a plain 404 (a wrong URL) is then a failure. "
        "`status`: every 404, for a modern side of another make.",
    )
    timeout_seconds: float = Field(2.0, gt=0, description="The whole call; longer is a 504 for the caller.")
    max_connections: int = Field(64, ge=1, description="Connections kept to this side.")


class Canonical(_Spec):
    """The record that both sides are read as."""

    name: str = Field("", description="Its name in documents and schemas.")
    fields: dict[Name, str | dict[str, Any]] = Field(
        description="Field → Avro type; `date`, `timestamp-millis` and `decimal(9,2)` may be written short."
    )

    @field_validator("fields")
    @classmethod
    def _known_types(cls, fields: dict[str, str | dict[str, Any]]) -> dict[str, str | dict[str, Any]]:
        for text in fields.values():
            avro_type(text)
        return fields

    @cached_property
    def types(self) -> dict[str, AvroType]:
        """Field → Avro type, written out."""
        return {name: avro_type(text) for name, text in self.fields.items()}


class Place(_Spec):
    """Where a field stands on one side, when a path alone does not say it."""

    path: str
    codes: dict[str, str] = Field(default_factory=dict, description="This side's code → the record's code.")
    null: Means = Field("nil", description="What a null here means.")
    empty: Means = Field("empty", description="What an empty string here means.")

    @field_validator("codes")
    @classmethod
    def _one_to_one(cls, codes: dict[str, str]) -> dict[str, str]:
        if len(set(codes.values())) != len(codes):
            raise ValueError("two codes have the same meaning, so there is no way back")
        return codes


class Maps(_Spec):
    """One map a side: field = path, or a table with path, codes, null, empty. Read both ways."""

    version: int = Field(1, ge=1, description="Raise it with every change: verdicts name it.")
    rest: dict[str, str | Place] = Field(
        default_factory=dict, description="What callers get; empty = as named."
    )
    soap: dict[str, str | Place] = Field(description="The SOAP reply.")
    row: dict[str, str | Place] = Field(
        default_factory=dict, description="The modern answer; empty = as named."
    )


class Comparison(_Spec):
    """What may differ without being a difference."""

    version: int = Field(1, ge=1, description="Raise it with every change: verdicts name it.")
    ignore: tuple[str, ...] = Field((), description="Paths left out, with all below them.")
    tolerance: dict[str, Decimal] = Field(
        default_factory=dict, description="Path → largest difference; seconds for times."
    )
    sets: tuple[str, ...] = Field((), description="Lists whose order does not count.")
    strict_scale: tuple[str, ...] = Field((), description="Decimals whose scale counts.")
    zone: str = Field("", description="IANA zone of date-times that carry none.")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"unknown time zone {zone!r}") from None
        return zone


class Shadow(_Spec):
    """The budget of shadow calls: what they may cost the other side."""

    sample_rate: float = Field(1.0, ge=0, le=1, description="Share of calls that are compared.")
    max_concurrency: int = Field(4, ge=1, description="Shadow calls at a time.")
    queue_limit: int = Field(256, ge=1, description="Calls that may wait; more are dropped and counted.")
    recheck_limit: int = Field(
        64, ge=1, description="Differences that may wait for the projection at a time."
    )
    recheck_seconds: float = Field(
        45.0,
        gt=0,
        # An idle SOAP adapter ends an extract every 10 s by default; this lets four of them fail.
        description="How long a difference waits for the projection; then it is inconclusive(stale).",
    )
    settle_seconds: float = Field(
        0.1, gt=0, description="Pause between two looks at the projection's offsets."
    )


class Canary(_Spec):
    """Keys that do not go by their place while the operation is in stage canary."""

    first: frozenset[str] = Field(
        frozenset(), description="Business keys that modern answers whatever the share: testers, volunteers."
    )
    never: frozenset[str] = Field(
        frozenset(), description="Business keys that legacy answers whatever the share; outranks `first`."
    )


class Operation(_Spec):
    """One call that a consumer can make, in REST and SOAP form, and where each side answers it."""

    name: Name = Field(description="Unique in the estate.")
    summary: str = Field("", description="One line for people.")
    kind: Literal["read", "write"] = Field("read", description="Writes are not served yet.")
    key: Name = Field(description="The parameter that is the business key.")
    rest: Rest
    legacy: Legacy
    modern: Modern
    record: Canonical
    map: Maps
    compare: Comparison = Field(default_factory=lambda: Comparison.model_validate({}))
    shadow: Shadow = Field(default_factory=lambda: Shadow.model_validate({}))
    canary: Canary = Field(default_factory=lambda: Canary.model_validate({}))
    gate: GateSpec = Field(default_factory=lambda: GateSpec.model_validate({}))
    step_down: StepDownSpec = Field(default_factory=lambda: StepDownSpec.model_validate({}))

    @model_validator(mode="after")
    def _consistent(self) -> Operation:
        if self.kind == "write":
            raise ValueError("writes are not served in this version; keep them out of the façade")
        parameters = set(self.rest.parameters)
        named = {"key": {self.key}, "legacy.request": set(self.legacy.request.values())}
        named["legacy.not_found.detail"] = set(self.legacy.not_found.detail.values())
        named["modern.url"] = set(_PARAMETER.findall(self.modern.url))
        for where, names in named.items():
            if unknown := sorted(names - parameters):
                raise ValueError(f"{where} names {unknown[0]!r}, which is not a parameter of [rest].path")
        try:
            _ = self._listed
        except MappingError as error:
            raise ValueError(f"[canary] lists a key that is none: {error.reason}") from None
        for side in ("rest", "soap", "row"):
            if unknown := sorted(getattr(self.map, side).keys() - self.record.fields.keys()):
                raise ValueError(f"[map.{side}] maps {unknown[0]!r}, which is not a field of [record]")
        return self

    @cached_property
    def rest_map(self) -> RecordMap:
        """The map of what callers get."""
        return self._side(self.map.rest)

    @cached_property
    def soap_map(self) -> RecordMap:
        """The map of the legacy reply."""
        return self._side(self.map.soap)

    @cached_property
    def row_map(self) -> RecordMap:
        """The map of the modern answer."""
        return self._side(self.map.row)

    @cached_property
    def rules(self) -> Rules:
        """The comparison's rules; their version holds the maps' version too."""
        rules = self.compare
        return Rules(
            version=f"{self.map.version}.{rules.version}",
            ignore=frozenset(rules.ignore),
            tolerance=rules.tolerance,
            sets=frozenset(rules.sets),
            zone=ZoneInfo(rules.zone) if rules.zone else None,
            strict_scale=frozenset(rules.strict_scale),
        )

    @property
    def gate_of(self) -> GateOf:
        """The gate, with the version of the rules that count now."""
        return GateOf(self.gate.gate, self.rules.version)

    def key_text(self, key: str) -> str:
        """Return the one text of a business key: where it is a number, 007 and 7 are the same.

        Raises:
            MappingError: it is not of its field's type.
        """
        kind = self.record.types.get(self.key, "string")
        return str(jsonable(kind, typed(kind, key, self.key)))

    def choose(self, key: str, serving: Serving) -> Choice:
        """Return the side that answers `key` now.

        Raises:
            MappingError: it is not of its field's type.
        """
        first, never = self._listed
        return choose(self.name, self.key_text(key), serving, first=first, never=never)

    @cached_property
    def _listed(self) -> tuple[frozenset[str], frozenset[str]]:
        lists = (self.canary.first, self.canary.never)
        first, never = (frozenset(self.key_text(k) for k in keys) for keys in lists)
        return first, never

    def _side(self, places: dict[str, str | Place]) -> RecordMap:
        return RecordMap(
            self.record.types,
            {n: _place(p) for n, p in (places or {n: n for n in self.record.fields}).items()},
        )


def load_operations(folder: Path) -> list[Operation]:
    """Return the operations in `<folder>/*.toml` (an estate's `operations` folder), by name.

    Raises:
        SettingsError: a file is wrong, or two operations have one name or one route.
    """
    operations: dict[str, Operation] = {}
    routes: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        operation = load(path, Operation)
        wsdl = operation.legacy.wsdl
        if "://" not in wsdl:
            legacy = operation.legacy.model_copy(update={"wsdl": str((path.parent / wsdl).resolve())})
            operation = operation.model_copy(update={"legacy": legacy})
        route = _PARAMETER.sub("{}", f"{operation.rest.method} {operation.rest.path}")
        for kind, key, seen in (("name", operation.name, operations), ("route", route, routes)):
            if key in seen:
                raise SettingsError(
                    f"two operations have the {kind} {key!r}", where=str(path), fix="change one of them"
                )
        operations[operation.name], routes[route] = operation, operation.name
    return list(operations.values())


def avro_type(text: str | dict[str, Any]) -> AvroType:
    """Return the Avro type that a short form (`decimal(9,2)`, `date`, `string`…) stands for.

    Raises:
        ValueError: an unknown short form.
    """
    if isinstance(text, dict):
        return text
    if match := _DECIMAL.match(text):
        precision, scale = int(match[1]), int(match[2])
        return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
    match text:
        case "date":
            return {"type": "int", "logicalType": "date"}
        case "timestamp-millis" | "timestamp-micros":
            return {"type": "long", "logicalType": text}
        case "string" | "boolean" | "int" | "long" | "float" | "double" | "bytes":
            return text
    raise ValueError(f"unknown type {text!r}: use an Avro type, date, timestamp-millis or decimal(P,S)")


def _place(place: str | Place) -> FieldMap:
    if isinstance(place, str):
        return FieldMap(tuple(place.split(".")))
    return FieldMap(tuple(place.path.split(".")), place.codes, place.null, place.empty)
