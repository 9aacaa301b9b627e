"""A message that does not prove what it must."""

from __future__ import annotations

from schemas.errors import Terminal


class SecurityFailure(Terminal):
    """A missing, wrong or stale proof. It never tells more than which proof it was."""

    def __init__(
        self, what: str, where: str = "", fix: str = "ask the service's owner; do not trust it yet"
    ) -> None:
        super().__init__(what, where=where, fix=fix)
