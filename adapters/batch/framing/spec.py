"""How the records of a file are told apart: the word `framing` and the table `[frame]` of adapter.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Framing = Literal["fixed", "lines", "rdw", "bdw", "vs", "vbs", "length_field", "length_map", "header"]
ByteOrder = Literal["big", "little"]
LineEnd = Literal["auto", "lf", "crlf", "cr", "nel"]
Bytes = Annotated[int, Field(ge=0)]
#: Everything that a file says about a length fits here; longer is damage. RECFM=V stops at 32,760.
LONGEST = 1 << 20


class FrameSpec(BaseModel):
    """Options of a framing; each names the framings that it belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rdw_byte_order: ByteOrder = Field(
        "big",
        description="Record descriptor word (`rdw`, `bdw`, `vs`, `vbs`): `little` if its bytes are reversed.",
    )
    rdw_inclusive: bool = Field(True, description="Whether the record descriptor word counts itself.")
    rdw_adjustment: int = Field(0, description="Added to the length that a record descriptor word says.")
    bdw_byte_order: ByteOrder = Field(
        "big", description="The same for block descriptor words (`bdw`, `vbs`)."
    )
    bdw_inclusive: bool = Field(True, description="Whether the block descriptor word counts itself.")
    bdw_adjustment: int = Field(0, description="Added to the length that a block descriptor word says.")
    reserved: Literal["zero", "any"] = Field(
        "zero",
        description="The reserved bytes of descriptor words: `zero` takes others for damage; `any`.",
    )
    line_end: LineEnd = Field(
        "auto",
        description="`lines`: what ends a line. `auto` takes NEL, LF or CR, whichever the file's first bytes "
        "have in this order (NEL in EBCDIC only); a CR before it is never part of the line.",
    )
    length: str | None = Field(
        None,
        description="A record's length in bytes, as an expression: of its fields (`length_field`: `REC-LEN + "
        "4`), or of the header's bytes (`header`: `b3 + 256 * b4`, without the header).",
    )
    field: str | None = Field(None, description="`length_map`: the field that tells the record's length.")
    lengths: dict[str, Bytes] = Field(
        default_factory=dict,
        description="`length_map`: the field's value → the record's length in bytes; `*`: any other value.",
    )
    header_length: Bytes = Field(0, description="`header`: bytes of the header before each record.")
    valid: dict[str, int | tuple[int, ...]] = Field(
        default_factory=dict,
        description="`header`: what the header of a record holds, as byte → value or values (`b0 = 1`); a "
        "record with another header is skipped.",
    )
    file_header: Bytes = Field(0, description="Bytes to leave out at the file's start.")
    file_trailer: Bytes = Field(0, description="Bytes to leave out at the file's end.")
    record_start: Bytes = Field(0, description="Bytes to leave out at each record's start.")
    record_end: Bytes = Field(0, description="Bytes to leave out at each record's end.")
    max_length: int = Field(
        LONGEST, ge=1, description="The longest record (and block) that is believed, in bytes."
    )
