"""Sets of characters as ranges of code points: Unicode categories, blocks, and XML's name characters."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from functools import cache

#: Inclusive, in order, apart from each other.
Ranges = tuple[tuple[int, int], ...]

_LAST = sys.maxunicode
#: Every character but the surrogates, which no text holds.
ANY: Ranges = ((0, 0xD7FF), (0xE000, _LAST))

#: Blocks that XSD 1.0 names, without spaces and hyphens kept as Unicode writes them.
_BLOCKS = """
BasicLatin 0000 007F;Latin-1Supplement 0080 00FF;LatinExtended-A 0100 017F;LatinExtended-B 0180 024F
IPAExtensions 0250 02AF;SpacingModifierLetters 02B0 02FF;CombiningDiacriticalMarks 0300 036F
Greek 0370 03FF;GreekandCoptic 0370 03FF;Cyrillic 0400 04FF;Armenian 0530 058F;Hebrew 0590 05FF
Arabic 0600 06FF;Syriac 0700 074F;Thaana 0780 07BF;Devanagari 0900 097F;Bengali 0980 09FF
Gurmukhi 0A00 0A7F;Gujarati 0A80 0AFF;Oriya 0B00 0B7F;Tamil 0B80 0BFF;Telugu 0C00 0C7F;Kannada 0C80 0CFF
Malayalam 0D00 0D7F;Sinhala 0D80 0DFF;Thai 0E00 0E7F;Lao 0E80 0EFF;Tibetan 0F00 0FFF;Myanmar 1000 109F
Georgian 10A0 10FF;HangulJamo 1100 11FF;Ethiopic 1200 137F;Cherokee 13A0 13FF
UnifiedCanadianAboriginalSyllabics 1400 167F;Ogham 1680 169F;Runic 16A0 16FF;Khmer 1780 17FF
Mongolian 1800 18AF;LatinExtendedAdditional 1E00 1EFF;GreekExtended 1F00 1FFF
GeneralPunctuation 2000 206F;SuperscriptsandSubscripts 2070 209F;CurrencySymbols 20A0 20CF
CombiningMarksforSymbols 20D0 20FF;CombiningDiacriticalMarksforSymbols 20D0 20FF
LetterlikeSymbols 2100 214F;NumberForms 2150 218F;Arrows 2190 21FF;MathematicalOperators 2200 22FF
MiscellaneousTechnical 2300 23FF;ControlPictures 2400 243F;OpticalCharacterRecognition 2440 245F
EnclosedAlphanumerics 2460 24FF;BoxDrawing 2500 257F;BlockElements 2580 259F;GeometricShapes 25A0 25FF
MiscellaneousSymbols 2600 26FF;Dingbats 2700 27BF;BraillePatterns 2800 28FF
CJKRadicalsSupplement 2E80 2EFF;KangxiRadicals 2F00 2FDF;IdeographicDescriptionCharacters 2FF0 2FFF
CJKSymbolsandPunctuation 3000 303F;Hiragana 3040 309F;Katakana 30A0 30FF;Bopomofo 3100 312F
HangulCompatibilityJamo 3130 318F;Kanbun 3190 319F;BopomofoExtended 31A0 31BF
EnclosedCJKLettersandMonths 3200 32FF;CJKCompatibility 3300 33FF
CJKUnifiedIdeographsExtensionA 3400 4DB5;CJKUnifiedIdeographs 4E00 9FFF;YiSyllables A000 A48F
YiRadicals A490 A4CF;HangulSyllables AC00 D7A3;PrivateUse E000 F8FF
CJKCompatibilityIdeographs F900 FAFF;AlphabeticPresentationForms FB00 FB4F
ArabicPresentationForms-A FB50 FDFF;CombiningHalfMarks FE20 FE2F;CJKCompatibilityForms FE30 FE4F
SmallFormVariants FE50 FE6F;ArabicPresentationForms-B FE70 FEFE;HalfwidthandFullwidthForms FF00 FFEF
Specials FFF0 FFFD;OldItalic 10300 1032F;Gothic 10330 1034F;Deseret 10400 1044F
ByzantineMusicalSymbols 1D000 1D0FF;MusicalSymbols 1D100 1D1FF
MathematicalAlphanumericSymbols 1D400 1D7FF;CJKUnifiedIdeographsExtensionB 20000 2A6D6
CJKCompatibilityIdeographsSupplement 2F800 2FA1F;Tags E0000 E007F
"""


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges in order, those that touch joined, surrogates left out."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def complement(ranges: Ranges) -> Ranges:
    """Return every other character."""
    return subtract(ANY, ranges)


def subtract(ranges: Ranges, minus: Ranges) -> Ranges:
    """Return what is in `ranges` and not in `minus`."""
    out: list[tuple[int, int]] = []
    for low, high in ranges:
        at = low
        for first, last in minus:
            if last < at or first > high:
                continue
            if first > at:
                out.append((at, first - 1))
            at = last + 1
        if at <= high:
            out.append((at, high))
    return tuple(out)


def block(name: str) -> Ranges:
    """Return a Unicode block, such as `BasicLatin`. Raises KeyError."""
    return _blocks()[name]


def category(name: str) -> Ranges:
    """Return a Unicode general category, such as `Lu`, or all that start with `L`. Raises KeyError."""
    return _categories()[name]


@cache
def name_starts() -> Ranges:
    r"""Return what a Name of XML may start with (`\i`)."""
    return normal(
        [*_marks(":_"), (65, 90), (97, 122), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x2FF), (0x370, 0x37D),
         (0x37F, 0x1FFF), (0x200C, 0x200D), (0x2070, 0x218F), (0x2C00, 0x2FEF), (0x3001, 0xD7FF),
         (0xF900, 0xFDCF), (0xFDF0, 0xFFFD), (0x10000, 0xEFFFF)]
    )  # fmt: skip


@cache
def name_characters() -> Ranges:
    r"""Return what may stand in a Name of XML (`\c`)."""
    return normal([*name_starts(), *_marks("-.\u00b7"), (48, 57), (0x300, 0x36F), (0x203F, 0x2040)])


def _marks(text: str) -> list[tuple[int, int]]:
    return [(ord(char), ord(char)) for char in text]


@cache
def _blocks() -> dict[str, Ranges]:
    lines = (entry.split() for line in _BLOCKS.split("\n") for entry in line.split(";") if entry)
    return {name: ((int(low, 16), int(high, 16)),) for name, low, high in lines}


@cache
def _categories() -> dict[str, Ranges]:
    """All categories in one pass over Unicode: a third of a second, once, if a pattern needs one."""
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for code in range(1, _LAST + 2):
        name = unicodedata.category(chr(code)) if code <= _LAST else ""
        if name != current:
            found.setdefault(current, []).append((start, code - 1))
            start, current = code, name
    found.pop("Cs", None)
    merged: dict[str, list[tuple[int, int]]] = {}
    for name, ranges in found.items():
        merged.setdefault(name[0], []).extend(ranges)
    return {name: normal(ranges) for name, ranges in (found | merged).items()}
