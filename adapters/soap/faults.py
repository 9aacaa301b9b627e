"""Faults by contract: a detail whose element the operation declares has a value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lxml import etree

from adapters.soap.codec import XmlCodec
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BadValue
from adapters.soap.safe_xml import parser_options
from adapters.soap.wsdl import Operation
from adapters.soap.xsd_types import Element


def typed(codec: XmlCodec, operation: Operation, fault: SoapFault) -> SoapFault:
    """Return a fault with its detail decoded; one that the contract does not know, or misfits, as it is."""
    declared = {element.name: element for element in operation.faults}.get(fault.detail_name)
    if declared is None or fault.detail is None:
        return fault
    try:
        node = etree.fromstring(fault.detail, etree.XMLParser(**parser_options()))
        return replace(fault, detail_value=codec.decode(declared, node))
    except (BadValue, etree.XMLSyntaxError):
        return fault


def with_detail(codec: XmlCodec, element: Element, fault: SoapFault, value: Any) -> SoapFault:
    """Return a fault of our own that carries `value` as its declared detail. Raises BadValue."""
    node = codec.encode(element, value, nsmap=codec.nsmap(element))
    xml = bytes(etree.tostring(node))
    return replace(fault, detail_name=element.name, detail=xml, detail_value=value)
