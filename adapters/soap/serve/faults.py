"""Faults of our own: plain ones, and those that the contract declares with a typed detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault, fault_element, wrap
from adapters.soap.xsd_types import local_name, namespace
from schemas.errors import SettingsError


def fault(
    version: str, code: str, text: str, detail: str = "", values: Mapping[str, str] | None = None
) -> bytes:
    """Return a fault message; `detail` is the Clark name of its detail element, `values` its children."""
    return wrap(version, fault_element(plain(code, text, detail, values), version))


def plain(code: str, text: str, detail: str = "", values: Mapping[str, str] | None = None) -> SoapFault:
    """Return a fault; `detail` is the Clark name of its detail element, `values` its children as text."""
    return SoapFault(code, text, detail, _detail(detail, values or {}) if detail else None)


def declared(
    contract: Contract, operation: str, name: str, values: Any, text: str, code: str = "Client"
) -> SoapFault:
    """Return a fault with the detail that an operation declares.

    Args:
        contract: of the operation.
        operation: its name.
        name: local name of the fault's detail element.
        values: of that element, as the codec takes them.
        text: the faultstring. It goes to the caller, so it must hold nothing that the caller may not know.
        code: `Client` or `Server`.

    Raises:
        SettingsError: the operation declares no such fault.
        BadValue: a value does not fit.
    """
    for element in contract.operation(operation).faults:
        if element.local == name:
            xml = bytes(etree.tostring(contract.codec.encode(element, values)))
            return SoapFault(code, text, element.name, xml)
    known = ", ".join(e.local for e in contract.operation(operation).faults) or "none"
    raise SettingsError(
        f"{operation} declares no fault {name!r}", where=contract.location, fix=f"choose from: {known}"
    )


def _detail(name: str, values: Mapping[str, str]) -> bytes:
    uri = namespace(name)
    top = etree.Element(name, nsmap={None: uri} if uri else None)
    for child, value in values.items():
        etree.SubElement(top, f"{{{uri}}}{local_name(child)}" if uri else child).text = value
    return bytes(etree.tostring(top))
