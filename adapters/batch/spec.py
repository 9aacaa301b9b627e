"""Settings of a batch adapter: `kind = "batch"` in adapter.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from adapters.batch.adapter import BatchAdapter
from adapters.batch.codec import select
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, layouts, parse
from adapters.batch.dates import DateFormat
from adapters.batch.dialect import Dialect
from adapters.batch.framing import Framing
from adapters.batch.inbox import Inbox
from adapters.batch.plan import Marks, RecordPlan, find, plan, suggestion
from adapters.batch.records import RecordType, When
from adapters.batch.reference import Trim
from adapters.batch.source import Source
from adapters.spec import AdapterSpec, TopicPart
from schemas.classification import Classification
from schemas.errors import SettingsError
from schemas.names import avro_name

_Frozen = ConfigDict(extra="forbid", frozen=True)
#: Longer than the stalls of a usual transfer (TCP retries, a pausing job), short beside a nightly run.
SAFE_AGE_SECONDS = 30.0
Literals = Annotated[tuple[str | int, ...], Field(min_length=1)]


class WhenSpec(BaseModel):
    """A test on one field of a record."""

    model_config = _Frozen

    field: str = Field(description="The field that tells record types apart.")
    equals: str | int | Literals = Field(description="Its value, or a list of values.")


class RecordSpec(BaseModel):
    """One record type of a file with several, and the entity that it holds."""

    model_config = _Frozen

    entity: TopicPart = Field(description="The entity's name; third part of its topic's name.")
    key: tuple[str, ...] = Field(min_length=1, description="Fields of the business key, in order.")
    when: WhenSpec = Field(description="Which records are of this type.")
    group: str | None = Field(None, description="The redefinition (or other 01 level) that describes them.")


class HeaderSpec(BaseModel):
    """A header record: recognised and left out."""

    model_config = _Frozen

    when: WhenSpec = Field(description="Which record is the header.")


class TrailerSpec(BaseModel):
    """A trailer record: its count must agree with the file, else the extract is held."""

    model_config = _Frozen

    when: WhenSpec = Field(description="Which record is the trailer.")
    count: str | None = Field(None, description="The field that holds the number of records.")
    counts: Literal["details", "all"] = Field(
        "details", description="`details` counts the entities' records, `all` header and trailer too."
    )


class BatchSpec(AdapterSpec):
    """Files that a legacy system drops in a folder, described by a COBOL copybook."""

    summary: ClassVar[str] = """
    Reads full extracts (fixed-length or text files described by a COBOL copybook) from a folder, oldest
    business date first, and publishes what changed since the last one. A record that cannot be decoded goes
    to the dead-letter topic with its bytes, place, field and reason, and its neighbours flow on. A file that
    is empty, cut off, fails its trailer or holds an unreadable key publishes no deletes and is held for
    approval. A file is moved to the archive only after the last transaction of its events is committed; the
    same bytes under the same name are recognised and publish nothing.
    """

    kind: Literal["batch"] = "batch"
    folder: str = Field(description="Where files arrive; relative to this adapter's folder.")
    pattern: str = Field("*", description="Glob pattern of the file names. Hidden files are never read.")
    archive: str = Field("archive", description="Where read files go; relative to this adapter's folder.")
    read_only: bool = Field(
        False, description="Leave the folder untouched: read files stay, and are recognised by their content."
    )
    min_age_seconds: float = Field(
        SAFE_AGE_SECONDS,
        ge=0,
        description="A file must have been unchanged for so long. An upload that stalls just between two "
        "records looks like a whole file without the rest, so its missing rows would be deletes: keep this "
        "longer than any stall. 0 is right where the writer renames finished files into place; without that, "
        "a shorter time than the default needs a trailer or a done_marker.",
    )
    done_marker: str = Field(
        "",
        description="Suffix of an empty file that says that the file beside it is complete, such as `.done`.",
    )
    business_date: str = Field(
        "",
        description="Regular expression on the file name with a group `date` (yyyymmdd or yyyy-mm-dd). Files "
        "are read in this order, and it is the events' time; without it, both follow arrival.",
    )
    copybook: str = Field(description="File with the record description; relative to this adapter's folder.")
    record: str | None = Field(None, description="The 01 level to use, where the copybook has several.")
    code_page: str = Field("cp037", description="Code page of text and zoned numbers: cp285, cp1047, ascii…")
    dialect: str = Field("ibm", description="Compiler profile: ibm, ibm-trunc-bin or ibm-ieee.")
    framing: Framing = Field("fixed", description="`fixed` (RECFM F, FB) or `lines` (text).")
    record_length: int | None = Field(
        None, ge=1, description="Checked against the copybook if given, in bytes."
    )
    trim: Trim = Field(
        "padding",
        description="What is cut from text: `padding` (blanks and NULs at its end), `both` ends, `none`.",
    )
    entity: TopicPart | None = Field(None, description="The entity, where all records are of one type.")
    key: tuple[str, ...] = Field((), description="Fields of its business key, in order.")
    group: str | None = Field(None, description="The redefinition to read instead of the redefined item.")
    records: tuple[RecordSpec, ...] = Field((), description="Record types, where there are several.")
    header: HeaderSpec | None = Field(None, description="The header record, if there is one.")
    trailer: TrailerSpec | None = Field(None, description="The trailer record, if there is one.")
    redefinitions: tuple[str, ...] = Field((), description="Redefinitions to read beside what they redefine.")
    drop: tuple[str, ...] = Field((), description="Fields to leave out.")
    rename: dict[str, str] = Field(
        default_factory=dict, description="Field → Avro name, instead of `-` → `_`."
    )
    dates: dict[str, str] = Field(
        default_factory=dict, description="Field → date format, of yyyy, yy, mm, dd, ddd and separators."
    )
    century_pivot: int | None = Field(
        None, ge=0, le=99, description="Two-digit years below it are 20yy, the others 19yy."
    )
    sentinels: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Field → values that mean 'nothing' and become null; LOW-VALUES, HIGH-VALUES and SPACES "
        "stand for an item filled with them.",
    )
    classification: dict[str, Classification] = Field(
        default_factory=dict,
        description="Field → `public`, `internal`, `personal` or `sensitive`; `personal` until classified.",
    )

    @field_validator("business_date")
    @classmethod
    def _has_a_date(cls, value: str) -> str:
        try:
            named = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if value and "date" not in named:
            raise ValueError("the expression has no group called date: write (?P<date>…)")
        return value

    @model_validator(mode="after")
    def _one_or_several(self) -> BatchSpec:
        if self.records and (self.entity or self.key or self.group):
            raise ValueError("give either entity and key, or [[records]]")
        if not self.records and not (self.entity and self.key):
            raise ValueError("entity and key are missing (or [[records]], for several record types)")
        return self

    def advice(self) -> list[tuple[str, str]]:
        """Return a warning where nothing would tell a half-written file from a whole one."""
        whole = self.done_marker or self.trailer is not None
        # A read-only folder is somebody's finished collection, not a place where uploads arrive.
        if self.min_age_seconds >= SAFE_AGE_SECONDS or whole or self.read_only:
            return []
        return [
            (
                f"min_age_seconds = {self.min_age_seconds:g} and neither trailer nor done_marker: an upload "
                "that stalls between two records is read as a whole file, and what it lacks is deleted",
                f"set min_age_seconds = {SAFE_AGE_SECONDS:g} or more, or declare a trailer or a done_marker",
            )
        ]

    def open(self, folder: Path) -> BatchAdapter:
        """Make the adapter; the copybook is read and every name in the settings checked.

        Raises:
            SettingsError: a name that is no field, a wrong record length, an unknown page or dialect.
            CopybookError: the copybook cannot be read.
        """
        where = f"{folder / 'adapter.toml'}"
        source = self.source(folder)
        entities = {t.plan.entity.name: t.plan.entity for t in source.types if t.plan is not None}
        if len(entities) < sum(t.plan is not None for t in source.types):
            raise SettingsError("two record types have one entity name", where=where, fix="rename one")
        inbox = Inbox(
            folder=folder / Path(self.folder).expanduser(),
            pattern=self.pattern,
            archive=None if self.read_only else folder / Path(self.archive).expanduser(),
            min_age_seconds=self.min_age_seconds,
            done_marker=self.done_marker,
            business_date=re.compile(self.business_date) if self.business_date else None,
        )
        return BatchAdapter(source, inbox, entities)

    def source(self, folder: Path) -> Source:
        """Return the source described by these settings, without touching the files' folder."""
        where = f"{folder / 'adapter.toml'}"
        layout = self._layout(folder, where)
        page = CodePage.named(self.code_page)
        marks = self._marks(layout, where)
        types: list[RecordType] = []
        if self.header is not None:
            types.append(RecordType("header", _when(self.header.when, layout, page, where)))
        if self.trailer is not None:
            count = find(self.trailer.count, layout, where=where) if self.trailer.count else None
            types.append(RecordType("trailer", _when(self.trailer.when, layout, page, where), count=count))
        for spec in self.records:
            made = self._plan(layout, marks, spec.entity, spec.key, spec.group)
            types.append(RecordType("detail", _when(spec.when, layout, page, where), made))
        if self.entity is not None:
            types.append(
                RecordType("detail", None, self._plan(layout, marks, self.entity, self.key, self.group))
            )
        count_all = self.trailer is not None and self.trailer.counts == "all"
        return Source(layout, tuple(types), page, self.framing, self.trim, count_all)

    def _layout(self, folder: Path, where: str) -> Layout:
        path = folder / Path(self.copybook).expanduser()
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise SettingsError(
                f"cannot read the copybook: {error.strerror}",
                where=str(path),
                fix="set copybook in adapter.toml",
            ) from None
        layout = select(
            layouts(parse(text, source=path.name), Dialect.named(self.dialect)), self.record, str(path)
        )
        if self.record_length is not None and self.record_length != layout.length:
            raise SettingsError(
                f"{path.name} describes {layout.length} bytes, record_length says {self.record_length}",
                where=where,
                fix="is it the right copybook? `banyan layout` shows each field's place",
            )
        return layout

    def _plan(
        self, layout: Layout, marks: Marks, entity: str, key: tuple[str, ...], group: str | None
    ) -> RecordPlan:
        return plan(
            layout, system=self.system, entity=entity, key=key, marks=marks, group=group,
            redefinitions=self.redefinitions, key_privacy=self.key_privacy,
        )  # fmt: skip

    def _marks(self, layout: Layout, where: str) -> Marks:
        """Return what the settings say about fields; each name must be one."""
        slots = [s for s in layout.record.walk() if s.item.name]
        known = {name for s in slots for name in (s.item.name, s.path, avro_name(s.item.name))}
        for table in ("rename", "dates", "sentinels", "classification", "drop"):
            for name in getattr(self, table):
                if name.upper() not in known:
                    raise SettingsError(
                        f"{table}: {name!r} is no field of {layout.name}",
                        where=where,
                        fix=suggestion(name, [s.item.name for s in slots]),
                    )
        return Marks(
            rename=self.rename,
            dates={
                n: DateFormat.parse(f, self.century_pivot, where=f"{where}: dates.{n}")
                for n, f in self.dates.items()
            },
            sentinels=self.sentinels,
            classification=self.classification,
            drop=self.drop,
        )


def _when(spec: WhenSpec, layout: Layout, page: CodePage, where: str) -> When:
    values = spec.equals if isinstance(spec.equals, tuple) else (spec.equals,)
    return When.parse(spec.field, values, layout, page, where)
