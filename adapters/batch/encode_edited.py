"""Numeric editing: a number to the characters that a MOVE to an edited item makes.

Rules: IBM Enterprise COBOL Language Reference, "PICTURE clause editing". Tested against GnuCOBOL's MOVE.
"""

from __future__ import annotations

from adapters.batch.copybook.edited import EditedPicture


def edited_text(whole: int, picture: EditedPicture, blank_when_zero: bool = False) -> str:
    """Return the characters of `whole`, which counts in units of the last digit place."""
    symbols, places = picture.symbols, picture.digit_places
    fill = "*" if "*" in symbols else " "
    if not whole and (blank_when_zero or "9" not in symbols):
        # Nothing but suppressed places: blank, or asterisks around the point.
        points = (picture.point,) if fill == "*" and not blank_when_zero else ()
        blank = " " if blank_when_zero else fill
        return "".join(s if s in points else " " if s in "cCdD" and blank == "*" else blank for s in symbols)
    digits = iter(f"{abs(whole):0{picture.digits}d}")
    suppressed = [s in "Z*" or (s in picture.money + "+-" and symbols.count(s) > 1) for s in symbols]
    zone = suppressed.index(True) if True in suppressed else len(symbols)
    remaining = picture.digits
    out: list[str] = []
    first: int | None = None if True in suppressed else 0
    for at, (symbol, holds) in enumerate(zip(symbols, places, strict=True)):
        if holds:
            digit = next(digits)
            if first is None and (digit != "0" or symbol == "9" or remaining <= picture.scale):
                first = at
            remaining -= 1
            out.append(digit if first is not None else fill)
            continue
        if symbol == picture.point and first is None and remaining <= picture.scale:
            first = at
        out.append(_inserted(symbol, first is not None or at < zone, fill, whole < 0, suppressed[at]))
    floating = next((s for s, f in zip(symbols, suppressed, strict=True) if f and s not in "Z*"), None)
    if floating is not None:
        assert first is not None  # a number that is not zero, or has a 9, starts somewhere
        out[first - 1] = _sign(floating, whole < 0)
    return "".join(out)


def _inserted(symbol: str, shown: bool, fill: str, negative: bool, floating: bool) -> str:
    if symbol in "cCdD":
        return {"c": "C", "C": "R", "d": "D", "D": "B"}[symbol] if negative else " "
    if floating:
        return " "  # the first of a floating string is filled in when its end is known
    if symbol in "+-":
        return _sign(symbol, negative)
    return ({"B": " "}.get(symbol, symbol)) if shown or symbol not in ",.B0/" else fill


def _sign(symbol: str, negative: bool) -> str:
    if symbol in "+-":
        return "-" if negative else symbol if symbol == "+" else " "
    return symbol
