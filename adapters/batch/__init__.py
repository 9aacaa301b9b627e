"""Batch files: copybook, framing and columnar decoding."""
