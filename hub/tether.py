"""Run a program so that it cannot outlive the process that started it.

Used as a script: `python tether.py PARENT_PID PROGRAM [ARGUMENT]...`. It asks Linux to send SIGTERM when
the parent dies (prctl(2), PR_SET_PDEATHSIG, which survives execve), then becomes the program. A start-up
script rather than subprocess's `preexec_fn`, which is not safe beside threads.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> None:
    """Tie this process to the parent with pid `argv[0]` and become `argv[1:]`."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(argv[0]):  # the parent died before prctl could watch it
            sys.exit(0)
    os.execv(argv[1], argv[1:])  # noqa: S606 - no shell on purpose


if __name__ == "__main__":
    main(sys.argv[1:])
