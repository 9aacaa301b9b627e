"""What `banyan inspect` gets right, cannot tell, and gets wrong, counted by question.

python -m tests.unit.adapters.batch.inspect.confusion > docs/inspect-confusion.md
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[5]
sys.path.insert(0, str(ROOT))  # this file is run by path, too

from adapters.batch.inspect import Report, inspect_sample  # noqa: E402
from adapters.batch.inspect.guess import TELLS  # noqa: E402
from adapters.batch.inspect.pages import alike  # noqa: E402
from adapters.batch.inspect.sample import Sample  # noqa: E402

Verdict = str


def asked(made: Any, *, copybook: bool) -> Report:
    text = made.copybook if copybook else None
    return inspect_sample(Sample.of(made.content), "SAMPLE.DAT", copybook_text=text, copybook="made.cpy")


def verdicts(made: Any, report: Report) -> Iterable[tuple[str, Verdict, str]]:
    """Yield (question, right | cannot tell | wrong, what was said)."""
    for question, truth in made.truth.items():
        guess = report[question]
        said = guess.value if guess.confidence >= TELLS or question == "code_page" else None
        if question == "code_page" and said is not None and said != truth:
            text = np.frombuffer(made.content, np.uint8)
            right = alike(str(said), str(truth), text)
        elif question == "record_length" and report.value("format"):
            continue
        else:
            right = said == truth
        named = "right" if right else "cannot tell" if said is None else "wrong"
        yield (
            question,
            named,
            f"{made.name}: {question} is {truth!r}, said {guess.value!r} ({guess.confidence:.2f})",
        )


def main() -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("made", Path(__file__).with_name("made.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules["made"] = module
    spec.loader.exec_module(module)
    counts: Counter[tuple[bool, str, str]] = Counter()
    wrong = []
    for seed in range(1, 6):
        for made in module.everything(seed):
            for copybook in (False, True) if made.copybook else (False,):
                for question, verdict, said in verdicts(made, asked(made, copybook=copybook)):
                    counts[copybook, question, verdict] += 1
                    if verdict != "right":
                        wrong.append(f"{'with' if copybook else 'without'} copybook, seed {seed}, {said}")
    for copybook in (False, True):
        print(f"{'With' if copybook else 'Without'} a copybook:", end="\n\n")
        print("| question | right | cannot tell | wrong |\n|---|---:|---:|---:|")
        for question in sorted({q for c, q, _ in counts if c == copybook}):
            cells = [counts[copybook, question, v] for v in ("right", "cannot tell", "wrong")]
            print(f"| {question.replace('_', ' ')} | {cells[0]} | {cells[1]} | {cells[2]} |")
        print()
    for line in wrong:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
