"""The estate that the tests of the shared half use."""

from __future__ import annotations

from itertools import pairwise

import pytest

from adapters.lifecycle import FOLLOWS
from tests.integration.adapters.estate import Estate


@pytest.fixture
def estate(links, tmp_path):
    found = Estate(links, tmp_path / "estate")
    yield found
    for extract, states in found.stories().items():
        for before, after in pairwise(["", *states]):
            assert after in FOLLOWS[before], f"{extract}: {after} after {before or 'nothing'}: {states}"
