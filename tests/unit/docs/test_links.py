"""The Markdown files of the project: what they link to is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def pages() -> list[Path]:
    """Return every Markdown file a reader may open."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]


def links(text: str) -> Iterator[str]:
    """Yield the targets of a page's links, without those that are shown as code."""
    # What a link is called may itself be code: only its name goes, not the link.
    yield from _LINK.findall(_CODE.sub("code", text))


def anchors(text: str) -> set[str]:
    """Return the names by which a page's headings are linked to."""
    shown = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in _HEADING.findall(shown)}


def dead(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere, or out of the project."""
    found = []
    for target in links(page.read_text(encoding="utf-8")):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        there = path.exists() and path.is_relative_to(ROOT)
        if not there or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            found.append(f"{page.relative_to(ROOT)}: {target}")
    return found


def test_every_relative_link_leads_somewhere() -> None:
    """Files and headings that Markdown pages link to are there."""
    assert [link for page in pages() for link in dead(page)] == []


def test_every_page_is_linked_to() -> None:
    """Each page of `docs/` is linked to by another page, or lies in a folder that is."""
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in pages()
        for target in links(page.read_text(encoding="utf-8"))
    }
    alone = [
        page.relative_to(ROOT).as_posix()
        for page in (ROOT / "docs").rglob("*.md")
        if page not in linked and page.parent not in linked
    ]
    assert alone == []


def test_dead_links_are_noticed(tmp_path: Path) -> None:
    """A link with code in its name is seen, a link inside code is not; headings become anchors."""
    assert list(links("[`a`](x.md) `[b](y.md)` ![c](z.png)\n```\n[d](q.md)\n```\n")) == ["x.md", "z.png"]
    assert anchors("# Two, words\n```\n# no\n```\n## `code` here\n") == {"two-words", "code-here"}
