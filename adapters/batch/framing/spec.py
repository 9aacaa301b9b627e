"""How the records of a file are told apart: the word `framing` and the table `[frame]` of adapter.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Framing = Literal["fixed", "lines", "rdw", "bdw", "vs", "vbs", "length_field", "length_map", "header"]
ByteOrder = Literal["big", "little"]
Bytes = Annotated[int, Field(ge=0)]


class FrameSpec(BaseModel):
    """Options of a framing; each names the framings that it belongs to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rdw_byte_order: ByteOrder = Field("big", description="Of the record descriptor word: `big` or `little`.")
    rdw_inclusive: bool = Field(True, description="Whether the record descriptor word counts itself.")
    rdw_adjustment: int = Field(0, description="Added to the length that a record descriptor word gives.")
    bdw_byte_order: ByteOrder = Field("big", description="Of the block descriptor word: `big` or `little`.")
    bdw_inclusive: bool = Field(True, description="Whether the block descriptor word counts itself.")
    bdw_adjustment: int = Field(0, description="Added to the length that a block descriptor word gives.")
    length: str | None = Field(
        None,
        description="A record's length as an expression: over fields (`length_field`: `REC-LEN + 4`) or over "
        "the header's bytes (`header`: `b3 + 256 * b4`).",
    )
    field: str | None = Field(None, description="`length_map`: the field that tells the record's length.")
    lengths: dict[str, Bytes] = Field(
        default_factory=dict, description="`length_map`: the field's value → the record's length in bytes."
    )
    header_length: Bytes = Field(0, description="`header`: bytes of the header before each record.")
    valid: dict[str, int | tuple[int, ...]] = Field(
        default_factory=dict,
        description="`header`: what the header of a record holds, as byte → value (`b0 = 1`); others are "
        "skipped.",
    )
    file_header: Bytes = Field(0, description="Bytes to leave out at the file's start.")
    file_trailer: Bytes = Field(0, description="Bytes to leave out at the file's end.")
    record_start: Bytes = Field(0, description="Bytes to leave out at each record's start.")
    record_end: Bytes = Field(0, description="Bytes to leave out at each record's end.")
    max_length: int = Field(1 << 20, ge=1, description="The longest record that is believed, in bytes.")
