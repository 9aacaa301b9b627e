"""What a copybook can be wrong about, with its line and column."""

from __future__ import annotations

from schemas.errors import Terminal


class CopybookError(Terminal):
    """A copybook that cannot be read: `where` is source:line:column."""

    exit_code = 2

    def __init__(self, what: str, *, source: str, line: int, column: int, fix: str = "") -> None:
        self.line, self.column = line, column
        super().__init__(what, where=f"{source}:{line}:{column}", fix=fix)
