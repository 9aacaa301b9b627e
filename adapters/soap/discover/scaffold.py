"""A new SOAP adapter's folder: settings, the contract with all its imports, and a test that passes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.batch.inspect.file_names import part
from adapters.batch.inspect.propose import literal
from adapters.new_folder import write_new
from adapters.soap.contract import Contract
from adapters.soap.discover.operations import Guess, guesses
from adapters.soap.discover.proposal import Proposal, propose
from adapters.soap.serve.description import Description
from adapters.soap.spec import SoapSpec
from schemas.errors import SettingsError

_TEST = '''"""The adapter `{name}`: run by `pytest {folder}`; `banyan adapter test {name}` needs no pytest."""

from pathlib import Path

from adapters.soap.testing import SoapAdapterTest


class Test{title}(SoapAdapterTest):
    """Settings, made-up and recorded answers, a broken service. Add what you know of this source below."""

    folder = Path(__file__).parent
'''


@dataclass(frozen=True, slots=True)
class SoapScaffold:
    """The files of a new adapter by name, what was guessed of its contract, and what to look at."""

    files: dict[str, bytes]
    found: tuple[Guess, ...]
    advice: tuple[str, ...]

    def write(self, folder: Path) -> list[Path]:
        """Write the files; the folder must not be there, or be empty.

        Raises:
            SettingsError: there is something already; nothing is overwritten.
        """
        return write_new(folder, self.files)


def scaffold(
    name: str, *, system: str, wsdl: str, operation: str = "", hosts: tuple[str, ...] = ()
) -> SoapScaffold:
    """Return the files of a new adapter from a WSDL.

    Args:
        name: the adapter's.
        system: the legacy system's.
        wsdl: a file or an HTTP address.
        operation: of which the adapter is made; the one that suits best without it.
        hosts: that the WSDL may import from, beside its own.

    Raises:
        SettingsError: the name is no name, or no operation suits.
        ContractError: the WSDL cannot be read.
    """
    if name != part(name):
        raise SettingsError(
            f"{name!r} cannot be an adapter's name", where="NAME", fix=f"write {part(name)!r}, say"
        )
    contract = Contract.from_wsdl(wsdl, hosts=hosts)
    found = guesses(contract)
    made = propose(contract, found, operation)
    documents = _documents(contract)
    settings = {"kind": "soap", "name": name, "system": system, "wsdl": next(iter(documents))} | made.settings
    text = _toml(settings, made, wsdl, contract.endpoint)
    spec = SoapSpec.model_validate(tomllib.loads(text))
    title = "".join(word.title() for word in name.split("_"))
    test = _TEST.format(name=name, title=title, folder=f"adapters/{name}")
    files = {"adapter.toml": text.encode(), **documents, f"test_{name}.py": test.encode()}
    refused = [f"{o} cannot be used: {why}" for o, why in list(contract.refused.items())[:3]]
    return SoapScaffold(files, tuple(found), (*made.advice, *(what for what, _ in spec.advice()), *refused))


def _documents(contract: Contract) -> dict[str, bytes]:
    """Return the contract's documents under plain names, each pointing at the others by these names."""
    description = Description(contract.documents)
    names = ["service.wsdl"]
    for number, content in enumerate(list(contract.documents.values())[1:], 1):
        kind = "wsdl" if b"http://schemas.xmlsoap.org/wsdl/" in content[:4096] else "xsd"
        names.append(f"service_{number}.{kind}")
    return {names[n]: description.relocated(n, lambda m: names[m]) for n in range(len(description))}


def _toml(settings: Mapping[str, Any], made: Proposal, wsdl: str, endpoint: str) -> str:
    plain = Path(wsdl).name if "://" not in wsdl else wsdl.partition("?")[0]
    lines = [f"# Proposed by `banyan adapter new --wsdl` from {plain}: read it before you trust it."]
    tables: list[str] = []
    for name, value in settings.items():
        comment = [f"# {made.comments[name]}"] if name in made.comments else []
        if isinstance(value, Mapping) and name not in ("request", "decimals"):
            tables += ["", *comment, *_table(name, value)]
        else:
            lines += [*comment, f"{name} = {literal(value)}"]
        if name == "wsdl":
            lines.append(f"# endpoint = {literal(endpoint)}  # the WSDL's own; set it to call another")
    return "\n".join([*lines, *tables]) + "\n"


def _table(path: str, values: Mapping[str, Any]) -> list[str]:
    lines = [f"[{path}]"]
    lines += [f"{k} = {literal(v)}" for k, v in values.items() if not isinstance(v, Mapping) or _inline(k)]
    for name, value in values.items():
        if isinstance(value, Mapping) and not _inline(name):
            lines += ["", *_table(f"{path}.{name}", value)]
    return lines


def _inline(name: str) -> bool:
    return name in ("request", "reply", "parameters")
