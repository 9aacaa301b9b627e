"""COBOL copybooks: text to tree to layout."""

from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.layout import Layout, Slot, layouts, union
from adapters.batch.copybook.parser import parse
from adapters.batch.copybook.storage import Storage
from adapters.batch.copybook.tree import Copybook

__all__ = ["Copybook", "CopybookError", "Layout", "Slot", "Storage", "layouts", "parse", "union"]
