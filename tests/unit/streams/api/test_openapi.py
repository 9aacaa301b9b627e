"""The OpenAPI description: valid, and by the rules of the linter for UK government APIs."""

import re

import pytest

from streams.api.openapi import describe
from tests.unit.streams.api.test_app import CASE_FILE, CLAIM, PAYMENT
from tests.unit.streams.api.test_question import CASE, TABLE


@pytest.fixture(scope="module")
def document():
    return describe(
        "uc read API", [(CASE, TABLE), (CLAIM, None), (PAYMENT, TABLE)], [CASE_FILE], "api@example.gov.uk"
    )


def operations(document):
    return [op for path in document["paths"].values() for op in path.values()]


def test_info(document):
    """It says what it is, who answers for it, under which licence, with a semantic version."""
    info = document["info"]
    assert re.fullmatch(r"3\.1\.0", document["openapi"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", info["version"])
    assert info["description"]
    assert info["contact"].get("email") or info["contact"].get("url")
    assert info["license"]["identifier"] == "Apache-2.0"


def test_paths_are_in_kebab_case(document):
    """Paths are lower case with dashes, keys in braces."""
    for path in document["paths"]:
        assert re.fullmatch(r"(/[a-z0-9-.]+|/{[a-zA-Z0-9_]+})+", path), path


def test_operations(document):
    """Each operation has an id of its own, a description, a tag that is declared, and a 406."""
    found = operations(document)
    ids = [op["operationId"] for op in found]
    assert len(set(ids)) == len(ids)
    tags = {tag["name"] for tag in document["tags"]}
    for op in found:
        assert op["description"] and op["summary"]
        assert set(op["tags"]) <= tags
        assert "406" in op["responses"]


def test_no_header_begins_with_x(document):
    """Neither asked nor answered headers begin with X-; parameters are distinct and described."""
    for op in operations(document):
        names = [(p["in"], p["name"]) for p in op.get("parameters", [])]
        assert len(set(names)) == len(names)
        assert all(p["description"] for p in op.get("parameters", []))
        headers = [n for i, n in names if i == "header"]
        headers += [h for r in op["responses"].values() for h in r.get("headers", {})]
        assert not [h for h in headers if h.lower().startswith("x-")]


def test_every_reference_leads_somewhere(document):
    """Each `$ref` names a schema that is there, and every path parameter is declared."""
    for ref in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", repr(document)):
        assert ref in document["components"]["schemas"]
    for path, item in document["paths"].items():
        declared = {p["name"] for p in item["get"].get("parameters", []) if p["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))


def test_what_can_be_asked(document):
    """Filters, comparisons and sorts are those that the API takes."""
    names = {p["name"]: p for p in document["paths"]["/v1/cases"]["get"]["parameters"]}
    assert {"amount", "amount[gte]", "note[null]", "system", "limit", "after", "fields", "wait"} <= set(names)
    assert "no[null]" not in names
    assert names["sort"]["schema"]["enum"][:4] == ["system", "-system", "amount", "-amount"]
