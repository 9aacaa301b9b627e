"""Every public WSDL of the corpora is imported, or refused for a stated, right reason."""

from __future__ import annotations

import pytest

from tests.unit.adapters.soap.wsdl_corpus import CORPORA, PAGE, Outcome, outcomes, page

pytestmark = pytest.mark.skipif(
    not CORPORA, reason="BANYAN_CORPORA is not set: the corpora are not in this repo"
)


@pytest.fixture(scope="module")
def found() -> list[Outcome]:
    return outcomes()


def test_every_refusal_is_explained(found):
    """A WSDL with refusals or errors has a reason why that is right; one without has none."""
    assert len(found) == 94
    assert [o.name for o in found if o.clean == bool(o.why)] == []


def test_the_support_table_is_current(found):
    """docs/soap-support.md is what the import does now."""
    assert PAGE.read_text(encoding="utf-8") == page(found)
