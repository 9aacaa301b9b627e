"""A made-up file of any format."""

from __future__ import annotations

from adapters.batch.format_spec import FormatSpec
from adapters.batch.made_up.cobol import cobol_file
from adapters.batch.made_up.documents import json_file, xml_file
from adapters.batch.made_up.texts import delimited_file, fixed_file
from adapters.batch.reader import Reader
from adapters.batch.source import Source


def made_up(spec: FormatSpec, reader: Reader, n: int = 3) -> bytes:
    """Return a file with `n` records of each entity, whose header and trailer agree with it.

    Keys count up, other numbers are zero, texts are short, dates are one day; records of a delta create or
    update, where they can. Nothing in it is real.

    Args:
        spec: the settings.
        reader: the reader of the format, without a mode.
        n: records of each entity.

    Raises:
        EncodeError: a record that the settings describe cannot be written.
    """
    if isinstance(reader, Source):
        return cobol_file(spec, reader, n)
    make = {"delimited": delimited_file, "fixed_text": fixed_file, "xml": xml_file, "json": json_file}
    return make[spec.format](spec, n)
