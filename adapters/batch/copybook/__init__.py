"""COBOL copybooks: text to tree to layout."""

from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.layout import layouts, union
from adapters.batch.copybook.library import CopyLibrary
from adapters.batch.copybook.parser import parse
from adapters.batch.copybook.slot import Layout, Slot
from adapters.batch.copybook.storage import Storage

__all__ = ["CopyLibrary", "CopybookError", "Layout", "Slot", "Storage", "layouts", "parse", "union"]
