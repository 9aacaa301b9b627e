"""Settings files: every mistake names file, line, key and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from connectors.settings import line_of, load
from schemas.errors import SettingsError


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    port: int = 1


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    secret: str = ""
    api: Inner = Inner()
    records: list[Inner] = []


def write(folder: Path, text: str) -> Path:
    path = folder / "x.toml"
    path.write_text(text)
    return path


def refuse(path: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(path, Outer, env={"SET": "v"})
    assert caught.value.exit_code == 2
    return caught.value


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """References to the environment, with defaults, and to files are replaced."""
    (tmp_path / "pw").write_text("hush\n")
    path = write(tmp_path, 'name = "${SET}-${UNSET:-d}"\nsecret = "file:pw"\n[api]\nport = 2\n')
    assert load(path, Outer, env={"SET": "v"}) == Outer(name="v-d", secret="hush", api=Inner(port=2))


def test_an_unknown_key_names_its_line_and_the_key_that_was_meant(tmp_path: Path) -> None:
    """A misspelt key is reported at its line with the closest known key."""
    error = refuse(write(tmp_path, 'name = "a"\n\n[api]\nprot = 3\n'))
    assert error.where.endswith("x.toml:4")
    assert "api.prot" in error.what
    assert "'port'" in error.fix


def test_a_wrong_value_names_its_line(tmp_path: Path) -> None:
    """A value of the wrong type is reported at its line."""
    error = refuse(write(tmp_path, 'name = "a"\n[api]\nport = "many"\n'))
    assert error.where.endswith("x.toml:3")
    assert "api.port" in error.what


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    """Two mistakes are both in the message."""
    error = refuse(write(tmp_path, 'nam = "a"\n[api]\nport = "many"\n'))
    assert "'name' is missing" in str(error) and "api.port" in str(error) and "'nam'" in str(error)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name = \n", "not valid TOML"),
        ('name = "${NOT_SET_ANYWHERE}"', "NOT_SET_ANYWHERE"),
        ('name = "a"\nsecret = "file:missing"', "cannot read the referenced file"),
    ],
)
def test_broken_files_say_what_is_wrong(tmp_path: Path, text: str, what: str) -> None:
    """Bad syntax, an unset variable and a missing referenced file each have their own message."""
    assert what in refuse(write(tmp_path, text)).what


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    """A settings file that is not there names the path."""
    assert "none.toml" in refuse(tmp_path / "none.toml").where


def test_a_file_that_is_not_utf8_is_a_settings_error(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused, not guessed."""
    path = tmp_path / "x.toml"
    path.write_bytes(b'name = "\xff"')
    assert "cannot read" in refuse(path).what


def test_a_line_is_found_by_its_table() -> None:
    """The same key in two tables is told apart."""
    text = "[a]\nport = 1\n[b.c]\nport = 2\n"
    assert line_of(text, ("a", "port")) == 2
    assert line_of(text, ("b", "c", "port")) == 4
    assert line_of(text, ("b", "c", "host")) == 3
