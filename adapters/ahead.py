"""Work one step ahead: an iterator that runs in a thread of its own, so that both cores have work."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], room: int = 1) -> Iterator[T]:
    """Yield the items in their order while a thread already makes the next ones.

    The thread begins with the first item that is asked for. It has ended, and so has `items`, when this
    iterator ends, is closed, or raises what `items` raised.

    Args:
        items: made in the thread; nobody else may use what it uses until then.
        room: items that may wait: bounds the memory.
    """
    line = _Line[T](items, room)
    try:
        yield from line.taken()
    finally:
        line.end()


class _End:
    """What stands in the line behind the last item."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Line(Generic[T]):
    def __init__(self, items: Iterable[T], room: int) -> None:
        self._items = iter(items)
        self._waiting: queue.Queue[T | _End] = queue.Queue(room)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._make, name="ahead", daemon=True)
        self._thread.start()

    def taken(self) -> Iterator[T]:
        while not isinstance(item := self._waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    def end(self) -> None:
        self._closed.set()
        if threading.current_thread() is self._thread:  # collected as garbage there: it ends by itself
            return
        while self._thread.is_alive():  # it may stand before a full line
            try:
                self._waiting.get(timeout=0.01)
            except queue.Empty:
                continue
        self._thread.join()

    def _make(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if self._closed.is_set():
                    break
                self._waiting.put(item)
        except BaseException as raised:
            error = raised
        finally:
            try:
                close = getattr(self._items, "close", None)
                if close is not None:
                    close()
            finally:
                self._waiting.put(_End(error))
