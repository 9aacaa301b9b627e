"""The read API: made from the projections, served from their read models."""

from streams.api.app import create_app

__all__ = ["create_app"]
