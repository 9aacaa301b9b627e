"""A contract's operations behind one address, without HTTP: a message in, a message out."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from lxml import etree

from adapters.soap.addressing import (
    ANONYMOUS,
    VERSIONS,
    Addresses,
    add_headers,
    new_message_id,
    read_headers,
)
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault, fault_element, wrap
from adapters.soap.errors import BadValue
from adapters.soap.safe_xml import parser_options
from adapters.soap.security.errors import FaultCode, SecurityFailure
from adapters.soap.security.names import WSSE, wsse
from adapters.soap.serve.faults import fault
from adapters.soap.serve.guard import Guard
from adapters.soap.serve.message import Message, NotThisOperation, NotUnderstood, UnknownVersion, content_type
from adapters.soap.wsdl import SOAP_BINDINGS, Operation
from schemas.errors import BanyanError, SettingsError, described

#: Takes an operation's name and the request's values; returns the response's values, or a fault.
Handler = Callable[[str, Any], Awaitable[Any]]
Headers = Iterable[tuple[bytes, bytes]]

log = structlog.get_logger("banyan.soap")
#: HTTP status of a fault: SOAP 1.1 knows one; SOAP 1.2 (part 2, 7.5.2.2) tells whose fault it is.
_FAULT: Final = 500
_SENDER: Final = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: HTTP status, media type (empty without a body) and body."""

    status: int
    content_type: str
    body: bytes


class SoapEndpoint:
    """Answers messages of a contract by a handler; every failure is a fault of the caller's SOAP version.

    Args:
        contract: what is served.
        handler: does the work. What it raises becomes a Server fault without its text (it may hold personal
            data); a BadValue becomes a Client fault with path and reason.
        only: names of the operations that are served; all of the contract's if empty.
        understood: namespaces of headers that the handler heeds, or that may be ignored although they must be
            understood.
        guard: what every message must prove before it is looked at; None = nothing. A security header that
            must be understood is refused where there is none.
    """

    def __init__(
        self,
        contract: Contract,
        handler: Handler,
        *,
        only: Collection[str] = (),
        understood: Collection[str] = (),
        guard: Guard | None = None,
    ) -> None:
        for name in only:
            if contract.operation(name).http is not None:  # or it says which there are
                raise SettingsError(
                    f"{name} has an HTTP binding, no SOAP", where=contract.location, fix="serve another one"
                )
        # WS-Addressing is heeded: its action must agree, and the answer relates to its MessageID.
        heeded = (*VERSIONS.values(), *((WSSE,) if guard is not None else ()))
        self._handler, self._understood = handler, frozenset((*understood, *heeded))
        self._guard = guard
        offered = {
            version
            for uri, version in SOAP_BINDINGS.items()
            for content in contract.documents.values()
            if uri.encode() in content
        }
        spoken = {n: o for n, o in contract.operations.items() if o.http is None}
        own = {o.version for o in spoken.values()}
        self._contracts = {version: _spoken(contract, version) for version in sorted(offered | own)}
        self._by_element: dict[str, list[Operation]] = defaultdict(list)
        for name, operation in spoken.items():
            if not only or name in only:
                self._by_element[operation.request.name if operation.request else ""].append(operation)

    def __repr__(self) -> str:
        return f"SoapEndpoint({sum(map(len, self._by_element.values()))} operations)"

    async def answer(self, body: bytes, headers: Headers = ()) -> Answer:
        """Answer one message. `headers`: those of HTTP, names in lower case. Never raises."""
        headers = list(headers)
        version = _media_version(headers) or next(iter(self._contracts))
        try:
            message = Message.read(body)
            if message.version not in self._contracts:
                raise UnknownVersion(f"SOAP {message.version} is not offered here")
            version = message.version
            if (said := _media_version(headers)) and said != version:
                raise UnknownVersion(f"the content type is that of SOAP {said}, the envelope is not")
            message.check_headers(self._understood)
            if self._guard is not None:
                self._guard.check(message.root)
                message = message.again()
            operation = self._operation(message, headers)
            asked = _asked(message)
        except UnknownVersion as error:
            return _fault(version, "VersionMismatch", error.what)
        except NotUnderstood as error:
            return _fault(version, "MustUnderstand", error.what)
        except SecurityFailure as error:
            log.warning("a SOAP request was refused", proof=error.what, code=error.code)
            return _refused(version, error.code)
        except NotThisOperation as error:
            return _fault(version, "Client", error.what)
        answer = await self._work(self._contracts[version], version, operation, message.root)
        return self._finished(answer, asked, operation) if answer.body else answer

    def _finished(self, answer: Answer, asked: Addresses, operation: Operation) -> Answer:
        """Return an answer with its headers: those that relate it to its request, and its proof."""
        if not asked.message_id and self._guard is None:
            return answer
        envelope = etree.fromstring(answer.body, etree.XMLParser(**parser_options()))
        if asked.message_id:
            _relate(envelope, answer.status, asked, operation)
        if self._guard is not None:
            self._guard.protect(envelope)
        body = bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
        return replace(answer, body=body)

    async def _work(self, contract: Contract, version: str, operation: Operation, root: Any) -> Answer:
        name = operation.name
        try:
            values = contract.request_values(name, root)
        except BadValue as error:
            return _fault(
                version, "Client", f"the request is not valid at {error.path or '.'}: {error.reason}"
            )
        except BanyanError as error:
            return _fault(version, "Client", f"the request cannot be read by its contract: {error.what}")
        try:
            result = await self._handler(name, values)
        except BadValue as error:
            return _fault(
                version, "Client", f"the request is not valid at {error.path or '.'}: {error.reason}"
            )
        except BanyanError as error:
            log.warning("a SOAP request was not answered", operation=name, error=error.what)
            return _fault(version, "Server", "the request cannot be answered now")
        except Exception as error:
            log.error("a SOAP request met an internal error", operation=name, error=described(error))
            return _fault(version, "Server", "internal error")
        if operation.one_way and not isinstance(result, SoapFault):
            return Answer(202, "", b"")
        try:
            message = contract.encode_response(name, result)
        except BadValue as error:
            log.error(
                "an answer does not fit the contract", operation=name, path=error.path, reason=error.reason
            )
            return _fault(version, "Server", "the answer does not fit the contract")
        except Exception as error:
            log.error("an answer cannot be written", operation=name, error=described(error))
            return _fault(version, "Server", "internal error")
        status = 200 if not isinstance(result, SoapFault) else _status(version, result.code)
        return Answer(status, content_type(version), message)

    def _operation(self, message: Message, headers: Headers) -> Operation:
        """Return the operation by the body's element; where several share it, by what names an action."""
        element = message.elements[0].tag if message.elements else ""
        if not (found := self._by_element.get(element)):
            raise NotThisOperation("no operation has a request like this")
        refusal: NotThisOperation | None = None
        for operation in found:
            try:
                message.check(element, _actions(operation), headers)
            except NotThisOperation as error:
                refusal = refusal or error
            else:
                return operation
        assert refusal is not None
        raise refusal


def _actions(operation: Operation) -> tuple[str, ...]:
    """What may name an operation: its SOAPAction and its WS-Addressing action."""
    return tuple(filter(None, (operation.action, operation.request_action))) or ("",)


def _asked(message: Message) -> Addresses:
    """Return a request's addressing headers.

    Raises:
        NotThisOperation: the answer is to go elsewhere than back on the connection.
    """
    asked = read_headers(message.root)
    if asked.reply_to and asked.reply_to != ANONYMOUS[asked.version]:
        raise NotThisOperation("answers go back on the connection only: ReplyTo must be anonymous")
    return asked


def _relate(envelope: Any, status: int, asked: Addresses, operation: Operation) -> None:
    """Put in the headers that relate an answer to its request."""
    faults = f"{VERSIONS[asked.version]}/{'soap/fault' if asked.version == '1.0' else 'fault'}"
    action = operation.response_action if status == 200 else faults
    headers = Addresses(
        asked.version,
        action or f"{operation.action}Response",
        message_id=new_message_id(),
        relates_to=(asked.message_id,),
    )
    add_headers(envelope, headers)


def _spoken(contract: Contract, version: str) -> Contract:
    """Return the contract with its operations in one version of SOAP: a WSDL may offer both for all."""
    spoken = copy.copy(contract)
    spoken.operations = {n: replace(o, version=version) for n, o in contract.operations.items()}
    return spoken


def _media_version(headers: Headers) -> str:
    for name, value in headers:
        if name == b"content-type":
            media = value.decode("latin-1").partition(";")[0].strip().lower()
            return {"text/xml": "1.1", "application/soap+xml": "1.2"}.get(media, "")
    return ""


def _fault(version: str, code: str, text: str) -> Answer:
    return Answer(_status(version, code), content_type(version), fault(version, code, text))


def _refused(version: str, code: FaultCode) -> Answer:
    """Return the fault for a message that proves too little: its code only, what was wrong is in our log."""
    text = "the security of the message is not accepted"
    fault = SoapFault("Client", text, subcode=wsse(code))
    return Answer(
        _status(version, "Client"), content_type(version), wrap(version, fault_element(fault, version))
    )


def _status(version: str, code: str) -> int:
    return _SENDER if version == "1.2" and code.partition(".")[0] == "Client" else _FAULT
