"""JSON lines to a file of records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from adapters.batch.conversion.decoding import codec_of
from adapters.batch.encode import EncodeError
from adapters.batch.format_spec import FormatSpec
from adapters.batch.framing.write import write
from schemas.errors import SettingsError

#: What `decode` says of a record that it could not read; its bytes go back as they were.
_TOLD = ("_record", "_offset", "_error")


def encode_file(path: Path, spec: FormatSpec, stream: BinaryIO) -> int:
    """Write one record for each JSON line and return their number.

    Raises:
        SettingsError: a line that is no JSON object. EncodeError: a value does not fit; it names the line.
    """
    codec, scanner = codec_of(spec)

    def records() -> Iterator[bytes]:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                where = f"{path.name}:{number}"
                try:
                    values = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise SettingsError(
                        f"no JSON: {error}", where=where, fix="each line is one record"
                    ) from None
                if not isinstance(values, dict):
                    raise SettingsError("no JSON object", where=where, fix="each line is one record")
                if isinstance(values.get("_raw"), str):
                    values = {"_raw": values["_raw"]}
                try:
                    yield codec.encode({k: v for k, v in values.items() if k not in _TOLD})
                except EncodeError as error:
                    place = f"{where}: {error.where}" if error.where else where
                    raise EncodeError(error.what, where=place, fix=error.fix) from None

    return write(records(), scanner, stream)
