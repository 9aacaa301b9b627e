"""`banyan test`: which tests a suite's name means."""

from __future__ import annotations

import pytest

from hub.commands.test import _pytest


@pytest.mark.parametrize(
    ("arguments", "parallel"),
    [
        (("unit", None, []), True),
        (("unit", "schemas", []), False),
        (("unit", None, ["-x"]), False),
        (("integration", None, []), False),
        (("soak", None, []), False),
    ],
)
def test_only_the_whole_unit_suite_runs_on_every_core(
    arguments: tuple[str, str | None, list[str]], parallel: bool
) -> None:
    """One folder, one suite with a broker, or a run with options of pytest's keeps to one process."""
    assert ("--numprocesses=logical" in _pytest(*arguments)) is parallel


def test_a_name_is_a_folder_or_a_pattern() -> None:
    """What is a folder of the suite is run as one; any other name selects tests by their names."""
    assert _pytest("unit", "schemas", [])[-1] == "tests/unit/schemas"
    assert _pytest("unit", "no_such_folder", [])[-2:] == ["-k", "no_such_folder"]
