"""Both stores for whoever asks for `url` or `rig`."""

import pytest

from tests.unit.streams.rig import Rig


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """Where the read model is; every test that asks for it holds for both stores."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres").url


@pytest.fixture
def rig(tmp_path, url):
    made = Rig(tmp_path, url)
    yield made
    made.close()
