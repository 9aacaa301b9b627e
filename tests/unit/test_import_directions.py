"""The rooms may only know the rooms below them (DESIGN 1)."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS: dict[str, set[str]] = {
    "schemas": set(),
    "connectors": {"schemas"},
    "adapters": {"schemas", "connectors"},
    "streams": {"schemas", "connectors"},
    "strangler": {
        "schemas",
        "connectors",
        "adapters.soap.contract",
        "adapters.soap.serve",
        "adapters.batch.codec",
        "adapters.writeback",
    },
    "hub": {"schemas", "connectors", "adapters", "streams", "strangler"},
}


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """Return (line, dotted module) of every import in a file, also those inside functions."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in _statements(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node's statements at any depth; an import is one, so that expressions need not be walked."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(node, part, ()):
            yield statement
            yield from _statements(statement)


def allowed(room: str, module: str) -> bool:
    top = module.split(".")[0]
    if top not in ROOMS or top == room:
        return True
    return any(module == ok or module.startswith(f"{ok}.") for ok in ROOMS[room])


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    """A room imports only the rooms that DESIGN 1 lets it know."""
    broken = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, module in imports(path)
        if not allowed(room, module)
    ]
    assert broken == []


def test_the_check_sees_a_forbidden_import(tmp_path: Path) -> None:
    """The check finds an import of a room above, also inside a function."""
    bad = tmp_path / "bad.py"
    bad.write_text("def f():\n    from strangler import facade\n")
    assert [m for _, m in imports(bad) if not allowed("streams", m)] == ["strangler.facade"]


@pytest.mark.parametrize("room", ROOMS)
def test_modules_stay_readable(room: str) -> None:
    """No module is over 500 lines, and an `__init__` exports at most eight names."""
    for path in (ROOT / room).rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 500, path
    for path in (ROOT / room).rglob("__init__.py"):
        names = [module for _, module in imports(path)]
        assert len(names) <= 8, path


def test_there_is_no_cycle_between_modules() -> None:
    """Modules of our packages import each other without a cycle."""
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
    }
    graph: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for node in parsed(path).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    for target in (f"{node.module}.{alias.name}", node.module):
                        if target in modules and target != name:
                            graph[name].add(target)
                            break
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join((*trail[trail.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
