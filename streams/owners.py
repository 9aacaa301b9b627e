"""Whose row does an event make: that of its message key, or of another one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.readmodel.table import Table
from schemas.entity import Entity, Field
from schemas.errors import BanyanError
from schemas.key_text import key_text_of, pseudonym
from streams.batch import Batch
from streams.decoding import Group, KeyDecoder
from streams.fold import row_keys
from streams.shape import value_record

ANOTHER = "its row would be that of another key than its message key: publish it as an event of that key"
UNREADABLE = "its message key cannot be read, so nobody knows whether a newer event of its row came by"


class KeyOwners:
    """Compares the row of an event with its message key.

    In the order of the log that is never needed. An event that is applied late, or whose bytes were edited,
    may come behind newer ones of its row, unless those waited with it: which they did if the message key is
    the row's.

    Args:
        keys: decodes message keys.
        secret: the estate's key secret, behind pseudonyms; without it those cannot be compared.
    """

    def __init__(self, keys: KeyDecoder, secret: bytes = b"") -> None:
        self._keys = keys
        self._secret = secret

    def strangers(
        self,
        table: Table,
        batch: Batch,
        groups: Sequence[Group],
        row_key: Callable[[dict[str, Any]], tuple[Any, ...]],
    ) -> dict[int, str]:
        """Return why events cannot be applied late, by place.

        Args:
            table: whose rows they make.
            batch: for the message keys.
            groups: its decoded events.
            row_key: from a decoded message key to the key of its row, as stored.
        """
        found: dict[int, str] = {}
        for group in groups:
            for j, (place, key) in enumerate(zip(group.index.tolist(), row_keys(table, group), strict=True)):
                try:
                    record = self._keys.decode([batch.keys[place] or b""])[0]
                    if tuple(record) == ("pseudonym",):
                        same = not self._secret or record["pseudonym"] == self._named(table, group, j)
                    else:
                        same = row_key(record) == key
                except (ValueError, KeyError, BanyanError):
                    found[place] = UNREADABLE
                    continue
                if not same:
                    found[place] = ANOTHER
        return found

    def _named(self, table: Table, group: Group, j: int) -> str:
        """Return the pseudonym of one event's key."""
        names = tuple(table.column(k).field for k in table.key)
        types = {f["name"]: f["type"] for f in value_record(group.envelope)["fields"]}
        entity = Entity("", "", tuple(Field(name, types[name]) for name in names), names)
        image: Mapping[str, Any] = group.before if group.op[j] == ord("d") else group.after
        return pseudonym(self._secret, key_text_of(entity, {name: image[name][j].as_py() for name in names}))
