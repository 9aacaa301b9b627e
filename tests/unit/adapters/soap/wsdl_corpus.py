"""What becomes of every public WSDL in the corpora, and why what is refused is refused rightly.

python -m tests.unit.adapters.soap.wsdl_corpus      writes docs/soap-support.md (BANYAN_CORPORA must be set)
"""

# ruff: noqa: E501  (a table is clearer unbroken)

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from adapters.soap.contract import Contract
from adapters.soap.contract_diff import OPERATION_RULES
from adapters.soap.errors import ContractError
from adapters.soap.report import RULES
from adapters.soap.schema_diff import RULES as SCHEMA_RULES

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "soap-support.md"
CORPORA = os.environ.get("BANYAN_CORPORA", "")

#: File → why its refusals and errors are right. Every file that has one must be here, and no other.
RIGHTLY = {
    "hmrc-import-control/*_2.0.0_2.0.0.wsdl": "the abstract part: two files beside it import it and have the bindings",
    "hmrc-import-control/*/CCN2.Service.Platform.AcknowledgementService.wsdl": "the abstract part, as above",
    "hmrc-import-control/*/CCN2.Service.Platform.SecurityPolicies.wsdl": "policies only; the services refer to them",
    "node-soap/RetrieveFareQuoteDateRange*/childs/*": "a schema with the wrong suffix; the WSDL beside it imports it",
    "node-soap/RetrieveFareQuoteDateRange*/soap.wsdl": "schemas with types that it names are not in the corpus",
    "node-soap/attachments__*/soap.wsdl": "its elements are not in the namespace of WSDL: nothing says what it is",
    "node-soap/getAvailability__*/*": "a binding has an operation that its port type does not have",
    "node-soap/GetSubscription__*/soap.wsdl": "the schema lacks an element that a message names",
    "node-soap/SetResource__*/soap.wsdl": "the schema lacks an element that a message names",
    "node-soap/readMetadata__*/soap.wsdl": "the schema lacks the elements of the headers",
    "node-soap/Dummy__ref_element_*/soap.wsdl": "it writes xs:simpletype, which is not of XML Schema",
    "node-soap/addList__*/soap.wsdl": "schemas that it imports are not in the corpus",
    "node-soap/get__complex_extension*/soap.wsdl": "schemas that it imports are not in the corpus",
    "node-soap/login__*/soap.wsdl": "schemas that it imports are not in the corpus",
    "node-soap/update__*/soap.wsdl": "schemas that it imports are not in the corpus",
    "wasabi/encoded_endpoint.wsdl": "cut down: an element is missing",
    "wasabi/escaped_endpoint.wsdl": "cut down: an element is missing",
    "wasabi/geotrust.wsdl": "cut down: a message is missing",
    "wasabi/import_port_types.wsdl": "its port types stand on another host, which is not asked",
    "wasabi/inherited.wsdl": "types and messages only, no binding",
    "wasabi/lower_camel.wsdl": "cut down: a binding and an element are missing",
    "wasabi/multiple_namespaces.wsdl": "cut down: a binding and an element are missing",
    "wasabi/multiple_parts_in_message.wsdl": "cut down: elements are missing",
    "wasabi/multiple_types.wsdl": "cut down: a binding and an element are missing",
    "wasabi/no_message_parts.wsdl": "cut down: a binding and elements are missing",
    "wasabi/soap12.wsdl": "types only, no binding",
    "wasabi/two_bindings.wsdl": "cut down: bindings without port types",
    "wasabi/types_with_same_name_in_separate_namespaces.wsdl": "cut down: a binding and an element are missing",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one WSDL; `refused` = the reason why nothing of it can be imported."""

    name: str
    operations: int = 0
    refused: str = ""
    refusals: tuple[str, ...] = ()
    rules: tuple[tuple[str, int], ...] = ()
    errors: int = 0

    @property
    def why(self) -> str:
        """The reason why its refusals and errors are right, empty if none is known."""
        return next((why for pattern, why in RIGHTLY.items() if fnmatch(self.name, pattern)), "")

    @property
    def clean(self) -> bool:
        """Whether there is nothing to explain."""
        return not (self.refused or self.refusals or self.errors)


def outcomes() -> list[Outcome]:
    """Import every WSDL of the corpora, its whole collection being the folder that it may read."""
    root = Path(CORPORA) / "wsdl"
    return [outcome(root, path) for path in sorted(root.rglob("*.wsdl"))]


def outcome(root: Path, path: Path) -> Outcome:
    """Import one WSDL."""
    name = path.relative_to(root).as_posix()
    try:
        contract = Contract.from_wsdl(path, folder=root / name.partition("/")[0])
    except ContractError as error:
        return Outcome(name, refused=error.what)
    rules = Counter(f.rule for f in contract.report if f.severity != "info")
    return Outcome(
        name,
        len(contract.operations),
        "",
        tuple(contract.refused.values()),
        tuple(sorted(rules.items())),
        len(contract.report.of("error")),
    )


def page(found: list[Outcome]) -> str:
    """Return docs/soap-support.md."""
    whole = sum(o.clean for o in found)
    partly = sum(bool(o.operations) and not o.clean for o in found)
    lines = [
        "# What SOAP contracts are understood",
        "",
        "<!-- Made by `python -m tests.unit.adapters.soap.wsdl_corpus`; change the code, not this page. -->",
        "",
        f"{len(found)} WSDLs that others published (customs, node-soap's and wasabi's test cases) are imported: {whole} without",
        f"an error, {partly} with errors in what the file itself lacks, {len(found) - whole - partly} refused. A test fails where one changes.",
        "",
        "| WSDL | operations | repaired or missing | refused, and why that is right |",
        "|---|---|---|---|",
    ]
    for o in found:
        rules = ", ".join(f"{rule}{f' ({count})' if count > 1 else ''}" for rule, count in o.rules)
        reasons = "; ".join(dict.fromkeys([o.refused, *o.refusals])).strip("; ")
        told = ": ".join(filter(None, (reasons, o.why)))
        lines.append(f"| {_short(o.name)} | {o.operations} | {rules} | {_cell(told)} |")
    lines += [
        "",
        "## Findings",
        "",
        "What `banyan wsdl check` may say.",
        "",
        "| rule | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{rule}` | {words} |" for rule, words in RULES.items()]
    lines += [
        "", "## Changes", "",
        "What `banyan wsdl diff` may say. Of an operation:", "", "| rule | breaks | meaning |", "|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| `{rule}` | {'yes' if breaks else 'no'} | {words} |"
        for rule, (breaks, words) in OPERATION_RULES.items()
    ]
    lines += [
        "",
        "Of a body, by direction: a change that *widens* breaks a response and not a request, one that *narrows* breaks a",
        "request and not a response, one that does neither (*differs*) breaks both.",
        "",
        "| rule | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{rule}` | {words} |" for rule, words in SCHEMA_RULES.items()]
    return "\n".join(lines) + "\n"


def _short(name: str) -> str:
    """Return a path with its middle left out: the collection and the end say which file it is."""
    parts = name.split("/")
    return name if len(parts) <= 3 else f"{parts[0]}/…/{parts[-1]}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    if not CORPORA:
        raise SystemExit("set BANYAN_CORPORA to the folder of the corpora")
    PAGE.write_text(page(outcomes()), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")
