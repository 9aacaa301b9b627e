import pytest

from streams.progress import STUCK_SECONDS, Progress, Rewound, Stuck


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_caught_up_is_never_stuck(clock):
    """A partition at its end is healthy for ever, also with a commit marker behind the last record."""
    progress = Progress("p", clock)
    for _ in range(5):
        progress.look({0: 12}, {0: 11}, {0: 11}, {0: 12})
        clock.now += STUCK_SECONDS * 2


def test_slow_is_not_stuck(clock):
    """A partition that is behind but moves is left alone."""
    progress = Progress("p", clock)
    for position in range(5):
        progress.look({0: position}, {0: position}, {0: position}, {0: 100})
        clock.now += STUCK_SECONDS * 0.9


@pytest.mark.parametrize(("position", "handed", "stored"), [(5, 5, 5), (100, 100, 5)])
def test_standing_still_behind_is_stuck(clock, position, handed, stored):
    """Records that are not fetched, or fetched and never stored, end in a restart."""
    progress = Progress("p", clock)
    progress.look({0: position}, {0: handed}, {0: stored}, {0: 100})
    clock.now += STUCK_SECONDS + 1
    with pytest.raises(Stuck):
        progress.look({0: position}, {0: handed}, {0: stored}, {0: 100})


def test_a_topic_made_anew(clock):
    """An end below the stored offset is told, because its events would otherwise be left out in silence."""
    with pytest.raises(Rewound, match="another topic"):
        Progress("p", clock).look({0: 3}, {0: 9}, {0: 9}, {0: 3})


def test_looks_are_rare(clock):
    """The broker is asked once in ten seconds, not at each tick."""
    progress = Progress("p", clock)
    assert not progress.due()
    clock.now = 10.0
    assert progress.due()
    assert not progress.due()


def test_a_partition_that_was_never_assigned_is_stuck_too() -> None:
    """A group member that is given nothing while events wait is started again like a silent one."""
    clock = Clock()
    progress = Progress("p", clock)
    progress.look({}, {}, {}, {0: 5})
    clock.now += STUCK_SECONDS + 1
    with pytest.raises(Stuck):
        progress.look({}, {}, {}, {0: 5})


def test_waiting_for_the_store_is_not_stuck(clock):
    """While the engine tries a locked store again a start would not help; afterwards time begins."""
    progress = Progress("p", clock)
    for _ in range(3):
        progress.look({0: 100}, {0: 100}, {0: 5}, {0: 100}, waits=True)
        clock.now += STUCK_SECONDS + 1
    progress.look({0: 100}, {0: 100}, {0: 5}, {0: 100}, waits=True)
    clock.now += STUCK_SECONDS - 1
    progress.look({0: 100}, {0: 100}, {0: 5}, {0: 100})
    clock.now += 2
    with pytest.raises(Stuck):
        progress.look({0: 100}, {0: 100}, {0: 5}, {0: 100})
