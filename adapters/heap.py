"""Memory that is freed stays with the process for a while: whole columns come and go by the thousand."""

from __future__ import annotations

import ctypes

#: `M_TRIM_THRESHOLD`, `M_TOP_PAD` and `M_MMAP_THRESHOLD` of glibc's `mallopt`, and their values: blocks of up
#: to 32 MB (the most it takes) come from the heap, which grows by 16 MB and gives back what is over 64 MB.
#: glibc's own values hand each column back to the kernel, which clears its pages again for the next one.
_GLIBC = ((-1, 64 << 20), (-2, 16 << 20), (-3, 32 << 20))


def keep_freed_memory() -> bool:
    """Tell the C library so; return whether it is one that can be told."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl and macOS have none, Windows has no CDLL(None)
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return all(mallopt(parameter, value) == 1 for parameter, value in _GLIBC)
