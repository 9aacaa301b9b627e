"""A message that does not prove what it must."""

from __future__ import annotations

from typing import Literal

from schemas.errors import Terminal

#: Local names of the fault codes of WS-Security (SOAP Message Security 1.1.1, section 12).
FaultCode = Literal[
    "UnsupportedSecurityToken",
    "UnsupportedAlgorithm",
    "InvalidSecurity",
    "InvalidSecurityToken",
    "FailedAuthentication",
    "FailedCheck",
    "SecurityTokenUnavailable",
    "MessageExpired",
]


class SecurityFailure(Terminal):
    """A missing, wrong or stale proof. It never tells more than which proof it was.

    Attributes:
        code: what a sender whom we refuse is told.
    """

    def __init__(
        self,
        what: str,
        where: str = "",
        fix: str = "ask the service's owner; do not trust it yet",
        *,
        code: FaultCode = "InvalidSecurity",
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.code: FaultCode = code
