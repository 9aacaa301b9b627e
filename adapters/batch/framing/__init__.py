"""Framing: from a file's bytes to records, in chunks of bounded memory."""

from adapters.batch.framing.fixed import fixed
from adapters.batch.framing.frames import CHUNK, Broken, Frames
from adapters.batch.framing.lines import lines
from adapters.batch.framing.spec import FrameSpec, Framing

__all__ = ["CHUNK", "Broken", "FrameSpec", "Frames", "Framing", "fixed", "lines"]
