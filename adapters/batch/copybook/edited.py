"""Numeric-edited items read as numbers: what each position of the PICTURE may hold.

Rules: IBM Enterprise COBOL Language Reference, "PICTURE clause editing". A position is fixed, so nothing is
guessed
from the characters: a digit place holds a digit or what suppresses it, an insertion place adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.batch.copybook.picture import CURRENCIES, Picture


@dataclass(frozen=True, slots=True)
class EditedPicture:
    """Positions of a numeric-edited item.

    Attributes:
        symbols: one symbol a character: 9 Z * (digit), + - or money where floating (digit but for the
            first), B 0 / and the separator (insertion), `.` as the decimal point, c C for the two of CR, d D
            for DB.
        digits: places that may hold a digit.
        scale: digits after the point.
        point: the character of the decimal point.
        separator: the other one of `.` and `,`.
        money: characters that are the sign of money.
        loose: a + may stand where the PICTURE has - and COBOL would print a blank.
    """

    symbols: str
    digits: int
    scale: int
    point: str
    separator: str
    money: str
    loose: bool = False

    @classmethod
    def of(
        cls, picture: Picture, *, decimal_comma: bool, currency: str, loose: bool = False
    ) -> EditedPicture | None:
        """Return the positions, or None where the item has a P (its characters lack digits) or two points."""
        point, separator = (",", ".") if decimal_comma else (".", ",")
        symbols = picture.symbols
        if "P" in symbols or symbols.count(point) + symbols.count("V") > 1:
            return None
        money = CURRENCIES + currency
        holds = _digit_places(symbols, money)
        split = max(symbols.find(point), symbols.find("V"))
        scale = sum(holds[split + 1 :]) if split >= 0 else 0
        signed = symbols.replace("V", "").replace("c", "cC").replace("d", "dD")
        return cls(signed, sum(holds), scale, point, separator, money, loose)

    @property
    def digit_places(self) -> list[bool]:
        """True for each position that may hold a digit."""
        return _digit_places(self.symbols, self.money)

    @property
    def allowed(self) -> list[str]:
        """Characters that each position may hold beside a digit at its digit places."""
        return [
            self._allowed(symbol, holds)
            for symbol, holds in zip(self.symbols, self.digit_places, strict=True)
        ]

    def _allowed(self, symbol: str, holds_digit: bool) -> str:
        if symbol in "9cCdD":
            return {"9": "", "c": "C ", "C": "R ", "d": "D ", "D": "B "}[symbol]
        if symbol in "Z*":
            return " " if symbol == "Z" else "*"
        if symbol in "+-":
            return "+- " if symbol == "+" or self.loose else "- "
        if symbol in self.money:
            return symbol + " "
        # An insertion place may be suppressed, or hold the floating sign that stops there.
        shown = {"B": " "}.get(symbol, symbol)
        return shown + " *" + ("" if symbol == self.point else "+-" + self.money)

    @property
    def signed(self) -> bool:
        """True where a negative number can be told from a positive one."""
        return bool(set(self.symbols) & set("+-cd"))


def _digit_places(symbols: str, money: str) -> list[bool]:
    """Return which symbols stand for a digit; of a floating string all but the first do."""
    floating = {s for s in set(symbols) & set("+-" + money) if symbols.count(s) > 1}
    seen: set[str] = set()
    places: list[bool] = []
    for symbol in symbols:
        places.append(symbol in "9Z*" or (symbol in floating and symbol in seen))
        seen.add(symbol)
    return places
