"""Code pages from a file: Unicode's mapping tables, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.batch.codepage import CodePage
from adapters.batch.format_spec import FormatSpec
from adapters.batch.page_file import page_from
from schemas.errors import SettingsError


def table(folder: Path, *changes: tuple[int, str]) -> Path:
    """Write page 037 with some bytes changed."""
    characters = dict(enumerate(CodePage.named("cp037").characters)) | dict(changes)
    lines = [
        "# ours",
        "",
        *(f"0x{byte:02X}\t0x{ord(c):04X}\t# a comment" for byte, c in characters.items() if c),
    ]
    path = folder / "ours.txt"
    path.write_text("\n".join(["# ours", "", *lines]))
    return path


def test_a_table_is_a_page(tmp_path: Path) -> None:
    """Text is read and written by the table; a byte without a line is no character."""
    page = page_from(table(tmp_path, (0x5B, "£"), (0xFF, "")))
    assert page.ebcdic and page.decode(b"\x5b\xf1") == "£1" and page.encode("£1") == b"\x5b\xf1"
    with pytest.raises(ValueError, match="0xFF is no character of ours"):
        page.decode(b"\xff")


def test_settings_name_a_file(tmp_path: Path) -> None:
    """`file:` is relative to the adapter's folder, for the file and for single fields."""
    table(tmp_path, (0x5B, "£"))
    (tmp_path / "r.cpy").write_text("01 R. 05 A PIC X. 05 B PIC X.")
    base = {"copybook": "r.cpy", "entity": "e", "key": ["A"]}
    for more, wanted in (
        ({"code_page": "file:ours.txt"}, "££"),
        ({"code_pages": {"B": "file:ours.txt"}}, "$£"),
    ):
        spec = FormatSpec.model_validate(base | more)
        (tmp_path / "data").write_bytes(b"\x5b\x5b")
        with spec.opened(tmp_path / "data") as stream:
            (chunk,) = spec.read_as(tmp_path, system="s").reading("data", 2).chunks(stream)
        assert "".join(chunk.rows[0].batch.to_pylist()[0].values()) == wanted


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text + "\nC1 0041", "this line is no mapping"),
        (lambda text: text + "\n0xC1 0xD800", "this line is no mapping"),
        (lambda text: text + "\n0xC1 0xFFFFFF", "this line is no mapping"),
        (lambda text: text.replace("0x0035", "0x0036"), "digits in a row"),
        (lambda text: text.replace("0x002B", "0x002A"), "lacks a blank, a sign"),
        (
            lambda text: text.replace("0x40\t", "0x42\t").replace("0x41\t0x00A0", "0x41\t0x0020"),
            "no blank at 0x40",
        ),
        (lambda text: "", "lacks a blank"),
    ],
)
def test_a_table_that_is_none_is_refused(change: object, reason: str, tmp_path: Path) -> None:
    """A wrong line is named by its number, and what numbers need must be there."""
    path = table(tmp_path)
    path.write_text(change(path.read_text()))  # type: ignore[operator]
    with pytest.raises(SettingsError, match=reason):
        page_from(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error tells the path, and so does one about bytes that are no text."""
    with pytest.raises(SettingsError, match="cannot read the code page: No such file"):
        page_from(tmp_path / "none.txt")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="it is no text"):
        page_from(tmp_path / "bytes")
