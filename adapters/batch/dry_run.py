"""A file read without publishing anything: a made-up one, a sample, or any other."""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from adapters.batch.decrypt import Decryption
from adapters.batch.made_up import made_up
from adapters.batch.mode import in_mode
from adapters.batch.opening import Unpacked
from adapters.batch.reader import FormatReader, Reader
from adapters.batch.spec import BatchSpec
from adapters.dry_run import DryCount, DryRun, said
from schemas.errors import BanyanError, SettingsError, Terminal


def made_up_run(spec: BatchSpec, folder: Path) -> DryRun:
    """Read a made-up file as the adapter would: record types, totals and action codes are all looked at.

    Raises:
        SettingsError: a name that is no field, an unknown page or dialect, a key that decrypts nothing.
        CopybookError: the copybook cannot be read. EncodeError: no record that the settings describe can be
        written.
    """
    if spec.decrypt is not None:
        Decryption.of(spec.decrypt, folder)
    plain = plain_reader(spec, folder)
    content = made_up(spec, plain)
    return dry_run(in_mode(plain, spec.mode, spec.delta), "made-up", io.BytesIO(content), len(content))


def sample_run(spec: BatchSpec, folder: Path, sample: Path) -> DryRun:
    """Read a file as the adapter would: decrypted, unpacked, and with what its name says.

    Raises:
        SettingsError, CopybookError: as `made_up_run`. OSError: the file cannot be read.
    """
    reader = spec.reader(folder)
    decryption = Decryption.of(spec.decrypt, folder) if spec.decrypt is not None else None
    try:
        with ExitStack() as stack:
            if decryption is None:
                plain = cast(BinaryIO, stack.enter_context(sample.open("rb")))
            else:
                private = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                plain = cast(BinaryIO, stack.enter_context(decryption.open(sample, sample.name, private)))
            size = plain.seek(0, io.SEEK_END)
            plain.seek(0)
            stream = spec.opened(plain, sample.name)
            return dry_run(reader, sample.name, stream, 0 if isinstance(stream, Unpacked) else size)
    except SettingsError:
        raise
    except Terminal as error:
        return DryRun(refused=said(error))


def plain_reader(spec: BatchSpec, folder: Path) -> FormatReader:
    """Return what reads the files of an adapter, whatever they are called and whatever their records do."""
    return spec.read_as(folder, system=spec.system, key_privacy=spec.key_privacy)


def dry_run(reader: Reader, name: str, stream: BinaryIO, size: int) -> DryRun:
    """Read a file from end to end and count; errors of the file are part of the answer.

    Args:
        reader: the format.
        name: the file's name.
        stream: its bytes, unpacked.
        size: how many, 0 where nobody knows.
    """
    count, refused = DryCount(), ""
    reading = reader.reading(name, size)
    try:
        for chunk in reading.chunks(stream):
            count.take(chunk)
        problems = reading.problems()
    except BanyanError as error:
        refused, problems = said(error), []
    return count.result(problems, refused, reading.nulled)
