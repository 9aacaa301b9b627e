"""An adapter.toml finds its class by kind, and every kind explains itself."""

from __future__ import annotations

import jsonschema
import pytest

from adapters.about import about_markdown, about_schema
from adapters.catalogue import KINDS, load_adapter
from schemas.errors import SettingsError


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_explains_itself(kind):
    """Each kind's page names every setting with a meaning, and its JSON Schema is valid."""
    spec = KINDS[kind]
    page = about_markdown(spec)
    assert page.startswith(f"# Adapter kind `{kind}`")
    assert spec.summary and spec.summary.split()[0] in page
    for name, field in spec.model_fields.items():
        assert f"| `{field.alias or name}` |" in page
    assert "typing." not in page and "<class" not in page and "Annotated" not in page
    jsonschema.Draft202012Validator.check_schema(about_schema(spec))


@pytest.mark.parametrize("kind", KINDS)
def test_every_setting_has_a_meaning(kind):
    """No setting of any kind is left without a description."""
    undescribed = [n for n, f in KINDS[kind].model_fields.items() if not f.description and n != "kind"]
    assert undescribed == []


@pytest.mark.parametrize(
    ("text", "where", "fix"),
    [
        ('name = "a"\n', ":1", "add kind"),
        ('name = "a"\nkind = "bach"\n', ":2", "did you mean 'batch'?"),
        ('name = "a"\nkind = "carrier_pigeon"\n', ":2", "known kinds"),
    ],
)
def test_wrong_kind_names_the_line(tmp_path, text, where, fix):
    """A missing or unknown kind is reported with file, line and remedy."""
    (tmp_path / "adapter.toml").write_text(text)
    with pytest.raises(SettingsError) as error:
        load_adapter(tmp_path)
    assert error.value.where.endswith(f"adapter.toml{where}")
    assert fix in error.value.fix


def test_missing_file(tmp_path):
    """A folder without adapter.toml is a settings error."""
    with pytest.raises(SettingsError, match="no such settings file"):
        load_adapter(tmp_path)
