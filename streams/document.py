"""A document: rows of several projections joined when they are read, declared in `documents/*.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from connectors.settings import load
from schemas.errors import SettingsError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Embed(BaseModel):
    """Rows of another projection that match a field of the parent row."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: Name = Field(description="Field of the document that holds the rows.")
    projection: Name = Field(alias="from", description="Projection to read.")
    match: dict[str, str] = Field(
        min_length=1, description="Field of the read projection (key or index) → field of the parent row."
    )
    through: Name | None = Field(None, description="An earlier embed whose rows are the parents.")
    many: bool = Field(True, description="A list, or one object (or null).")
    nest: bool = Field(False, description="With `through`: inside each parent row instead of at the top.")


class Document(BaseModel):
    """One document of the read API: a root row and what belongs to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    document: Name = Field(description="Name of the document.")
    collection: str = Field(
        pattern=r"^[a-z][a-z0-9_-]*$", description="Its place: /v1/<collection>/<root key>."
    )
    root: Name = Field(description="Projection whose key is the document's key.")
    embed: list[Embed] = Field(default_factory=list, description="What is joined, in order.")


def load_documents(folder: Path) -> list[Document]:
    """Return the documents of an estate's `documents/` folder, by file name; none where there is no folder.

    Raises:
        SettingsError: a file does not fit, with file, line and key.
    """
    documents = []
    for file in sorted(folder.glob("*.toml")):
        document = load(file, Document)
        _check(document, str(file))
        documents.append(document)
    return documents


def _check(document: Document, where: str) -> None:
    earlier: set[str] = set()
    for embed in document.embed:
        if embed.through and embed.through not in earlier:
            raise SettingsError(
                f"embed {embed.name!r} goes through {embed.through!r}, which is not an earlier embed",
                where=where,
                fix="put the embed it goes through above it",
            )
        if embed.name in earlier:
            raise SettingsError(f"two embeds are called {embed.name!r}", where=where, fix="rename one")
        earlier.add(embed.name)
