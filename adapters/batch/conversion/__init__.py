"""Whole files by hand: `banyan decode` and `banyan encode`."""

from adapters.batch.conversion.decoding import Outcome, decode_file
from adapters.batch.conversion.encoding import encode_file
from adapters.batch.conversion.options import format_of
from adapters.batch.conversion.sinks import FORMATS, sink_for

__all__ = ["FORMATS", "Outcome", "decode_file", "encode_file", "format_of", "sink_for"]
