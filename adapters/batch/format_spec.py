"""What the bytes of a batch file mean: the part of adapter.toml that `banyan decode --set` takes too."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from adapters.batch.chooser import Fillers, Groups
from adapters.batch.codec import select
from adapters.batch.codepage import CodePage
from adapters.batch.columns import BadValues, ShortRecords
from adapters.batch.control_spec import BatchesSpec, HeaderSpec, TrailerSpec, WhenSpec
from adapters.batch.copybook import CopyLibrary, Layout, layouts, parse
from adapters.batch.dates import DateFormat
from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.dialect import PROFILES, Dialect, Trim
from adapters.batch.fixedtext.spec import FixedTextSpec
from adapters.batch.framing import FrameSpec, Framing, Scanner
from adapters.batch.json.spec import JsonSpec
from adapters.batch.lineage import below, inherited
from adapters.batch.mode import DeltaSpec, Mode
from adapters.batch.moments import Ambiguous, MomentFormat
from adapters.batch.odo import chosen
from adapters.batch.opening import Compression, opened
from adapters.batch.page_file import PREFIX, page_from
from adapters.batch.plan import Marks, RecordPlan, plan, suggestion
from adapters.batch.reader import FormatReader
from adapters.batch.records import RecordType, Role, When
from adapters.batch.rows import Odo
from adapters.batch.source import Source
from adapters.batch.text_formats import check_settings, text_reader
from adapters.batch.xml.spec import XmlSpec
from adapters.spec import TopicPart
from schemas.classification import Classification
from schemas.entity import KeyPrivacy
from schemas.errors import SettingsError
from schemas.names import avro_name

_Frozen = ConfigDict(extra="forbid", frozen=True)
#: Settings that say something of fields by name.
_BY_FIELD = (
    "rename", "dates", "timestamps", "sentinels", "classification", "drop", "bad_values", "code_pages",
)  # fmt: skip
Format = Literal["copybook", "delimited", "fixed_text", "xml", "json"]


class RecordSpec(BaseModel):
    """One record type of a file with several, and the entity that it holds."""

    model_config = _Frozen

    entity: TopicPart = Field(description="The entity's name; third part of its topic's name.")
    key: tuple[str, ...] = Field(min_length=1, description="Fields of the business key, in order.")
    when: WhenSpec = Field(description="Which records are of this type.")
    group: str | None = Field(None, description="The redefinition (or other 01 level) that describes them.")
    redefinitions: tuple[str, ...] = Field(
        (), description="Redefinitions inside them to read beside what they redefine."
    )
    parent: TopicPart | None = Field(
        None,
        description="The entity above it in a tree of records: each row gets the key of the last record of "
        "that entity before it, and the key may name these fields.",
    )
    parent_prefix: str = Field("", description="Put before the names of the parent's key fields.")


class FormatSpec(BaseModel):
    """How the bytes of a file become records, and records become rows of entities."""

    # A field cannot be called `json` (BaseModel has a method of that name): it goes by its alias.
    model_config = _Frozen | ConfigDict(populate_by_name=True)

    format: Format = Field(
        "copybook", description="What describes the records; all but `copybook` have a table of their own."
    )
    compression: Compression = Field(
        "auto", description="`auto` tells a compressed file by its first bytes; `none` never looks."
    )
    zip_member: str = Field("*", description="Glob pattern of the one member to read of a zip file.")
    max_ratio: int = Field(
        1000, ge=1, description="Unpacked bytes to packed ones beyond which a file is taken for a bomb."
    )
    copybook: str | None = Field(
        None, description="File with the record description; relative to this adapter's folder."
    )
    copy_path: tuple[str, ...] = Field((), description="Folders in which COPY looks for members, in order.")
    record: str | None = Field(None, description="The 01 level to use, where the copybook has several.")
    code_page: str = Field(
        "cp037",
        description="Code page of text and zoned numbers: cp285, cp1047, ascii…, or `file:ours.txt`: a "
        "mapping table as Unicode has them, relative to this adapter's folder.",
    )
    dialect: str = Field("ibm", description=f"Compiler profile: {', '.join(PROFILES)}.")
    dialect_options: dict[str, bool | int | str] = Field(
        default_factory=dict, description="Single settings of the dialect, instead of its own."
    )
    framing: Framing = Field(
        "fixed",
        description="`fixed` (RECFM F, FB), `lines` (text), `rdw` (V), `bdw` (VB), `vs`, `vbs` (spanned), "
        "`length_field`, `length_map` or `header`.",
    )
    frame: FrameSpec = Field(FrameSpec.model_validate({}), description="Options of the framing.")
    odo: Odo = Field(
        "max",
        description="Where the fields after an OCCURS DEPENDING ON lie: as if the table were full (`max`), "
        "right after its last entry (`shift`), or so with the record padded to its full length (`pad`). With "
        "`shift` and framing `fixed` the counters tell where a record ends.",
    )
    short_records: ShortRecords = Field(
        "reject", description="What becomes of fields past the end of a record that is shorter than its type."
    )
    long_records: Literal["cut", "reject"] = Field(
        "reject",
        description="What becomes of a record that is longer than the copybook: `cut` drops what is behind.",
    )
    record_length: int | None = Field(
        None, ge=1, description="Checked against the copybook if given, in bytes."
    )
    trim: Trim | None = Field(
        None,
        description="What is cut from text: `padding` (blanks and NULs at its end), the same at the `left` "
        "or `both` ends, `all` control characters at both ends too, or `none`; the "
        "dialect's by default: mostly `padding`.",
    )
    entity: TopicPart | None = Field(None, description="The entity, where all records are of one type.")
    key: tuple[str, ...] = Field((), description="Fields of its business key, in order.")
    group: str | None = Field(None, description="The redefinition to read instead of the redefined item.")
    records: tuple[RecordSpec, ...] = Field((), description="Record types, where there are several.")
    header: HeaderSpec | None = Field(None, description="The header record, if there is one.")
    trailer: TrailerSpec | None = Field(None, description="The trailer record, if there is one.")
    batch: BatchesSpec | None = Field(None, description="Batches inside the file, if it has such.")
    redefinitions: tuple[str, ...] = Field((), description="Redefinitions to read beside what they redefine.")
    drop: tuple[str, ...] = Field((), description="Fields to leave out.")
    rename: dict[str, str] = Field(
        default_factory=dict, description="Field → Avro name, instead of `-` → `_`."
    )
    dates: dict[str, str] = Field(
        default_factory=dict, description="Field → date format, of yyyy, yy, mm, dd, ddd and separators."
    )
    timestamps: dict[str, str] = Field(
        default_factory=dict,
        description="Field → form of its time stamps: a date's, with hh, mi, ss, f to ffffff (fractions) and "
        "zz (offset), such as `yyyymmddhhmiss` or `yyyy-mm-dd-hh.mi.ss.ffffff`; or `iso`.",
    )
    zone: str | None = Field(None, description="Time zone of time stamps that have no offset: Europe/London.")
    ambiguous: Ambiguous = Field(
        "reject",
        description="A local time that clocks show twice: `reject` it, or take the `earlier` or the `later`.",
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
    bad_value_default: BadValues | None = Field(
        None, description="The same, for all fields not named; the dialect's by default: mostly `reject`."
    )
    check_conditions: tuple[str, ...] = Field(
        (),
        description="Fields whose values must be named by one of their level 88 items, else they are bad; "
        "`*`: all that have such.",
    )
    fillers: Fillers = Field("drop", description="`name` reads FILLER items too, as FILLER_1, FILLER_2…")
    groups: Groups = Field(
        "flat",
        description="`flat`: a group's items are fields of the row; `nested`: a group is a record in it.",
    )
    keep_whole: tuple[str, ...] = Field((), description="Groups that are kept whole too, as one text.")
    code_pages: dict[str, str] = Field(
        default_factory=dict, description="Field → code page, where it is not the file's."
    )
    classification: dict[str, Classification] = Field(
        default_factory=dict,
        description="Field → `public`, `internal`, `personal` or `sensitive`; `personal` until classified.",
    )

    delimited: DelimitedSpec | None = Field(None, description="Fields and marks of a delimited file.")
    fixed_text: FixedTextSpec | None = Field(None, description="Fields of records of text, by their places.")
    json_: JsonSpec | None = Field(None, alias="json", description="Fields of records of JSON, by paths.")
    xml: XmlSpec | None = Field(None, description="Fields of elements of XML, by paths.")
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

    def opened(self, source: Path | BinaryIO, name: str = "") -> BinaryIO:
        """Return a stream of a file's bytes after decompression, as these settings say.

        Raises:
            Terminal: here or while it is read, where the compressed data are not sound.
            OSError: the file cannot be read.
        """
        return opened(source, self.compression, name=name, member=self.zip_member, max_ratio=self.max_ratio)

    def read_as(
        self, folder: Path, *, system: str, key_privacy: KeyPrivacy = "plain", in_name: str = "",
        where: str = "",
    ) -> FormatReader:  # fmt: skip
        """Return the reader described by these settings, without touching any data file.

        Args:
            folder: where the adapter's settings are; names of files are relative to it.
            system: part of the topics' names.
            key_privacy: whether keys are published as they are.
            in_name: expression for what file names say (a group `date`).
            where: what errors name as the place of these settings; by default `folder`'s adapter.toml.

        Raises:
            SettingsError: a name that is no field, a wrong record length, an unknown page or dialect.
            CopybookError: the copybook cannot be read.
        """
        where = where or f"{folder / 'adapter.toml'}"
        check_settings(self, where)
        if self.format != "copybook":
            return text_reader(self, where, system=system, key_privacy=key_privacy)
        dialect = self._dialect(where)
        layout = self._layout(folder, dialect, where)
        page = _page(self.code_page, folder, dialect)
        types = self._control_types(layout, page, where)
        marks = self._marks(layout, dialect, folder, where)
        types += self._details(layout, page, marks, len(types), system, key_privacy, where)
        plans = {t.entity.name: t.plan for t in types if t.entity is not None and t.plan is not None}
        if len(plans) < sum(t.role == "detail" for t in types):
            raise SettingsError("two record types have one entity name", where=where, fix="rename one")
        return Source(
            layout,
            tuple(types),
            page,
            Scanner.of(self.framing, self.frame, layout, page, where, shifted=self.odo == "shift"),
            self.trim or dialect.trim,
            self.header.control(layout, plans, self.century_pivot, in_name, where) if self.header else None,
            self.trailer.control(layout, plans, where) if self.trailer else None,
            self.batch.control(layout, plans, where) if self.batch else None,
            layout.length if self.long_records == "reject" else 0,
            self.odo,
        )

    def _control_types(self, layout: Layout, page: CodePage, where: str) -> list[RecordType]:
        tests: list[tuple[Role, WhenSpec]] = []
        if self.header is not None:
            tests.append(("header", self.header.when))
        if self.trailer is not None:
            tests.append(("trailer", self.trailer.when))
        if self.batch is not None:
            tests.append(("batch_trailer", self.batch.trailer.when))
            if self.batch.header is not None:
                tests.append(("batch_header", self.batch.header))
        return [RecordType(role, _when(spec, layout, page, where)) for role, spec in tests]

    def _details(
        self, layout: Layout, page: CodePage, marks: Marks, first: int, system: str, privacy: KeyPrivacy,
        where: str,
    ) -> list[RecordType]:  # fmt: skip
        """Return the record types of the entities; `first` is the place of the first one among all."""

        def planned(
            entity: str, key: tuple[str, ...], group: str | None, redefinitions: tuple[str, ...]
        ) -> RecordPlan:
            return plan(
                layout, system=system, entity=entity, key=key, marks=marks, group=group,
                redefinitions=redefinitions, key_privacy=privacy,
                fillers=self.fillers, groups=self.groups, short_records=self.short_records,
            )  # fmt: skip

        if self.entity is not None:
            made = planned(self.entity, self.key, self.group, self.redefinitions)
            return [RecordType("detail", None, made, made.entity, group=self.group)]
        types: list[RecordType] = []
        for spec in self.records:
            when = _when(spec.when, layout, page, where)
            more = (*self.redefinitions, *spec.redefinitions)
            if spec.parent is None:
                made = planned(spec.entity, spec.key, spec.group, more)
                types.append(RecordType("detail", when, made, made.entity, group=spec.group))
                continue
            above = {t.entity.name: (t.entity, i) for i, t in enumerate(types, first) if t.entity is not None}
            if spec.parent not in above:
                raise SettingsError(
                    f"records: {spec.entity}'s parent {spec.parent!r} does not stand before it",
                    where=where, fix="put the [[records]] table of a parent before those of its children",
                )  # fmt: skip
            parent, at = above[spec.parent]
            own = tuple(k for k in spec.key if not inherited(k, parent, spec.parent_prefix))
            made = planned(spec.entity, own or _any_key(layout, spec.group), spec.group, more)
            entity, link = below(made.entity, parent, at, spec.parent_prefix, spec.key, where)
            types.append(RecordType("detail", when, made, entity, link, spec.group))
        return types

    def _dialect(self, where: str) -> Dialect:
        """Return the dialect with its options."""
        base = Dialect.named(self.dialect)
        known = [f.name for f in dataclasses.fields(Dialect) if f.name != "name"]
        if wrong := [name for name in self.dialect_options if name not in known]:
            raise SettingsError(
                f"dialect_options: no option {wrong[0]!r}", where=where, fix=f"use one of {', '.join(known)}"
            )
        try:
            return TypeAdapter(Dialect).validate_python(dataclasses.asdict(base) | self.dialect_options)
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(
                f"dialect_options.{'.'.join(map(str, first['loc']))}: {first['msg']}",
                where=where, fix="docs/dialects.md has the options and their values",
            ) from None  # fmt: skip

    def _layout(self, folder: Path, dialect: Dialect, where: str) -> Layout:
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
        library = CopyLibrary.beside(path, [folder / Path(p).expanduser() for p in self.copy_path])
        tree = parse(text, source=path.name, library=library, currency=dialect.currency)
        layout = select(layouts(tree, dialect), self.record, str(path))
        if self.record_length is not None and self.record_length != layout.length:
            raise SettingsError(
                f"{path.name} describes {layout.length} bytes, record_length says {self.record_length}",
                where=where,
                fix="is it the right copybook? `banyan layout` shows each field's place",
            )
        return layout

    def _marks(self, layout: Layout, dialect: Dialect, folder: Path, where: str) -> Marks:
        """Return what the settings say about fields; each name must be one."""
        slots = [s for s in layout.record.walk() if s.item.name]
        known = {name for s in slots for name in (s.item.name, s.path, avro_name(s.item.name))}
        for table in _BY_FIELD:
            for name in getattr(self, table):
                if name.upper() not in known:
                    raise SettingsError(
                        f"{table}: {name!r} is no field of {layout.name}",
                        where=where,
                        fix=suggestion(name, [s.item.name for s in slots]),
                    )
        named = {n for s in slots if s.item.conditions for n in (s.item.name, s.path, avro_name(s.item.name))}
        for name in self.check_conditions:
            if name != "*" and name.upper() not in named:
                raise SettingsError(
                    f"check_conditions: {name!r} is no field with a level 88 in {layout.name}",
                    where=where,
                    fix=suggestion(name, [s.item.name for s in slots if s.item.conditions]),
                )
        return Marks(
            rename=self.rename,
            dates={
                n: DateFormat.parse(f, self.century_pivot, where=f"{where}: dates.{n}")
                for n, f in self.dates.items()
            },
            moments={
                n: MomentFormat.parse(
                    f,
                    self.century_pivot,
                    self.zone,
                    where=f"{where}: timestamps.{n}",
                    ambiguous=self.ambiguous,
                )
                for n, f in self.timestamps.items()
            },
            sentinels=self.sentinels,
            classification=self.classification,
            drop=self.drop,
            code_pages={n: _page(page, folder, dialect) for n, page in self.code_pages.items()},
            bad_values=self.bad_values,
            bad_default=self.bad_value_default or dialect.bad_values,
            keep_whole=self.keep_whole,
            check_conditions=self.check_conditions,
        )


def _page(name: str, folder: Path, dialect: Dialect) -> CodePage:
    if name.startswith(PREFIX):
        return page_from(folder / Path(name.removeprefix(PREFIX)).expanduser())
    return dialect.page(name)


def _when(spec: WhenSpec, layout: Layout, page: CodePage, where: str) -> When:
    values = spec.equals if isinstance(spec.equals, tuple) else (spec.equals,)
    return When.parse(spec.field, values, layout, page, where)


def _any_key(layout: Layout, group: str | None) -> tuple[str]:
    """Return a field that can stand for a key, for a child whose whole key is its parent's."""
    areas = list(chosen(layout.record.children, group))
    slots = [s for area in areas for s in area.walk() if s.storage and s.item.name and not s.item.occurs]
    if not slots:
        raise SettingsError(f"{layout.name} has no field for a row", where=layout.source, fix="name one")
    return (slots[0].path,)
