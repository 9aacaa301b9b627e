"""Ways to cut a sample into records: by descriptor words, by line ends, by a length."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.batch.inspect.chain import Followed, framing_by_chain
from adapters.batch.inspect.described import Candidate
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.header_chain import framing_by_header
from adapters.batch.inspect.lines import Lines, framing_by_lines
from adapters.batch.inspect.matrix import Matrix
from adapters.batch.inspect.sample import Sample

#: Bytes before the first record that are tried with a copybook: file headers of other kinds.
_OFFSETS = 256


@dataclass(frozen=True, slots=True)
class Cut:
    """One way, with its guess and the bytes that end with a record.

    `odo` says why tables hold the entries in use only, where they were taken so.
    """

    guess: Guess
    candidate: Candidate
    content: bytes
    whole: bool
    odo: Guess | None = None


def by_chain(sample: Sample, pad: int) -> Cut | None:
    """Return the records that descriptor words lead to."""
    found = framing_by_chain(sample)
    if found is None:
        return None
    guess, followed = found
    return _chained(guess, followed, sample, pad)


def by_header(sample: Sample, pad: int) -> list[Cut]:
    """Return the records behind headers of a system's own: all, and those of one kind of header alone."""
    found = framing_by_header(sample)
    if found is None:
        return []
    guess, own = found
    end = own.links[-1].offset + len(own.links[-1].data)
    cuts = []
    for settings, links in own.kinds(sample.head):
        matrix = Matrix.of([link.data for link in links], pad, last=sample.whole)
        candidate = Candidate(settings, matrix, "header", guess.confidence)
        cuts.append(Cut(guess, candidate, sample.head[:end], sample.whole))
    return cuts


def by_lines(sample: Sample, family: str, pad: int) -> tuple[Cut, Lines] | None:
    """Return the records that lines are."""
    found = framing_by_lines(sample, family)
    if found is None:
        return None
    guess, lines = found
    records = [line for line in lines.lines if line]
    settings: dict[str, object] = {"framing": "lines"}
    line_end = {"CR": "cr", "LF (0x25)": "lf", "CR LF (0x25)": "lf"}.get(lines.name)
    if line_end:
        settings["frame"] = {"line_end": line_end}
    end = len(sample.head) if sample.whole else sample.head.rfind(lines.end) + len(lines.end)
    matrix = Matrix.of(records, pad, last=sample.whole)
    candidate = Candidate(settings, matrix, "lines", guess.confidence)
    return Cut(guess, candidate, sample.head[:end], sample.whole), lines


def by_length(sample: Sample, length: int, guess: Guess) -> Cut:
    """Return the records of a fixed-length file."""
    n = len(sample.head) // length
    whole = sample.whole and n * length == len(sample.head)
    matrix = Matrix.fixed(sample.head, sample.end, length, sample.size)
    settings = {"framing": "fixed", "record_length": length}
    content = sample.head[: n * length]
    return Cut(guess, Candidate(settings, matrix, "fixed", guess.confidence), content, whole)


def behind_bytes(sample: Sample, length: int) -> list[Cut]:
    """Return fixed-length records that start after a file header, one way a header's length."""
    left = len(sample.head) % length
    if not sample.whole or not left or len(sample.head) < 3 * length:
        return []
    cuts = []
    for header in range(1, min(left, _OFFSETS) + 1):
        trailer = left - header
        end = len(sample.head) - trailer
        matrix = Matrix.fixed(sample.head[header:end], sample.head[header:end], length, end - header)
        frame = {k: v for k, v in (("file_header", header), ("file_trailer", trailer)) if v}
        guess = Guess(
            "framing", "fixed", 0.7,
            [f"the copybook fits behind a file header of {header} bytes"
             + (f" and before a trailer of {trailer}" if trailer else "")],
        )  # fmt: skip
        settings = {"framing": "fixed", "frame": frame}
        cuts.append(Cut(guess, Candidate(settings, matrix, "fixed", 0.2), sample.head, whole=True))
    return cuts


def _chained(guess: Guess, followed: Followed, sample: Sample, pad: int) -> Cut:
    records = [link.data for link in followed.links]
    last = followed.end + followed.trailer == sample.size
    matrix = Matrix.of(records, pad, last=last)
    candidate = Candidate(followed.settings(), matrix, followed.chain.framing, guess.confidence)
    end = followed.end if not last else len(sample.head)
    return Cut(guess, candidate, sample.head[:end], last)
