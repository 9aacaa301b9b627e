"""Tables of OCCURS DEPENDING ON: whether a file holds them at full size or with the entries in use only."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout
from adapters.batch.framing import Broken, FrameSpec, Scanner
from adapters.batch.framing.chain import LengthError
from adapters.batch.framing.shifted import Measured
from adapters.batch.inspect.cut import Cut
from adapters.batch.inspect.described import Candidate
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.matrix import ROWS, Matrix
from adapters.batch.inspect.sample import Sample
from adapters.batch.odo import unshift

#: Records whose counters are followed, and the share that must end where they say.
_ROWS, _SHARE = 300, 0.5
#: What exact ends of records add to a candidate's evidence: as much as settles a tie.
_BONUS = 0.1


def matters(layout: Layout) -> bool:
    """Return whether something stands behind a counted table, so that its place depends on the counter."""
    tables = [slot for slot in layout.record.walk() if slot.counter]
    first = min((slot.end for slot in tables), default=layout.length)
    return any(s.storage is not None and s.item.name and s.offset >= first for s in layout.record.walk())


def moved(cuts: list[Cut], sample: Sample, layout: Layout, page: CodePage) -> Iterator[Cut]:
    """Yield the cuts once more, with the fields behind each table moved to where the layout has them."""
    if not matters(layout):
        return
    for cut in cuts:
        if cut.candidate.settings["framing"] != "fixed":
            yield from _by_ends(cut, layout, page)
        elif cut.candidate.matrix.length == layout.length:
            why = ["the fields behind the tables are right where the counters put them"]
            yield _unshifted(cut, layout, page, "pad", Guess("odo", "pad", 0.8, why), 0.0)
    yield from _by_counters(sample, layout, page)


def _by_ends(cut: Cut, layout: Layout, page: CodePage) -> Iterator[Cut]:
    """Yield a cut into records of any length, where they end as their counters say."""
    matrix, measured = cut.candidate.matrix, Measured.of(layout, page)
    assert measured is not None  # the layout has counters
    n = min(len(matrix.view), _ROWS)
    exact = sum(
        _length(measured, row.tobytes()[:length]) == length
        for row, length in zip(matrix.view[:n], matrix.lengths[:n].tolist(), strict=True)
    )
    if not n or exact < _SHARE * n:
        return
    why = [f"{exact:,} of {n:,} records end where their counters say"]
    varied = len(np.unique(matrix.lengths)) > 1
    guess = Guess("odo", "shift", min(0.97, exact / n), why)
    yield _unshifted(cut, layout, page, "shift", guess, _BONUS if varied else 0.0)


def _by_counters(sample: Sample, layout: Layout, page: CodePage) -> Iterator[Cut]:
    """Yield the cut into records that nothing but their counters parts."""
    scanner = Scanner.of("fixed", FrameSpec.model_validate({}), layout, page, "", shifted=True)
    records: list[bytes] = []
    end, broken = 0, False
    for piece in scanner.scan(io.BytesIO(sample.head)):
        if isinstance(piece, Broken):
            broken = True
            break
        for at in range(len(piece)):
            records.append(piece.raw(at))
            end = int(piece.offset[at]) + len(records[-1])
    # The sample may cut its last record; any other break says that the counters are none.
    if len(records) < 2 or (broken and (sample.whole or len(sample.head) - end > layout.length)):
        return
    if len({len(record) for record in records}) == 1:
        return
    whole = sample.whole and end == len(sample.head)
    why = [f"the counters lead through {len(records):,} records to the end of the sample"]
    matrix = Matrix.of(records[:ROWS], 0, last=whole and len(records) <= ROWS)
    candidate = Candidate({"framing": "fixed"}, matrix, "counters", 0.8)
    cut = Cut(Guess("framing", "fixed", 0.9, why), candidate, sample.head[:end], whole)
    yield _unshifted(cut, layout, page, "shift", Guess("odo", "shift", 0.95, why), 0.0)


def _unshifted(cut: Cut, layout: Layout, page: CodePage, odo: str, guess: Guess, bonus: float) -> Cut:
    matrix = cut.candidate.matrix
    view = matrix.view[:, : layout.length]
    view = np.pad(view, ((0, 0), (0, layout.length - view.shape[1])))
    lengths = np.minimum(matrix.lengths, layout.length).astype(np.int32)
    made, new = unshift(view, None if odo == "pad" else lengths, layout, page)
    full = np.full(len(made), layout.length) if new is None else new.astype(np.int64)
    candidate = replace(
        cut.candidate,
        settings={**cut.candidate.settings, "odo": odo},
        matrix=replace(matrix, view=made, lengths=full),
        prior=min(1.0, cut.candidate.prior + bonus),
    )
    return replace(cut, candidate=candidate, odo=guess)


def _length(measured: Measured, raw: bytes) -> int | None:
    try:
        return measured.length(raw)
    except LengthError:
        return None
