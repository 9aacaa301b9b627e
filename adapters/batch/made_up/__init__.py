"""Files of made-up records that settings describe: for an adapter's own test, before there is a real one."""

from adapters.batch.made_up.file import made_up

__all__ = ["made_up"]
