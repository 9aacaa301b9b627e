"""The operations console: flows, freshness, stages, and what needs a person."""
