"""Structured logs: one JSON object a line, the same for structlog and for the libraries' `logging`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog


def configure(part: str) -> None:
    """Send all logs of this process to stderr as JSON lines; `BANYAN_LOG` sets the level (default INFO)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(os.environ.get("BANYAN_LOG", "INFO").upper())
    # These speak at INFO about each request or rebalance: too much beside facts about flows.
    for noisy in ("aiokafka", "faust", "mode", "zeep", "urllib3", "_granian", "granian.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(part=part)
