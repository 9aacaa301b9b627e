"""COPY, REPLACE, EXEC SQL and program headings: from all tokens to those that describe data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adapters.batch.copybook.cursor import Cursor
from adapters.batch.copybook.lexer import Token, tokens
from adapters.batch.copybook.library import EXTENSIONS, CopyLibrary
from adapters.batch.copybook.reference_format import SourceFormat
from adapters.batch.copybook.replacing import Replacement, replaced


def expanded(
    text: str, *, source: str, source_format: SourceFormat = "auto", library: CopyLibrary | None = None
) -> list[Token]:
    """Return the tokens of a copybook with everything copied in, and replaced.

    Raises:
        CopybookError: a member that is not found or copies itself, at the place of the COPY; or a mistake of
            form, at its place in the copied file.
    """
    copied = _Copier(library).expand(tokens(text, source_format=source_format, source=source), source, ())
    return _replace_statements(copied, source)


@dataclass(frozen=True, slots=True)
class _Copier:
    library: CopyLibrary | None

    def expand(self, text: Sequence[Token], source: str, above: tuple[Path, ...]) -> list[Token]:
        """Return `text` with its COPY statements carried out; `above` are the members that copy it."""
        out: list[Token] = []
        cursor = Cursor(text, source)
        while cursor.more:
            token = cursor.next("text")
            if token.word == "COPY":
                out.extend(self._copy(token, cursor, above))
            elif token.word == "++INCLUDE":  # Panvalet's COPY
                out.extend(self._member(token, cursor.next("a member name"), None, above))
            elif token.word == "EXEC":
                out.extend(self._exec(token, cursor, above))
            else:
                out.append(token)
        return out

    def _copy(self, token: Token, cursor: Cursor, above: tuple[Path, ...]) -> list[Token]:
        member = cursor.next("the name of a copybook")
        library = cursor.next("the name of a library") if cursor.skip("OF", "IN") else None
        if cursor.skip("SUPPRESS"):
            cursor.skip("PRINTING")
        replacements = _replacements(cursor) if cursor.skip("REPLACING") else []
        end = cursor.next("the period that ends COPY")
        if end.kind != "period":
            cursor.fail(end, f"{end.text!r} stands where the period that ends COPY should")
        return replaced(self._member(token, member, library, above), replacements)

    def _exec(self, token: Token, cursor: Cursor, above: tuple[Path, ...]) -> list[Token]:
        """Read over declarations that DCLGEN and precompilers write before the data; INCLUDE is a COPY."""
        inside: list[Token] = []
        while cursor.word != "END-EXEC":
            inside.append(cursor.next("END-EXEC"))
        cursor.next("END-EXEC")
        if cursor.kind == "period":
            cursor.next("a period")
        words = [t.word for t in inside]
        if words[:2] == ["SQL", "INCLUDE"] and len(inside) == 3:
            return self._member(token, inside[2], None, above)
        if words[:1] != ["SQL"] or (words[1:2] != ["DECLARE"] and words[2:4] != ["DECLARE", "SECTION"]):
            cursor.fail(
                token,
                f"EXEC {' '.join(words[:2])} does not describe data",
                "only EXEC SQL INCLUDE and DECLARE are read; give the data description alone",
            )
        return []

    def _member(
        self, token: Token, member: Token, library: Token | None, above: tuple[Path, ...]
    ) -> list[Token]:
        name = _bare(member)
        if self.library is None:
            raise token.error(
                f"COPY {name}: no folder is known to hold it", fix="say --copy-path, or set copy_path"
            )
        path = self.library.find(name, _bare(library) if library else None)
        if path is None:
            folders = " or ".join(f.name or str(f) for f in self.library.folders)
            endings = ", ".join(e or "none" for e in EXTENSIONS)
            raise member.error(
                f"there is no copybook {name}",
                fix=f"put {name}.cpy in {folders}, or add its folder to the copy path (endings: {endings})",
            )
        if path in above:
            chain = " copies ".join(p.name for p in (*above[above.index(path) :], path))
            raise member.error(f"a copybook copies itself: {chain}", fix="remove one of the COPY statements")
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise member.error(f"cannot read {path.name}: {error.strerror}") from None
        return self.expand(tokens(text, source=path.name), path.name, (*above, path))


def _bare(token: Token) -> str:
    return token.text.strip("'\"")


def _replacements(cursor: Cursor) -> list[Replacement]:
    """Read the `old BY new` pairs of COPY REPLACING or REPLACE, up to the period."""
    found: list[Replacement] = []
    while cursor.more and cursor.kind != "period":
        part: Literal["LEADING", "TRAILING"] | None = None
        if cursor.word in ("LEADING", "TRAILING"):
            part = "LEADING" if cursor.word == "LEADING" else "TRAILING"
        first = cursor.next("LEADING or TRAILING") if part else None
        old = _operand(cursor)
        by = cursor.next("BY")
        if by.word != "BY":
            cursor.fail(by, f"{by.text!r} stands where BY should", "write REPLACING ==old== BY ==new==")
        new = _operand(cursor)
        if not old:
            cursor.fail(by, "the text to be replaced is empty", "write it between == and ==")
        if first is not None and (len(old) != 1 or len(new) > 1):
            cursor.fail(
                first, f"{part} replaces a part of one word by at most one", "give one word on each side"
            )
        found.append(Replacement(tuple(old), tuple(new), part))
    return found


def _operand(cursor: Cursor) -> list[Token]:
    """Read pseudo-text, a literal, or a word with its qualifiers."""
    first = cursor.next("text to replace")
    if first.kind == "pseudo":
        text: list[Token] = []
        while cursor.kind != "pseudo":
            text.append(cursor.next("the == that closes pseudo-text"))
        cursor.next("==")
        return text
    if first.kind == "period":
        cursor.fail(first, "REPLACING ends in the middle of a pair", "write ==old== BY ==new==")
    operand = [first]
    while first.kind == "word" and cursor.word in ("OF", "IN"):
        operand += [cursor.next("OF"), cursor.next("a data name")]
    return operand


def _replace_statements(text: Sequence[Token], source: str) -> list[Token]:
    """Carry out REPLACE statements, each on the text up to the next one."""
    out: list[Token] = []
    active: list[Replacement] = []
    pending: list[Token] = []
    cursor = Cursor(text, source)
    while cursor.more:
        token = cursor.next("text")
        if token.word != "REPLACE":
            pending.append(token)
            continue
        out += replaced(pending, active)
        pending = []
        also = cursor.skip("ALSO")
        cursor.skip("LAST")
        active = [] if cursor.skip("OFF") else [*_replacements(cursor), *(active if also else [])]
        cursor.until_period()
    return out + replaced(pending, active)
