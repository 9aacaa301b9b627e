"""The table of profiles and settings in `docs/dialects.md`, made from the data.

Run: python -m adapters.batch.dialect_table    (rewrites the tables in docs/dialects.md)
"""

from __future__ import annotations

from pathlib import Path

from adapters.batch.dialect import PROFILES
from adapters.batch.dialect_options import DialectOptions

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
_START, _END = "<!-- settings: start -->", "<!-- settings: end -->"


def tables() -> str:
    """Return a table of each setting's value by profile, and a list of what the settings mean."""
    names = list(DialectOptions.model_fields)
    lines = [f"| setting | {' | '.join(PROFILES)} |", "| --- " * (len(PROFILES) + 1) + "|"]
    for name in names:
        cells = (_shown(getattr(profile, name)) for profile in PROFILES.values())
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    lines.append("")
    lines += [f"- `{name}`: {field.description}" for name, field in DialectOptions.model_fields.items()]
    return "\n".join(lines)


def rewritten(page: str) -> str:
    """Return a page with its tables made anew."""
    head, _, rest = page.partition(_START)
    _, _, tail = rest.partition(_END)
    return f"{head}{_START}\n{tables()}\n{_END}{tail}"


def _shown(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def main() -> None:
    """Rewrite the tables of the page."""
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
