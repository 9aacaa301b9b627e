"""How long a record is, where nothing in the file says so: by how the bytes repeat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.guess import Guess, cannot_tell
from adapters.batch.inspect.sample import Sample

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
#: z/OS allows records of up to 32,760 bytes.
LONGEST = 32_760
#: Bytes that are compared with themselves: the transforms of this many take a tenth of a second.
_SPAN = 1 << 18


def classes(values: Bytes) -> Bytes:
    """Return the class of each byte: what it would be in text of either alphabet, else low or high."""
    return _CLASSES[values]


def _classes() -> Bytes:
    table = np.full(256, 5, np.uint8)
    table[0x80:] = 6
    for first, last in ((0xC1, 0xC9), (0xD1, 0xD9), (0xE2, 0xE9), (0x41, 0x5A)):
        table[first : last + 1] = 1
    for first, last in ((0x81, 0x89), (0x91, 0x99), (0xA2, 0xA9), (0x61, 0x7A)):
        table[first : last + 1] = 2
    table[0xF1:0xFA] = 3
    table[0x31:0x3A] = 3
    # Leading zeros show where a number begins.
    table[0xF0] = table[0x30] = 8
    table[0x40] = table[0x20] = 4
    table[0x00] = 0
    # Signs of packed numbers: a low nibble C, D or F behind a digit.
    for high in range(10):
        for low in (0xC, 0xD, 0xF):
            table[high << 4 | low] = 7
    return table


_CLASSES = _classes()
_KINDS = 9


def agreement(values: Bytes) -> tuple[Floats, Floats]:
    """Return, by lag, the share of turns that the byte so far on takes too, and the share that chance gives.

    A turn is a byte of another class than the byte before: the borders of fields, of numbers in text, of
    padding. Long runs of one class (blanks) agree with themselves at every distance, and say nothing.
    Class by class, by Fourier transform.
    """
    n = len(values)
    made = classes(values)
    turns = np.concatenate(([False], made[1:] != made[:-1]))
    size = 1 << (2 * n - 1).bit_length()
    total, chance = np.zeros(n), 0.0
    for kind in range(_KINDS):
        member = (turns & (made == kind)).astype(np.float32)
        count = float(member.sum())
        if not count:
            continue
        spectrum = np.fft.rfft(member, size)
        total += np.fft.irfft(spectrum * np.conj(spectrum), size)[:n]
        chance += count * count / n
    # Turns that have a byte so far on: those before n - lag.
    before = np.cumsum(turns)[::-1].astype(np.float64)
    shares = np.where(before > 0, total / np.maximum(before, 1), 0.0)
    expected = np.full(n, chance / max(1.0, float(turns.sum())))
    shares[0] = 0
    return shares, expected


def agreement_reference(values: Bytes, lag: int) -> float:
    """Return the same for one lag: the obvious twin."""
    made = classes(values).tolist()
    turns = [i for i in range(1, len(made) - lag) if made[i] != made[i - 1]]
    same = [i for i in turns if made[i + lag] == made[i] and made[i + lag] != made[i + lag - 1]]
    return len(same) / len(turns) if turns else 0.0


def record_length(sample: Sample) -> Guess:
    """Guess `record_length` of a file whose records are all of one length."""
    values = np.frombuffer(sample.head[:_SPAN], np.uint8)
    size = sample.size
    if len(values) < 16:
        return cannot_tell("record_length", f"{len(values)} bytes are too few")
    shares, chance = agreement(values)
    limit = min(len(values) // 2, LONGEST)
    shares, chance = shares[: limit + 1], chance[: limit + 1]
    turns = int((np.diff(classes(values)) != 0).sum())
    # Text has its own rhythm (words), so chance is what most distances show.
    base = max(float(np.median(shares[2:])), float(chance[1]))
    left = np.maximum(turns * (1 - np.arange(len(shares)) / len(values)), 1)
    # The further the lag, the fewer turns are compared, the wider chance scatters.
    gain = np.maximum(shares - base - 3 * np.sqrt(max(base * (1 - base), 1e-3) / left), 0)
    gain[:2] = 0
    best = float(gain.max())
    if best < 0.08:
        return cannot_tell(
            "record_length", "no distance at which the kinds of bytes repeat stands out: records of varying "
            "length, compressed or encrypted data, or noise",
        )  # fmt: skip
    peaks = [int(lag) for lag in np.argsort(gain)[::-1][:400] if _is_peak(gain, int(lag))]
    divides = [lag for lag in peaks if size is not None and size % lag == 0]
    strong = [lag for lag in divides if gain[lag] > 0.7 * best]
    if not strong and size is not None:
        # Record types that alternate agree best two records on, where the size is no multiple of two.
        top = int(gain.argmax())
        parts = [top // k for k in (2, 3, 4) if top % k == 0]
        strong = [lag for lag in parts if size % lag == 0 and gain[lag] > 0][:1]
    chosen = _smallest(strong or [lag for lag in peaks if gain[lag] > 0.9 * best], gain)
    whole = size is not None and size % chosen == 0
    records = (size or len(values)) // chosen
    clear = min(1.0, float(gain[chosen]) / (0.5 * (1 - base)))
    sure = 0.3 + 0.35 * clear + (0.3 if whole else 0)
    sure = min(sure * (1 if records >= 8 else 0.8 if records >= 3 else 0.6), 0.98)
    why = [
        f"{shares[chosen]:.0%} of the places where the kind of byte changes (letters, digits, blanks…) "
        f"come again {chosen:,} bytes further on (by chance: {base:.0%})"
    ]
    if size is not None:
        rest = size % chosen
        why.append(
            f"the size is {records:,} times {chosen:,}"
            if whole
            else f"{rest:,} bytes are left over at {chosen:,}"
        )
    others = [
        Guess(
            "record_length", lag, round(sure * float(gain[lag] / best) * 0.4, 2),
            [f"{shares[lag]:.0%} agree" + (", and the size is a multiple" if lag in divides else "")],
        )
        for lag in sorted(peaks, key=lambda lag: (lag not in divides, -gain[lag]))[:12]
        if lag != chosen and (lag < chosen or lag % chosen)
    ]  # fmt: skip
    return Guess("record_length", chosen, sure, why, others[:3])


def _is_peak(gain: Floats, lag: int) -> bool:
    return bool(
        lag >= 2
        and gain[lag] > 0
        and gain[lag] >= gain[max(lag - 1, 0)]
        and gain[lag] >= gain[min(lag + 1, len(gain) - 1)]
    )


def _smallest(lags: list[int], gain: Floats) -> int:
    """Return the record length among lags that may be its multiples: the smallest of nearly equal ones."""
    lags = sorted(lags)
    for lag in lags:
        multiples = [other for other in lags if other % lag == 0]
        # A table inside the record repeats too, but not over the whole record: its multiples do better.
        if gain[lag] >= 0.85 * max(gain[other] for other in multiples):
            return lag
    return lags[0]
