"""The demo: its story is true, twice, and it leaves nothing behind."""

import pytest


@pytest.mark.timeout(600)
def test_the_story_is_true_twice(hub) -> None:
    """`banyan demo --exit` checks its facts and ends with 0; a second run finds the data of the first."""
    first = hub.banyan("demo", "--exit")
    assert first.returncode == 0, first.stdout + first.stderr + hub.logs()
    assert "✗" not in first.stdout
    assert hub.processes() == []
    second = hub.banyan("demo", "--exit")
    assert second.returncode == 0, second.stdout + second.stderr + hub.logs()
    assert second.stdout.count("was published in an earlier run") == 2
    assert "✓ re-running an extract publishes nothing" in second.stdout
    assert hub.processes() == []
