"""How many business keys a number of verdicts is about."""

from __future__ import annotations

from collections import defaultdict

from strangler.compare import Kind
from strangler.decision import Counted
from strangler.verdict_record import VerdictRecord


class Keys:
    """Distinct keys, as evidence may count them.

    A key counts once both sides gave a record for it: two sides that agree that there is no such thing show
    little, and anybody can make up such keys. Hosts with secrets of their own have different pseudonyms for
    one key; the largest count of one secret is taken, which is never too many.
    """

    def __init__(self, counted: Counted = "compared") -> None:
        self._all = counted == ""
        self._by_secret: defaultdict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        if self._all:
            return len(set().union(*self._by_secret.values()))
        return max(map(len, self._by_secret.values()), default=0)

    def add(self, record: VerdictRecord) -> None:
        """Count a verdict's key."""
        found = record.verdict.kind is not Kind.INCONCLUSIVE and not record.verdict.absent
        if self._all or found:
            self._by_secret[record.secret].add(record.key)
