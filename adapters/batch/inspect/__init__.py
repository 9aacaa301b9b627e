"""What a file is, guessed from its bytes: with reasons, a confidence, and settings that read it."""

from adapters.batch.inspect.guess import Guess, Report
from adapters.batch.inspect.inspector import inspect_file, inspect_sample

__all__ = ["Guess", "Report", "inspect_file", "inspect_sample"]
