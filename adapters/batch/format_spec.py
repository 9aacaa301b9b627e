"""What the bytes of a batch file mean: the part of adapter.toml that `banyan decode --set` takes too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.batch.codec import select
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, layouts, parse
from adapters.batch.dates import DateFormat
from adapters.batch.dialect import Dialect
from adapters.batch.framing import FrameSpec, Framing
from adapters.batch.mode import DeltaSpec, Mode
from adapters.batch.plan import Marks, RecordPlan, find, plan, suggestion
from adapters.batch.reader import Reader
from adapters.batch.records import RecordType, When
from adapters.batch.reference import Trim
from adapters.batch.source import Source
from adapters.spec import TopicPart
from schemas.classification import Classification
from schemas.entity import KeyPrivacy
from schemas.errors import SettingsError
from schemas.names import avro_name

_Frozen = ConfigDict(extra="forbid", frozen=True)
Format = Literal["copybook", "delimited", "fixed_text", "xml", "json"]
Compression = Literal["auto", "none", "gzip", "bz2", "zstd", "zip"]
BadValues = Literal["reject", "null", "raw", "fail"]
Odo = Literal["max", "shift", "pad"]
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


class FormatSpec(BaseModel):
    """How the bytes of a file become records, and records become rows of entities."""

    model_config = _Frozen

    format: Format = Field(
        "copybook", description="What describes the records; all but `copybook` have a table of their own."
    )
    compression: Compression = Field(
        "auto", description="`auto` tells a compressed file by its first bytes; `none` never looks."
    )
    copybook: str | None = Field(
        None, description="File with the record description; relative to this adapter's folder."
    )
    copy_path: tuple[str, ...] = Field((), description="Folders in which COPY looks for members, in order.")
    record: str | None = Field(None, description="The 01 level to use, where the copybook has several.")
    code_page: str = Field("cp037", description="Code page of text and zoned numbers: cp285, cp1047, ascii…")
    dialect: str = Field("ibm", description="Compiler profile: ibm, ibm-trunc-bin or ibm-ieee.")
    framing: Framing = Field(
        "fixed",
        description="`fixed` (RECFM F, FB), `lines` (text), `rdw` (V), `bdw` (VB), `vs`, `vbs` (spanned), "
        "`length_field`, `length_map` or `header`.",
    )
    frame: FrameSpec = Field(FrameSpec.model_validate({}), description="Options of the framing.")
    odo: Odo = Field(
        "max",
        description="Where the fields after an OCCURS DEPENDING ON lie: as if the table were full (`max`), "
        "right after its last entry (`shift`), or so with the record padded to its full length (`pad`).",
    )
    short_records: Literal["null", "reject"] = Field(
        "reject", description="What becomes of fields past the end of a record that is shorter than its type."
    )
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
    bad_values: dict[str, BadValues] = Field(
        default_factory=dict,
        description="Field → what becomes of bytes that are no value of it: `reject` the record, `null`, "
        "`raw` (text fields: their bytes in hexadecimal) or `fail` the file.",
    )
    bad_value_default: BadValues = Field("reject", description="The same, for all fields not named.")
    fillers: Literal["drop", "name"] = Field(
        "drop", description="`name` reads FILLER items too, as FILLER_1, FILLER_2…"
    )
    keep_whole: tuple[str, ...] = Field((), description="Groups that are kept whole too, as one text.")
    code_pages: dict[str, str] = Field(
        default_factory=dict, description="Field → code page, where it is not the file's."
    )
    classification: dict[str, Classification] = Field(
        default_factory=dict,
        description="Field → `public`, `internal`, `personal` or `sensitive`; `personal` until classified.",
    )

    mode: Mode = Field(
        "full",
        description="`full`: each file is the whole picture, and what is not in it has been deleted; "
        "`delta`: its records are changes with an action code; `events`: each is an event of its own.",
    )
    delta: DeltaSpec | None = Field(None, description="The action codes of delta files.")

    @model_validator(mode="after")
    def _mode_and_delta(self) -> FormatSpec:
        if (self.mode == "delta") != (self.delta is not None):
            raise ValueError('mode = "delta" and a table [delta] go together')
        return self

    @model_validator(mode="after")
    def _one_or_several(self) -> FormatSpec:
        if self.format == "copybook" and self.copybook is None:
            raise ValueError("copybook is missing: name the file with the record description")
        if self.records and (self.entity or self.key or self.group):
            raise ValueError("give either entity and key, or [[records]]")
        if not self.records and not (self.entity and self.key):
            raise ValueError("entity and key are missing (or [[records]], for several record types)")
        return self

    def read_as(self, folder: Path, *, system: str, key_privacy: KeyPrivacy = "plain") -> Reader:
        """Return the reader described by these settings, without touching any data file.

        Raises:
            SettingsError: a name that is no field, a wrong record length, an unknown page or dialect.
            CopybookError: the copybook cannot be read.
        """
        where = f"{folder / 'adapter.toml'}"
        layout = self._layout(folder, where)
        page = CodePage.named(self.code_page)
        marks = self._marks(layout, where)

        def planned(entity: str, key: tuple[str, ...], group: str | None) -> RecordPlan:
            return plan(
                layout, system=system, entity=entity, key=key, marks=marks, group=group,
                redefinitions=self.redefinitions, key_privacy=key_privacy,
            )  # fmt: skip

        types: list[RecordType] = []
        if self.header is not None:
            types.append(RecordType("header", _when(self.header.when, layout, page, where)))
        if self.trailer is not None:
            count = find(self.trailer.count, layout, where=where) if self.trailer.count else None
            types.append(RecordType("trailer", _when(self.trailer.when, layout, page, where), count=count))
        for spec in self.records:
            made = planned(spec.entity, spec.key, spec.group)
            types.append(RecordType("detail", _when(spec.when, layout, page, where), made))
        if self.entity is not None:
            types.append(RecordType("detail", None, planned(self.entity, self.key, self.group)))
        count_all = self.trailer is not None and self.trailer.counts == "all"
        names = [t.plan.entity.name for t in types if t.plan is not None]
        if len(names) > len(set(names)):
            raise SettingsError("two record types have one entity name", where=where, fix="rename one")
        return Source(layout, tuple(types), page, self.framing, self.trim, count_all)

    def _layout(self, folder: Path, where: str) -> Layout:
        assert self.copybook is not None  # the validator saw to it
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
