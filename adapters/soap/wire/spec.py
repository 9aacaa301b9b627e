"""The `[wire]` table of a SOAP adapter: how its calls travel."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.soap.security.spec import SecuritySpec
from adapters.soap.sources import LOOPBACK
from adapters.soap.wire.hours import days_of


def _time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d|24:00", text):
        raise ValueError(f"{text!r} is no time of day: write 07:30")
    return text


def _days(text: str) -> str:
    days_of(text)
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"no time zone {text!r}: write one as in Europe/London") from None
    return text


TimeOfDay = Annotated[str, AfterValidator(_time)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OperationSpec(_Table):
    """What is declared of one operation."""

    safe: bool = Field(
        False, description="It changes nothing, so it may be sent again when its answer did not come."
    )
    repeat_by: Literal["none", "header", "message_id"] = Field(
        "none",
        description="How the service knows that a call came before: by an HTTP header with a key, or by the "
        "MessageID of WS-Addressing. Such a call is sent again under the same key.",
    )
    timeout_seconds: float | None = Field(
        None,
        gt=0,
        description="Most seconds that the service may take for one answer; absent = the adapter's.",
    )

    @property
    def repeatable(self) -> bool:
        """Whether the same call may be sent again."""
        return self.safe or self.repeat_by != "none"


class RetrySpec(_Table):
    """How often and when a safe call is sent again."""

    attempts: int = Field(4, ge=1, le=20, description="Attempts in all; 1 = never again.")
    first_seconds: float = Field(0.5, gt=0, description="Pause before the second attempt.")
    factor: float = Field(2.0, ge=1, description="Each pause is so much longer than the one before.")
    longest_seconds: float = Field(
        60.0, gt=0, description="No pause is longer; a Retry-After beyond it ends the call."
    )
    jitter: float = Field(
        0.5, ge=0, le=1, description="Share of a pause that is left to chance, so that callers spread."
    )


class BreakerSpec(_Table):
    """When calls stop because the service is down."""

    failures: int = Field(5, ge=1, description="Failures in a row that open the circuit.")
    open_seconds: float = Field(30.0, gt=0, description="So long nothing is sent; then one call tries.")


class HoursSpec(_Table):
    """When the service is open; outside nothing is sent to it."""

    zone: Annotated[str, AfterValidator(_zone)] = Field(
        description="Time zone of the hours, such as Europe/London."
    )
    days: Annotated[str, AfterValidator(_days)] = Field(
        "mon-sun", description="Weekdays: `mon-fri`, `mon,thu`."
    )
    opens: TimeOfDay = Field("00:00", description="Local time.")
    closes: TimeOfDay = Field(
        "24:00", description="Local time; one before `opens` is that of the following day."
    )
    holidays: tuple[dt.date, ...] = Field((), description="Dates on which it does not open (yyyy-mm-dd).")
    outside: Literal["refuse", "wait"] = Field(
        "refuse", description="A call outside the hours fails as one to be tried later, or waits."
    )
    longest_wait_seconds: float = Field(
        900.0, ge=0, description="With `wait`: a call that would have to wait longer is refused."
    )


class TlsSpec(_Table):
    """Whom to trust, and who we are. Keys are given by reference only."""

    ca: SecretStr | None = Field(
        None, description="PEM certificates to trust instead of the system's: file:PATH."
    )
    certificate: SecretStr | None = Field(
        None, description="Our certificate and its chain, PEM, by reference: file:PATH."
    )
    key: SecretStr | None = Field(
        None, description="Its private key, PEM, by reference: file:PATH or ${NAME}."
    )
    passphrase: SecretStr | None = Field(None, description="Of the key; by reference.")

    @model_validator(mode="after")
    def _pair(self) -> TlsSpec:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together")
        return self


class AuthSpec(_Table):
    """HTTP authentication."""

    kind: Literal["basic", "ntlm"] = Field(description="`basic`, or `ntlm` (NTLMv2).")
    user: str = Field(description="User; for NTLM `DOMAIN\\user` or `user@domain`.")
    password: SecretStr = Field(description="By reference: ${NAME} or file:PATH.")


class ProxySpec(_Table):
    """An HTTP proxy between here and the service."""

    url: str = Field(description="Such as http://proxy.example:3128, without user and password.")
    user: str = Field("", description="Empty = the proxy wants none.")
    password: SecretStr | None = Field(None, description="By reference.")

    @model_validator(mode="after")
    def _no_secret_in_url(self) -> ProxySpec:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the proxy's address must begin with http:// or https://")
        if parts.username or parts.password:
            raise ValueError("user and password have keys of their own; a password only by reference")
        return self


class AddressingSpec(_Table):
    """WS-Addressing headers."""

    version: Literal["1.0", "2004/08"] = Field("1.0", description="1.0 (2005/08) or 2004/08.")
    reply_to: str = Field(
        "", description="Address of our callback endpoint; empty = the answer comes back at once."
    )
    must_understand: bool = Field(False, description="Demand that the service heeds these headers.")


class AttachmentsSpec(_Table):
    """Binary parts of messages: MTOM/XOP, and SOAP with attachments."""

    store: str = Field(
        "attachments", description="Folder for the bytes that came, by their hash; beside adapter.toml."
    )
    max_bytes: int = Field(256 << 20, ge=1, description="Largest attachment.")
    max_parts: int = Field(100, ge=1, description="Most attachments of one message.")
    keep_days: float | None = Field(
        None, gt=0, description="Delete those that did not come for so many days; absent = keep all."
    )
    mtom: bool = Field(False, description="Send base64Binary values as MTOM/XOP parts.")
    mtom_threshold: int = Field(1024, ge=0, description="Values below so many bytes stay in the XML.")


class WireSpec(_Table):
    """How calls travel."""

    driver: Literal["banyan", "zeep"] = Field(
        "banyan",
        description="Banyan's own client with all that this table says, or zeep, which heeds none of it.",
    )
    operations: dict[str, OperationSpec] = Field(
        default_factory=dict, description="What is declared of an operation, by its name."
    )
    repeat_header: str = Field(
        "Idempotency-Key", pattern=r"^[A-Za-z0-9-]+$", description='The header of `repeat_by = "header"`.'
    )
    max_answer_bytes: int = Field(2 << 30, ge=1, description="An answer that is longer is cut off.")
    retry: RetrySpec = Field(
        default_factory=lambda: RetrySpec.model_validate({}), description="Sending safe calls again."
    )
    breaker: BreakerSpec = Field(
        default_factory=lambda: BreakerSpec.model_validate({}), description="When calls stop by themselves."
    )
    hours: HoursSpec | None = Field(None, description="Absent = always open.")
    tls: TlsSpec | None = Field(None, description="Absent = the system's trust, no certificate of ours.")
    auth: AuthSpec | None = Field(None, description="Absent = no HTTP authentication.")
    proxy: ProxySpec | None = Field(None, description="Absent = that of the environment, if any.")
    addressing: AddressingSpec | None = Field(None, description="Absent = no WS-Addressing headers.")
    security: SecuritySpec | None = Field(None, description="Absent = no WS-Security.")
    attachments: AttachmentsSpec = Field(
        default_factory=lambda: AttachmentsSpec.model_validate({}), description="Binary parts of messages."
    )

    @model_validator(mode="after")
    def _repeat_needs_addressing(self) -> WireSpec:
        for name, operation in self.operations.items():
            if operation.repeat_by == "message_id" and self.addressing is None:
                raise ValueError(f"operations.{name}: repeat_by = 'message_id' needs [wire.addressing]")
        return self

    @model_validator(mode="after")
    def _zeep_heeds_none(self) -> WireSpec:
        tables = ("hours", "tls", "auth", "proxy", "addressing", "security")
        given = [name for name in tables if getattr(self, name) is not None]
        if self.driver == "zeep" and given:
            raise ValueError(f"the driver zeep does not heed [wire.{given[0]}]: use driver = 'banyan'")
        return self

    def advice(self, endpoint: str) -> list[tuple[str, str]]:
        """Return what is allowed here but dangerous, and what to do about it."""
        found, security = [], self.security
        clear = endpoint.startswith("http://") and urlsplit(endpoint).hostname not in LOOPBACK
        text = security is not None and security.username is not None and security.username.kind == "text"
        if clear and (text or (self.auth is not None and self.auth.kind == "basic")):
            found.append(("user and password cross the network in clear", "use an https endpoint"))
        if security is not None and security.verify is not None and "timestamp" not in security.verify.parts:
            found.append(
                (
                    "an old signed reply can be played again",
                    'add "timestamp" to wire.security.verify.parts, if the service signs it',
                )
            )
        if (
            security is not None
            and security.decrypt is not None
            and security.decrypt.cbc
            and not security.verify
        ):
            found.append(
                (
                    "AES-CBC does not show tampering, and replies need no signature",
                    "set [wire.security.verify]",
                )
            )
        return found

    def operation(self, name: str) -> OperationSpec:
        """Return what is declared of an operation; nothing declared = not safe."""
        return self.operations.get(name) or OperationSpec.model_validate({})

    def reading(self, *names: str) -> WireSpec:
        """Return these settings with the operations `names` declared safe: an adapter only reads by them."""
        declared = {name: self.operation(name).model_copy(update={"safe": True}) for name in names if name}
        return self.model_copy(update={"operations": {**self.operations, **declared}})
