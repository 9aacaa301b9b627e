"""Which EBCDIC code page: by the characters that the bytes in which pages differ would be."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.inspect.alphabet import EBCDIC_WORDS
from adapters.batch.inspect.guess import Guess, cannot_tell

Bytes = npt.NDArray[np.uint8]
#: Pages that are told apart, the one that is assumed in a tie first: Banyan is made for British systems.
PAGES = (
    "cp285", "cp1146", "cp037", "cp1140", "cp500", "cp1148", "cp1047", "cp273", "cp1141", "cp297",
    "cp1147", "cp280", "cp284", "cp278", "cp277",
)  # fmt: skip
#: How much likelier a character is than a stray one, in text between words (natural logarithm, by judgement:
#: what forms, names, addresses and amounts hold).
_PLAUSIBLE = {
    "£": 2.0, "$": 2.0, "€": 2.0, "#": 1.2, "@": 1.5, "!": 0.8, "[": 0.8, "]": 0.8, "|": 0.6, "~": 0.1,
    "^": 0.0, "{": 0.1, "}": 0.1, "\\": 0.3, "`": 0.0, '"': 1.5, "§": 0.2, "°": 0.4, "¬": -0.5, "¦": -0.8,
    "¢": -0.8, "¤": -1.5, "¨": -1.5, "¯": -1.5, "‾": -1.5, "\xb4": -0.3, "µ": -0.5, "¥": -0.5, "·": -0.8,
    "¶": -1.5, "_": 0.8, "%": 1.0, "ß": 0.8,
}  # fmt: skip
#: Beside text these bytes are the last digits of signed numbers (+0, -0), not the braces of a page.
_OVERPUNCH = (0xC0, 0xD0)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One byte in which pages differ: how often, how often between two letters, and its other neighbours."""

    byte: int
    times: int
    in_words: int
    after_space: float = 0.0
    before_digit: float = 0.0
    before_space: float = 0.0


def code_page(text: Bytes) -> Guess:
    """Guess `code_page` of EBCDIC bytes.

    `text` may hold binary numbers: only bytes within words count as evidence.
    """
    seen = _differing(text)
    scores = {page: sum(_score(CodePage.named(page), one) for one in seen) for page in PAGES}
    best = max(scores.values())
    tied = [page for page in PAGES if scores[page] > best - 0.5]
    if not seen:
        others = [Guess("code_page", page, 0.1) for page in ("cp037", "cp500", "cp1047")]
        return Guess(
            "code_page", "cp285", 0.4,
            ["cannot tell: no byte in which the pages differ stands in the text, so all of them read it "
            "alike",
             "cp285 assumed, the British page; it matters once £, $, [, ], ! or ¬ turn up"],
            others,
        )  # fmt: skip
    why = [_explained(one, tied[0]) for one in sorted(seen, key=lambda s: -s.times)[:4]]
    distinct = _distinct(tied, seen)
    weights = {page: np.exp(min(0.0, scores[page] - best)) for page in PAGES}
    total = sum(weights[p] for p in _distinct(list(PAGES), seen))
    # One or two sightings may be stray bytes of a binary number.
    sure = float(min(0.97, weights[tied[0]] / total)) * min(1.0, 0.4 + 0.1 * sum(s.times for s in seen))
    if len(distinct) > 1:
        why.append(f"cannot tell: {' and '.join(distinct[:4])} make sense of it alike; {tied[0]} assumed")
    elif len(tied) > 1:
        why.append(f"{', '.join(tied[1:])} read this file alike")
    others = [
        Guess("code_page", page, float(weights[page] / total), _readings(page, tied[0], seen))
        for page in sorted(PAGES, key=lambda p: -scores[p])
        if page != tied[0] and weights[page] / total > 0.02
    ]  # fmt: skip
    return (
        Guess("code_page", tied[0], sure, why, others[:4])
        if best > -1
        else cannot_tell("code_page", *why, others=[Guess("code_page", tied[0], 0.2), *others[:3]])
    )


def alike(one: str, other: str, text: Bytes) -> bool:
    """Tell whether two pages read the words of `text` alike."""
    first, second = CodePage.named(one).characters, CodePage.named(other).characters
    return all(first[s.byte] == second[s.byte] for s in _differing(text))


def _differing(text: Bytes) -> list[_Seen]:
    """Return the bytes in words, of those in which pages differ."""
    if len(text) < 3:
        return []
    tables = [CodePage.named(page).characters for page in PAGES]
    differ = np.array([len({t[b] for t in tables}) > 1 for b in range(256)])
    differ[0x15] = differ[0x25] = False
    wordy = EBCDIC_WORDS[text]
    smooth = wordy.astype(np.float32)
    # A byte counts where six of the eight bytes around it are letters, digits or spaces, its neighbours too.
    around = np.convolve(smooth, np.array([1, 1, 1, 1, 0, 1, 1, 1, 1], np.float32), "same")
    beside = np.zeros(len(text), np.bool_)
    beside[1:-1] = wordy[:-2] & wordy[2:]
    digits = (text >= 0xF0) & (text <= 0xF9)
    signs = np.zeros(len(text), np.bool_)
    signs[1:] = np.isin(text[1:], _OVERPUNCH) & digits[:-1]
    at = np.flatnonzero(differ[text] & ((around >= 6) & beside) & ~signs)
    letters = wordy & ~digits & (text != 0x40)
    inside = np.zeros(len(text), np.bool_)
    inside[1:-1] = letters[:-2] & letters[2:]
    found = []
    for byte in np.unique(text[at]).tolist():
        places = at[text[at] == byte]
        before, after = text[places - 1], text[places + 1]
        found.append(
            _Seen(
                byte, len(places), int(inside[places].sum()), float((before == 0x40).mean()),
                float(((after >= 0xF0) & (after <= 0xF9)).mean()), float((after == 0x40).mean()),
            )
        )  # fmt: skip
    stray = _stray(text, around, beside)
    return [s for s in found if s.times > stray]


def _stray(text: Bytes, around: npt.NDArray[np.float32], beside: npt.NDArray[np.bool_]) -> float:
    """Return how often a byte of a binary number stands between words by chance.

    Bytes below the space are no text: nine in ten of them are seen no more often than half of this.
    """
    at = np.flatnonzero((text < 0x40) & (around >= 6) & beside)
    counts = np.bincount(text[at], minlength=0x40)[1:0x40]
    return float(2 * np.quantile(counts, 0.9))


def _score(page: CodePage, seen: _Seen) -> float:
    """Return how well a page explains a byte: many sightings weigh more than one, but not in proportion."""
    character = page.characters[seen.byte]
    weight = 1 + np.log(seen.times)
    share = seen.in_words / seen.times
    category = unicodedata.category(character)
    if category in ("Cc", "Cn"):
        return float(-2.0 * weight)
    if category[0] == "L" and character not in "ªº":
        # An accented letter belongs between letters: REN É would be a stray one, RENÉE is a name.
        return float((share * 2.0 - (1 - share) * 0.2) * weight)
    plain = _PLAUSIBLE.get(character, -0.8) + _placed(character, seen)
    return float(((1 - share) * plain + share * (plain - 1.5)) * weight)


def _placed(character: str, seen: _Seen) -> float:
    """Return how much likelier (or less likely) a character is for what stands before and behind it."""
    if character in "£$€":
        # Before an amount, or alone behind it; a letter follows a currency sign in no habit of writing.
        return -2.5 * (1 - seen.before_digit - seen.before_space) if seen.before_digit < 0.9 else 0.0
    if character in "[{":
        return 0.6 * seen.after_space - 0.8 * seen.before_space
    if character in "]}":
        return 0.6 * seen.before_space - 0.8 * seen.after_space
    if character in "!":
        return -1.2 * (1 - seen.before_space)
    return 0.0


def _explained(seen: _Seen, chosen: str) -> str:
    readings: dict[str, list[str]] = {}
    for page in PAGES:
        readings.setdefault(_shown(page, seen.byte), []).append(page.removeprefix("cp"))
    mine = _shown(chosen, seen.byte)
    rest = "; ".join(f"{c} in {', '.join(pages[:4])}" for c, pages in readings.items() if c != mine)
    return f"0x{seen.byte:02X} stands {seen.times:,} times in words: {mine} in {chosen} ({rest})"


def _shown(page: str, byte: int) -> str:
    character = CodePage.named(page).characters[byte]
    return character if character.isprintable() else "a control"


def _distinct(pages: list[str], seen: list[_Seen]) -> list[str]:
    """Return one page of each group that reads the seen bytes alike."""
    first: dict[str, str] = {}
    for page in pages:
        first.setdefault("".join(CodePage.named(page).characters[s.byte] for s in seen), page)
    return list(first.values())


def _readings(page: str, chosen: str, seen: list[_Seen]) -> list[str]:
    mine, theirs = CodePage.named(chosen), CodePage.named(page)
    differ = [s for s in seen if mine.characters[s.byte] != theirs.characters[s.byte]]
    if not differ:
        return ["reads this file alike"]
    return [f"0x{s.byte:02X} would be {_shown(page, s.byte)}" for s in differ[:3]]
