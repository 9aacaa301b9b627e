"""One record by one: the slow, obvious twin of `decoder.decode`, which tests compare with it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from adapters.batch.codepage import CodePage
from adapters.batch.columns import Column, Counter, RecordPlan
from adapters.batch.decoder import CUT, MISSING, NO_KEY
from adapters.batch.reference import BadValueError, Trim, decode_value
from adapters.batch.values import value


def decode_record(raw: bytes, plan: RecordPlan, page: CodePage, trim: Trim = "padding") -> dict[str, object]:
    """Return one record as a dict by Avro name; it may be shorter than the plan says.

    Raises:
        BadValueError: a field is bad and its policy is no null; the message starts with its path.
    """
    return _Record(plan, page, trim).fields(raw, plan.columns, plan.counters, {})


class _Record:
    def __init__(self, plan: RecordPlan, page: CodePage, trim: Trim) -> None:
        self.plan, self.page, self.trim = plan, page, trim
        self.key_paths = plan.key_paths
        self.short_is_null = plan.short_records == "null"

    def fields(
        self, raw: bytes, columns: tuple[Column, ...], counters: tuple[Counter, ...], known: Mapping[str, int]
    ) -> dict[str, object]:
        counts = dict(known)
        for counter in counters:
            piece = raw[counter.offset : counter.offset + counter.storage.length]
            counts[counter.name] = -1
            if len(piece) == counter.storage.length:
                with contextlib.suppress(BadValueError):
                    page = counter.page or self.page
                    counts[counter.name] = int(decode_value(piece, counter.storage, page) or 0)
        return {c.name: self.field(raw[c.offset :], c, counts) for c in columns}

    def field(self, raw: bytes, column: Column, counts: Mapping[str, int]) -> object:
        if column.count is None:
            return self.one(raw[: column.length], column, counts)
        if not raw and self.short_is_null:
            return None
        times = column.count
        if column.counter is not None:
            times = counts[column.counter]
            reason = ""
            if not 0 <= times <= column.count:
                reason = f"{column.counter} is beyond {column.count} occurrences"
            elif len(raw) < times * column.length:
                reason = "the record ends before its occurrences"
            if reason:
                if column.bad in ("null", "raw"):
                    return None
                raise BadValueError(f"{column.path}: {reason}")
        elif self.short_is_null:
            times = min(times, -(-len(raw) // column.length))
        starts = [i * column.length for i in range(times)]
        return [self.one(raw[start : start + column.length], column, counts) for start in starts]

    def one(self, raw: bytes, column: Column, counts: Mapping[str, int]) -> object:
        if column.children:
            return self.fields(raw, column.children, column.counters, counts)
        is_key = column.path in self.key_paths
        if not raw and self.short_is_null and not is_key:
            return None
        try:
            if len(raw) < column.length:
                raise BadValueError(CUT if raw else MISSING)
            found = value(raw, column, self.page, self.trim)
            if found is None and is_key and column.bad not in ("null", "raw"):
                raise BadValueError(NO_KEY)
        except BadValueError as error:
            if column.raw:
                return raw.hex()
            if column.bad in ("null", "raw"):
                return None
            raise BadValueError(f"{column.path}: {error}") from None
        return None if column.raw else found
