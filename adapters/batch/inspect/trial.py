"""The proposal is tried on the sample that it was made from, so that its promise is tested."""

from __future__ import annotations

import io
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from adapters.batch.dry_run import dry_run
from adapters.batch.inspect.guess import Report
from adapters.batch.spec import BatchSpec
from schemas.errors import BanyanError


def trial(
    report: Report, content: bytes, copybook_text: str, folder: Path | None, *, whole: bool
) -> Sequence[str]:
    """Return what reading the sample with the proposed settings gave, as sentences.

    Args:
        report: with the proposal.
        content: bytes of the sample that end with a record.
        copybook_text: the copybook, or the draft; written to a folder of its own where `folder` is None.
        folder: where the copybook lies.
        whole: `content` is everything, so that trailers must agree.
    """
    with tempfile.TemporaryDirectory() as made:
        place = folder if folder is not None else Path(made)
        settings = tomllib.loads(report.adapter_toml)
        if folder is None and settings.get("copybook"):
            (place / str(settings["copybook"])).write_text(copybook_text, encoding="utf-8")
        try:
            spec = BatchSpec.model_validate(settings)
            reader = spec.read_as(place, system=spec.system)
        except BanyanError as error:
            return [f"the proposal does not read the sample: {error.what}"]
        except ValueError as error:
            return [f"the proposal is not valid: {str(error).splitlines()[0]}"]
        found = dry_run(reader, report.name, io.BytesIO(content), len(content))
    if found.refused:
        return [f"the proposal does not read the sample: {found.refused}"]
    first = f"; the first, {found.first}" if found.first else ""
    said = f"tried on the sample: {found.records:,} records read, {found.rejects:,} rejected{first}"
    return [said, *(f"tried on the sample: {p}" for p in found.problems if whole)]
