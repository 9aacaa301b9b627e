"""How many bytes of requests are held at one time: many small ones fill a memory too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """Room for `most` bytes; used by one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    def __repr__(self) -> str:
        return f"<Room {self.held} of {self._most} bytes>"

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Give a place for one request; what it holds is free again when it is left."""
        place = Place(self)
        try:
            yield place
        finally:
            self.held -= place.held

    def take(self, size: int) -> bool:
        """Take so many bytes, or return False."""
        if self.held + size > self._most:
            return False
        self.held += size
        return True


class Place:
    """What one request holds."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.held = 0

    def take(self, size: int) -> bool:
        """Take so many bytes more, or return False if there is no room."""
        if not self._room.take(size):
            return False
        self.held += size
        return True
