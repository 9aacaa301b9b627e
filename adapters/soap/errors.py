"""What can go wrong between a SOAP service and us, grouped by recovery."""

from __future__ import annotations

from schemas.errors import Skippable, Terminal, Transient


class ContractError(Terminal):
    """The WSDL or its schema cannot be read, is hostile, or asks for what is not supported."""


class NoContract(ContractError):
    """The document is no contract at all: an HTML page, or no XML. Exit code 2: the wrong file was given."""

    exit_code = 2


class Hostile(ContractError):
    """Documents that no contract is read from: too many, growing without end, or not what was locked."""


class AnswerMismatch(Terminal):
    """A well-formed answer that the contract does not allow: another version, another namespace."""


class BrokenAnswer(Transient):
    """No whole SOAP answer came: truncated, not XML, an HTML page of a proxy."""


class ServiceUnavailable(Transient):
    """No answer in time, or one that asks to come back later: in `retry_after` seconds, if it says when."""

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry_after = retry_after


class CallRefused(Terminal):
    """The service refuses the call as it is: credentials, address, or a Client fault."""


class BadValue(Skippable):
    """One value does not fit its schema type; `path` leads to it from the element decoded.

    Args:
        path: element names joined by `/`, attributes with `@`.
        reason: what the schema asks for. It never holds the value.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}", fix="see the element in the WSDL's schema")
        self.path, self.reason = path, reason

    def below(self, name: str) -> BadValue:
        """Return the same error seen from the parent element."""
        return BadValue(f"{name}/{self.path}" if self.path else name, self.reason)
