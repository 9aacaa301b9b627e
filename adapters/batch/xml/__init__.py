"""XML files: elements at a path become records, streamed."""
