"""The reference pages are those that the code makes."""

from hub.docs import FOLDER, pages


def test_the_reference_is_not_stale() -> None:
    """Every committed reference page is what `python -m hub.docs` writes."""
    made = pages()
    stale = [
        name
        for name, text in made.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]
    assert stale == [], "run `python -m hub.docs`"
    there = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*.*") if p.is_file()}
    assert there == set(made)
