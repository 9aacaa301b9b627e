"""What a file's name says: the adapter's name, the pattern of its kind, and the date in it."""

from __future__ import annotations

import re

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d-?[01]\d-?[0-3]\d)(?!\d)")
#: Parts of a name that say how a file is stored, and not what is in it.
_STORED = re.compile(
    r"ps|dat|data|dataset|file|txt|text|csv|tsv|psv|xml|json|jsonl|ndjson|bin|ebc|ebcdic|asc|ascii|seq|vsam|"
    r"ksds|esds|rrds|unl|unload|out|init|v|vb|fb|rdw|bdw|vbs|gz|gzip|bz2|zst|zstd|zip|pgp|gpg|asc|"
    r"[\d_-]*|g\d{4}v\d\d|[dt]\d{4,8}|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\d\d",
    re.IGNORECASE,
)
#: Of a data set's name so many parts at least stand for whose it is, before what it is.
_QUALIFIERS = 3


def adapter_name(file: str) -> str:
    """Return a name for the adapter of such files: what is in them, without dates and words for storage.

    Of a mainframe's data set (`PROD.PAY.AWARDS.G0012V00`) the last part that says something is taken: the
    ones before it are the same for all files of a system.
    """
    parts = _DATE.sub("", file).split(".")
    telling = [p.strip("_- ") for p in parts if not _STORED.fullmatch(p.strip("_- "))]
    if not telling:
        return part(parts[0].strip("_- ") or "file")
    is_data_set = file.isupper() and len(telling) >= _QUALIFIERS
    return part(telling[-1] if is_data_set else "_".join(telling))


def patterns(file: str) -> tuple[str, str]:
    """Return the glob pattern of files of this kind, and the regular expression of the date in their name."""
    found = _DATE.search(file)
    if found is None:
        return re.sub(r"([\[\]*?])", r"[\1]", file), ""
    before, after = file[: found.start()], file[found.end() :]
    wide = r"\d{4}-\d\d-\d\d" if "-" in found[0] else r"\d{8}"
    return f"{before}*{after}", f"{re.escape(before)}(?P<date>{wide})"


def part(text: str) -> str:
    """Return a name as topics take it: lower case, digits and underscores, a letter first."""
    made = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return made if made[:1].isalpha() else f"f_{made}".rstrip("_")
