"""Framing: from a file's bytes to records, in chunks of bounded memory."""

from adapters.batch.framing.frames import CHUNK, Broken, Frames, Spans, chunk_size
from adapters.batch.framing.scanner import Scanner
from adapters.batch.framing.spec import FrameSpec, Framing

__all__ = ["CHUNK", "Broken", "FrameSpec", "Frames", "Framing", "Scanner", "Spans", "chunk_size"]
