"""An estate: the folder that describes one department's systems, loaded (DESIGN 3)."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.links import Links
from connectors.readmodel.stores import Stores
from hub.settings import HubSettings, load_settings
from schemas.errors import SettingsError, Transient
from schemas.topics import Topics

if TYPE_CHECKING:
    from adapters.spec import AdapterSpec
    from strangler.operation import Operation
    from streams.document import Document
    from streams.projection import Projection

#: The estates that come with Banyan stand beside the packages.
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


class Estate:
    """Everything an estate's folder says. Each part is loaded when it is first asked for.

    Args:
        path: the folder, or the bare name of an example (`universal_credit`).

    Raises:
        SettingsError: no such estate, or wrong settings.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = find(path)
        self.settings: HubSettings = load_settings(self.path)
        self._entities: dict[str, frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"Estate({self.name!r}, prefix={self.settings.prefix!r})"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def title(self) -> str:
        """What people call it."""
        return self.settings.title or self.name.replace("_", " ").capitalize()

    @property
    def state(self) -> Path:
        """Where this estate keeps its own data; `BANYAN_STATE` moves it."""
        moved = os.environ.get("BANYAN_STATE")
        return Path(moved).resolve() if moved else self.path / ".banyan"

    @property
    def topics(self) -> Topics:
        """The estate's topic names."""
        return Topics(self.settings.prefix)

    @cached_property
    def adapters(self) -> list[tuple[AdapterSpec, Path]]:
        """Every adapter's settings and folder, by name."""
        from adapters.catalogue import load_adapter

        folders = sorted(p.parent for p in (self.path / "adapters").glob("*/adapter.toml"))
        loaded = [(load_adapter(folder), folder) for folder in folders]
        names = [spec.name for spec, _ in loaded]
        if twice := {name for name in names if names.count(name) > 1}:
            raise SettingsError(
                f"two adapters are called {min(twice)!r}",
                where=str(self.path / "adapters"),
                fix="give each adapter its own `name`: it is part of the transactional id",
            )
        return sorted(loaded, key=lambda pair: pair[0].name)

    def adapter(self, name: str) -> tuple[AdapterSpec, Path]:
        """The adapter called `name`.

        Raises:
            SettingsError: there is none.
        """
        for spec, folder in self.adapters:
            if spec.name == name:
                return spec, folder
        known = ", ".join(spec.name for spec, _ in self.adapters) or "none"
        raise SettingsError(
            f"no adapter {name!r} in this estate",
            where=str(self.path / "adapters"),
            fix=f"choose from: {known}",
        )

    def entities(self, name: str) -> frozenset[str]:
        """The entities that the adapter called `name` publishes. It is opened for that once.

        Raises:
            BanyanError: there is none, or it cannot be opened now; the next call tries again.
        """
        if name not in self._entities:
            spec, folder = self.adapter(name)
            self._entities[name] = frozenset(spec.open(folder).entities)
        return self._entities[name]

    @cached_property
    def projections(self) -> list[Projection]:
        """Every projection declared in `projections/*.py`."""
        from streams.loading import load_projections

        folder = self.path / "projections"
        return list(load_projections(folder)) if folder.is_dir() else []

    @cached_property
    def hosted_projections(self) -> list[Projection]:
        """The projections for a worker: each with the partition count of the adapter that feeds it.

        A worker that starts first makes the topic, and with another count the adapter could never publish.
        """
        return [replace(p, partitions=self._partitions(p)) for p in self.projections]

    def _partitions(self, projection: Projection) -> int:
        specs = [spec for spec, _ in self.adapters if spec.system == projection.system]
        counts = {spec.partitions for spec in specs}
        if len(counts) > 1:  # only then does it matter which of them it is; opening one may ask its service
            counts = {s.partitions for s in specs if projection.entity in self.entities(s.name)}
        return counts.pop() if len(counts) == 1 else projection.partitions

    @cached_property
    def documents(self) -> list[Document]:
        """Every document declared in `documents/*.toml`."""
        from streams.document import load_documents

        folder = self.path / "documents"
        return list(load_documents(folder)) if folder.is_dir() else []

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation declared in `operations/*.toml`."""
        from strangler.operation import load_operations

        folder = self.path / "operations"
        return list(load_operations(folder)) if folder.is_dir() else []

    @property
    def read_models(self) -> Stores:
        """The estate's read models; they can be looked at without Kafka."""
        return Stores(self.state / "readmodel", self.settings.prefix, self.settings.read_model_url)

    def links(self, *, needed: bool = True) -> Links:
        """Where Kafka and the registry are: from the settings, else from the running embedded services.

        Args:
            needed: False for what must work without Kafka too (the façade, its kill switch): it then gets
                the place where the embedded services will be.

        Raises:
            Transient: the embedded services are needed and do not run.
        """
        settings = self.settings
        if settings.bootstrap and settings.registry.url:
            return Links(
                settings.prefix,
                settings.kafka_settings(settings.bootstrap),
                settings.registry.url,
                self.state,
                settings.read_model_url,
            )
        services = self.state / "services.json"
        try:
            found = json.loads(services.read_text(encoding="utf-8"))
            bootstrap, registry = str(found["bootstrap"]), str(found["registry"])
        except (OSError, ValueError, KeyError):
            if not needed:
                ports = settings.embedded
                kafka = settings.kafka_settings(f"127.0.0.1:{ports.kafka_port}")
                registry = f"http://127.0.0.1:{ports.registry_port}/apis/ccompat/v7"
                return Links(settings.prefix, kafka, registry, self.state, settings.read_model_url)
            raise Transient(
                "the embedded Kafka and registry are not running",
                where=str(services),
                fix=f"start them with `banyan up {self.name}` or `banyan run {self.name}`",
            ) from None
        kafka = settings.kafka_settings(bootstrap)
        return Links(settings.prefix, kafka, registry, self.state, settings.read_model_url)


def find(path: str | Path) -> Path:
    """Return the estate's folder: a path, or the bare name of an example.

    Raises:
        SettingsError: neither exists.
    """
    given = Path(path).expanduser()
    if given.is_dir():
        return given.resolve()
    if given.name == str(path) and (EXAMPLES / given.name).is_dir():
        return EXAMPLES / given.name
    examples = sorted(p.parent.name for p in EXAMPLES.glob("*/banyan.toml"))
    raise SettingsError(
        "no such estate",
        where=str(path),
        fix=f"name a folder with a banyan.toml, or an example: {', '.join(examples)}",
    )
