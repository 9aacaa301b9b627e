"""The script `banyan` at the root: it prepares an environment and becomes the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in a path with a space, with the files that the launcher reads."""
    folder = tmp_path / "a clone"
    (folder / "requirements").mkdir(parents=True)
    for name in ("banyan", "pyproject.toml", "requirements/lock.txt", "requirements/uv.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def launch(
    clone: Path, *arguments: str, before: str = "pass", path: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the launcher in this Python, after the statement `before`, with only `path` to find programs."""
    code = (
        f"import runpy, sys; sys.argv = sys.argv[1:]; {before}; runpy.run_path(sys.argv[0], None, '__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(clone / "banyan"), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": path, "HOME": str(clone)},
    )


def fake_uv(folder: Path, *, failing: str = "nothing") -> Path:
    """A `uv` that notes its calls, makes an environment with one program, and fails on the call `failing`."""
    script(folder / "python", 'printf "%s\\n" "$@"\n')
    script(
        folder / "bin" / "uv",
        f'echo "$@" >> "{folder}/calls"\n'
        f'case "$*" in *"{failing}"*) exit 9;; esac\n'
        f"for last; do :; done\n"
        f'case "$*" in *venv*--python*) mkdir -p "$last/bin"; cp "{folder}/python" "$last/bin/";; esac\n',
    )
    return folder / "bin"


PATH = "/usr/bin:/bin"


def test_it_makes_the_environment_and_passes_arguments_on(clone: Path, tmp_path: Path) -> None:
    """The first start installs the lock with hashes and the project, then becomes the command."""
    done = launch(clone, "demo", "two words", path=f"{fake_uv(tmp_path)}:{PATH}")
    assert done.stdout.splitlines() == ["-P", "-m", "hub.cli", "demo", "two words"]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [next(w for w in ("venv", "sync", "install") if w in call.split()) for call in calls] == [
        "venv",
        "sync",
        "install",
    ]
    assert "--require-hashes" in calls[1]
    assert "--no-deps" in calls[2] and "--no-build-isolation" in calls[2]


def test_a_second_start_installs_nothing(clone: Path, tmp_path: Path) -> None:
    """An environment that fits is used as it is."""
    path = f"{fake_uv(tmp_path)}:{PATH}"
    launch(clone, path=path)
    (tmp_path / "calls").unlink()
    assert launch(clone, "status", path=path).stdout.endswith("status\n")
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize("changed", ["requirements/lock.txt", "pyproject.toml"])
def test_a_change_of_the_lock_makes_it_anew(clone: Path, tmp_path: Path, changed: str) -> None:
    """A new lock or a new pyproject.toml is a new environment."""
    path = f"{fake_uv(tmp_path)}:{PATH}"
    launch(clone, path=path)
    (tmp_path / "calls").unlink()
    with (clone / changed).open("a") as file:
        file.write("\n# changed\n")
    launch(clone, path=path)
    assert "sync" in (tmp_path / "calls").read_text()


def test_a_half_made_environment_is_made_anew(clone: Path, tmp_path: Path) -> None:
    """A start that broke off leaves no stamp, so the next one begins from nothing."""
    done = launch(clone, path=f"{fake_uv(tmp_path, failing='sync')}:{PATH}")
    assert done.returncode == 3
    assert "failed" in done.stderr and "to do:" in done.stderr
    (clone / ".venv" / "rubbish").write_text("")
    done = launch(clone, "demo", path=f"{fake_uv(tmp_path)}:{PATH}")
    assert done.stdout.endswith("demo\n")
    assert not (clone / ".venv" / "rubbish").exists()


def test_two_first_starts_make_one_environment(clone: Path, tmp_path: Path) -> None:
    """The second of two starts waits for the first and uses what it made."""
    env = {"PATH": f"{fake_uv(tmp_path)}:{PATH}", "HOME": str(clone)}
    command = [sys.executable, str(clone / "banyan"), "demo"]
    both = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert out.endswith(b"demo\n")
    assert (tmp_path / "calls").read_text().count("sync") == 1


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 14)])
def test_an_unsupported_python_without_another_is_told(
    clone: Path, tmp_path: Path, version: tuple[int, int]
) -> None:
    """With no Python 3.11 to 3.13 on PATH, the message says what is needed; nothing is made."""
    before = f"sys.version_info = ({version[0]}, {version[1]}, 0)"
    done = launch(clone, before=before, path=str(tmp_path / "empty"))
    assert done.returncode == 3
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr and "to do:" in done.stderr
    assert not (clone / ".venv").exists()


def test_an_unsupported_python_hands_over_to_a_supported_one(clone: Path, tmp_path: Path) -> None:
    """The newest supported Python on PATH that really runs takes over; a shim that fails is passed by."""
    script(tmp_path / "pythons" / "python3.13", "exit 127\n")
    script(tmp_path / "pythons" / "python3.12", '[ "$1" = -c ] && exit 0\nprintf "%s\\n" "$@"\n')
    done = launch(clone, "demo", before="sys.version_info = (3, 9, 0)", path=str(tmp_path / "pythons"))
    assert done.stdout.splitlines() == [str(clone / "banyan"), "demo"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(clone: Path) -> None:
    """A clone on a read-only place says so before anything is tried."""
    clone.chmod(0o500)
    done = launch(clone)
    clone.chmod(0o700)
    assert done.returncode == 3
    assert "cannot write" in done.stderr
