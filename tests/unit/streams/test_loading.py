import pytest

from schemas.errors import SettingsError
from streams.document import load_documents
from streams.loading import load_projections

MODULE = """
from streams.projection import row_projection
account = row_projection("account", source="mainframe.account", collection="accounts")
more = [row_projection(n, source=f"mainframe.{n}", collection=n + "s") for n in ("card", "user")]
_hidden = row_projection("hidden", source="mainframe.hidden", collection="hidden")
"""


def test_modules_are_loaded_by_path(tmp_path):
    """Projections come in the order of files and definitions; underscored names do not count."""
    (tmp_path / "b.py").write_text(MODULE)
    (tmp_path / "a.py").write_text(MODULE.replace("account", "zone").split("more")[0])
    (tmp_path / "_not.py").write_text("raise SystemExit")
    assert [p.name for p in load_projections(tmp_path)] == ["zone", "account", "card", "user"]
    assert load_projections(tmp_path / "none") == []


def test_a_module_that_fails_names_its_line(tmp_path):
    """A mistake in an estate's module is told with file and line."""
    (tmp_path / "a.py").write_text("x = 1\n\nboom()\n")
    with pytest.raises(SettingsError) as caught:
        load_projections(tmp_path)
    assert caught.value.where.endswith("a.py:3")


def test_doubled_names(tmp_path):
    """Two projections in one place of the API are refused."""
    (tmp_path / "a.py").write_text(MODULE)
    (tmp_path / "b.py").write_text(MODULE.replace("mainframe", "other"))
    with pytest.raises(SettingsError, match="two projections"):
        load_projections(tmp_path)
    (tmp_path / "b.py").write_text(MODULE.replace('("account"', '("konto"').split("more")[0])
    with pytest.raises(SettingsError, match="two projections have the collection"):
        load_projections(tmp_path)


def test_versions_stand_beside_each_other(tmp_path):
    """Two versions of one projection may be declared, in one place of the API."""
    (tmp_path / "a.py").write_text(MODULE)
    (tmp_path / "b.py").write_text(MODULE.replace("collection", "version=2, collection"))
    assert [p.version for p in load_projections(tmp_path) if p.name == "account"] == [1, 2]
    (tmp_path / "b.py").write_text(MODULE.replace('collection="accounts', 'version=2, collection="konten'))
    with pytest.raises(SettingsError, match="different collections"):
        load_projections(tmp_path)


@pytest.mark.parametrize(
    "change", [("account", "Account"), ("mainframe.account", "account"), ("accounts", "a/b")]
)
def test_names_are_checked(tmp_path, change):
    """A name that cannot stand in a topic or URL is refused."""
    (tmp_path / "a.py").write_text(MODULE.replace(f'"{change[0]}"', f'"{change[1]}"'))
    with pytest.raises(SettingsError):
        load_projections(tmp_path)


def test_documents(tmp_path):
    """Documents are read from TOML; an embed may only go through an earlier one."""
    (tmp_path / "d.toml").write_text(
        """
document = "d"
collection = "ds"
root = "customer"
[[embed]]
name = "links"
from = "xref"
match = { cust = "cust" }
[[embed]]
name = "accounts"
from = "account"
through = "links"
match = { acct = "acct" }
"""
    )
    (document,) = load_documents(tmp_path)
    assert [e.projection for e in document.embed] == ["xref", "account"]
    text = (tmp_path / "d.toml").read_text().replace('through = "links"', 'through = "later"')
    (tmp_path / "d.toml").write_text(text)
    with pytest.raises(SettingsError, match="earlier embed"):
        load_documents(tmp_path)
