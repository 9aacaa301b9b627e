"""A fault of a service, as the error whose recovery fits it."""

from __future__ import annotations

from adapters.soap.envelope import SoapFault
from adapters.soap.errors import CallRefused, ServiceUnavailable
from schemas.errors import BanyanError


def fault_error(fault: SoapFault, where: str) -> BanyanError:
    """Return a fault as the error whose recovery fits its code; its text is withheld."""
    if fault.by_caller:
        return CallRefused(fault.describe(), where=where, fix="check the request settings against the WSDL")
    return ServiceUnavailable(
        fault.describe(), where=where, fix="try again later; the service's log has the text"
    )
