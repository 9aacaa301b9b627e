"""Benchmarks are found, run and read by their printed lines."""

from pathlib import Path

import pytest

from hub.bench import Figure, find, parse_figure, run
from schemas.errors import SettingsError


def test_lines_that_are_no_figures_are_left_out() -> None:
    """Only `name value unit` lines count; prose around them does not."""
    assert parse_figure("worker_events 172,000 events/s") == Figure("worker_events", 172_000.0, "events/s")
    assert parse_figure("warming up") is None
    assert parse_figure("") is None


def test_a_benchmark_runs_in_its_own_process(tmp_path: Path) -> None:
    """A script with a main is found with its first docstring line, run, and its figures are read."""
    (tmp_path / "probe.py").write_text(
        '"""How fast nothing is."""\n'
        "def main(argv=None):\n"
        '    print("nothing 3 s")\n'
        'if __name__ == "__main__":\n'
        "    main()\n"
    )
    (tmp_path / "data.py").write_text("X = 1\n")
    (benchmark,) = find(folder=tmp_path)
    assert benchmark.about == "How fast nothing is."
    outcome = run(benchmark)
    assert outcome.ok
    assert outcome.figures == [Figure("nothing", 3.0, "s")]


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    """Asking for a benchmark that is not there names those that are."""
    (tmp_path / "probe.py").write_text("def main():\n    pass\n")
    with pytest.raises(SettingsError, match="no benchmark 'x'") as caught:
        find("x", tmp_path)
    assert "probe" in caught.value.fix
