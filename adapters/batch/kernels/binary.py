"""Binary integers (COMP, COMP-4, COMP-5, BINARY) of 2, 4 or 8 bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.plain import gather


def binary(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those beyond their PICTURE, from (n, length) bytes."""
    order = "<" if storage.little_endian else ">"
    kind = np.dtype(f"{order}{'i' if storage.signed else 'u'}{storage.length}")
    values = gather(view, kind)
    if storage.full_range:
        bad = np.zeros(len(view), np.bool_)
    else:
        limit = values.dtype.type(min(10**storage.digits - 1, np.iinfo(values.dtype).max))
        bad = values > limit
        if storage.signed:
            bad |= values < -limit
    if values.dtype == np.uint64:
        return Integers(values.view(np.int64), np.zeros(len(values), np.int64)), bad
    return Integers(values.astype(np.int64)), bad
