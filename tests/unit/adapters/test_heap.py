"""The C library is told to keep freed memory where it can be told."""

from __future__ import annotations

import ctypes
import platform

import pytest

from adapters.heap import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_glibc_takes_every_value():
    """Every parameter is accepted, also a second time."""
    assert keep_freed_memory()
    assert keep_freed_memory()


def test_another_library_is_left_alone(monkeypatch):
    """Where there is no mallopt nothing happens, and it is said so."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not keep_freed_memory()
