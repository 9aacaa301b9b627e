"""The estate that the tests of the shared half use."""

from __future__ import annotations

import pytest

from tests.integration.adapters.estate import Estate


@pytest.fixture
def estate(links, tmp_path):
    return Estate(links, tmp_path / "estate")
