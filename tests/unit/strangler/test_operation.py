"""Operation files: what they may say, and what is refused with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import SettingsError
from strangler.operation import avro_type, load_operations
from strangler.record import FieldMap

EXAMPLE = Path(__file__).parents[3] / "examples" / "universal_credit" / "operations"
MINIMAL = """
name = "get_thing"
key = "thing_id"
[rest]
path = "/things/{thing_id}"
[legacy]
wsdl = "thing.wsdl"
operation = "GetThing"
endpoint = "http://127.0.0.1:1/soap"
request = { id = "thing_id" }
[modern]
url = "http://127.0.0.1:2/v1/things/{thing_id}"
[record.fields]
thing_id = "string"
price = "decimal(9,2)"
[map.soap]
thing_id = "thing.id"
price = { path = "thing.price", null = "absent" }
"""


def write(folder: Path, text: str, name: str = "get_thing.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_example_loads() -> None:
    """The demo's operation is right, and its maps cover its record on every side."""
    (operation,) = load_operations(EXAMPLE)
    assert operation.name == "get_case" and operation.rest.parameters == ("case_id",)
    for side in (operation.rest_map, operation.soap_map, operation.row_map):
        assert side.fields.keys() == operation.record.fields.keys()
    assert Path(operation.legacy.wsdl).is_file()
    assert operation.rules.version == "1.1"


def test_an_omitted_map_takes_the_names_as_they_are(tmp_path: Path) -> None:
    """Without [map.rest] or [map.row] each field stands under its own name."""
    (operation,) = load_operations(write(tmp_path, MINIMAL))
    assert operation.row_map.fields == {"thing_id": FieldMap(("thing_id",)), "price": FieldMap(("price",))}
    assert operation.soap_map.fields["price"] == FieldMap(("thing", "price"), null="absent")
    assert operation.legacy.wsdl == str(tmp_path / "thing.wsdl")


def test_a_folder_without_operations_gives_none(tmp_path: Path) -> None:
    """A missing or empty folder is no error."""
    assert load_operations(tmp_path / "operations") == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('key = "thing_id"', 'key = "other"', "not a parameter"),
        ('{ id = "thing_id" }', '{ id = "nope" }', "not a parameter"),
        ("/v1/things/{thing_id}", "/v1/things/{thing}", "not a parameter"),
        ('price = "decimal(9,2)"', 'price = "money"', "unknown type"),
        ('thing_id = "thing.id"', 'thing_no = "thing.id"', "not a field of"),
        ('null = "absent"', 'null = "gone"', "absent"),
        ("[rest]", '[rest]\nmethod = "POST"', "GET"),
        ('name = "get_thing"', 'name = "get_thing"\nkind = "write"', "writes are not served"),
        ('name = "get_thing"', 'name = "get_thing"\nsumary = "x"', "did you mean 'summary'"),
        ("[map.soap]", '[compare]\nzone = "Mars/Olympus"\n[map.soap]', "unknown time zone"),
        ('path = "thing.price"', 'path = "thing.price", codes = { a = "X", b = "X" }', "no way back"),
    ],
)
def test_a_mistake_is_refused_with_its_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    """A wrong operation file is a SettingsError that names the file and says what is wrong."""
    assert old in MINIMAL
    with pytest.raises(SettingsError) as caught:
        load_operations(write(tmp_path, MINIMAL.replace(old, new)))
    assert words in str(caught.value)
    assert "get_thing.toml" in str(caught.value)


def test_two_operations_may_not_share_a_name_or_a_route(tmp_path: Path) -> None:
    """A second operation with the name, or the route, of the first is refused."""
    write(tmp_path, MINIMAL)
    with pytest.raises(SettingsError, match="name 'get_thing'"):
        load_operations(write(tmp_path, MINIMAL.replace("/things", "/others"), "two.toml"))
    with pytest.raises(SettingsError, match="route"):
        load_operations(write(tmp_path, MINIMAL.replace("get_thing", "read_thing"), "two.toml"))


def test_short_types_stand_for_avro() -> None:
    """The short forms are written out as Avro, and an Avro type passes as it is."""
    assert avro_type("decimal(9,2)") == {
        "type": "bytes",
        "logicalType": "decimal",
        "precision": 9,
        "scale": 2,
    }
    assert avro_type("timestamp-micros") == {"type": "long", "logicalType": "timestamp-micros"}
    assert avro_type({"type": "array", "items": "string"}) == {"type": "array", "items": "string"}
