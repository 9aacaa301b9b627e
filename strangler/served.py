"""One operation being served: the side that its stage names answers, the other one is compared."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from adapters.soap.serve.description import Description
from adapters.soap.serve.endpoint import SoapEndpoint
from adapters.soap.serve.faults import fault, plain
from adapters.soap.serve.guard import Guard
from adapters.soap.serve.message import NotThisOperation, check_request, content_type
from schemas.errors import BanyanError
from strangler.exchange import Headers, Response, json_response, problem
from strangler.latency import Latency
from strangler.operation import Operation
from strangler.record import MappingError, Record, jsonable
from strangler.shadow import Call, Shadow
from strangler.side import LegacySide, ModernSide, ParameterRefused, Parameters, Reply
from strangler.stage import Stage
from strangler.upstream import Answer, SideFailed

#: Hop-by-hop (RFC 9110, 7.6.1), or made anew by the client or server library.
_NOT_FORWARDED: Final = frozenset(
    b"connection keep-alive proxy-connection transfer-encoding te trailer upgrade host content-length expect "
    b"accept-encoding proxy-authenticate proxy-authorization".split()
)

T = TypeVar("T")


class Served:
    """Answers the calls of one operation, in its REST and its SOAP form.

    Args:
        operation: what is served.
        stage: asked at each call; the answer may change between two.
        legacy: the SOAP side.
        modern: the REST side.
        shadow: takes calls to compare in stage shadow.
    """

    def __init__(
        self,
        operation: Operation,
        stage: Callable[[], Stage],
        legacy: LegacySide,
        modern: ModernSide,
        shadow: Shadow,
    ) -> None:
        self.operation, self._stage = operation, stage
        self.legacy, self.modern, self.shadow = legacy, modern, shadow
        only = (operation.legacy.operation,)
        demand = operation.legacy.security
        guard = Guard(demand, where="legacy.security") if demand is not None else None
        self._endpoint = SoapEndpoint(legacy.contract, self._from_modern, only=only, guard=guard)
        self._description = Description(legacy.contract.documents)
        self.latency = {"caller": Latency(), "legacy": Latency(), "modern": Latency()}
        name = operation.name.encode()
        self._marks: dict[Stage, Headers] = {
            stage: [
                (b"banyan-operation", name),
                (b"banyan-stage", stage.value.encode()),
                (b"banyan-served-by", stage.served_by.encode()),
            ]
            for stage in Stage
        }

    async def rest(self, parameters: Parameters) -> tuple[Stage, Response]:
        """Answer a REST call; every failure is a problem."""
        stage = self._stage()
        try:
            self.legacy.request_values(parameters)
        except MappingError as error:
            return stage, self._marked(stage, problem("bad-parameter", 400, f"{error.path}: {error.reason}"))
        try:
            reply = await self._fetch(stage, parameters)
            if reply.record is None:
                response = problem("not-found", 404, "there is no such thing")
            else:
                response = json_response(self._document(reply.record))
        except SideFailed as error:
            response = problem(
                "upstream", error.status, f"the {error.side} side gave no answer: {error.reason}"
            )
        except ParameterRefused as error:
            response = problem("bad-parameter", 400, f"{error.path}: {error.reason}")
        except MappingError as error:
            response = problem("upstream", 502, f"the answer cannot be read at {error.path}: {error.reason}")
        else:
            if stage is Stage.SHADOW:
                self.shadow.offer(Call(parameters, b"", reply.raw, reply.read_ms))
        return stage, self._marked(stage, response)

    async def soap(self, headers: Headers, body: bytes) -> tuple[Stage, Response]:
        """Answer a SOAP call: through to legacy byte for byte, or from modern in the old contract."""
        stage = self._stage()
        try:
            if stage.served_by == "modern":
                answer = await self._endpoint.answer(body, headers)
                headers = [(b"content-type", answer.content_type.encode())]
                return stage, self._marked(stage, Response(answer.status, headers, answer.body))
            self._check(headers, body)
        except NotThisOperation as error:
            return stage, self._fault(stage, "Client", error.what)
        try:
            reply = await self._timed("legacy", self.legacy.forward(_forwarded(headers), body))
        except SideFailed as error:
            response = problem("upstream", error.status, f"the legacy side gave no answer: {error.reason}")
            return stage, self._marked(stage, response)
        if stage is Stage.SHADOW:
            self.shadow.offer(Call(None, body, reply.body, time.time_ns() // 1_000_000))
        return stage, self._marked(stage, Response(reply.status, _kept(reply), reply.body))

    def describe(self, document: int, address: str) -> bytes | None:
        """Return the old contract with `address` in it (0 = the WSDL); None if there is no such document."""
        return self._description.document(document, address)

    async def close(self) -> None:
        """Close both sides' connections."""
        await self.legacy.close()
        await self.modern.close()

    async def _fetch(self, stage: Stage, parameters: Parameters) -> Reply:
        side = self.modern if stage.served_by == "modern" else self.legacy
        started = time.perf_counter()
        reply = await side.fetch(parameters)
        self.latency[stage.served_by].add(time.perf_counter() - started)
        return reply

    def _document(self, record: Record) -> dict[str, object]:
        types = self.operation.record.types
        return self.operation.rest_map.write({name: jsonable(types[name], v) for name, v in record.items()})

    async def _from_modern(self, _: str, values: Any) -> Any:
        """Answer a SOAP request from the modern side, in values of the old contract."""
        try:
            parameters = self.legacy.parameters_of(values)
        except BanyanError:
            return plain("Client", "the request cannot be read by its contract")
        try:
            reply = await self._timed("modern", self.modern.fetch(parameters))
            if reply.record is None:
                return self._not_found(parameters)
            return self.operation.soap_map.write(reply.record)
        except SideFailed as error:
            return plain("Server", f"the modern side gave no answer: {error.reason}")
        except BanyanError:
            return plain("Server", "the modern answer does not fit the contract")

    def _check(self, headers: Headers, body: bytes) -> None:
        binding = self.legacy.binding
        element = binding.request.name if binding.request is not None else ""
        check_request(body, element, binding.action, headers)

    def _not_found(self, parameters: Parameters) -> Any:
        spec = self.operation.legacy.not_found
        detail = next((f.name for f in self.legacy.binding.faults if f.local == spec.fault), "")
        values = {child: parameters[name] for child, name in spec.detail.items()}
        return plain("Client", spec.text, detail, values)

    def _fault(self, stage: Stage, code: str, text: str) -> Response:
        version = self.legacy.binding.version
        media = [(b"content-type", content_type(version).encode())]
        return self._marked(stage, Response(500, media, fault(version, code, text)))

    def _marked(self, stage: Stage, response: Response) -> Response:
        return Response(response.status, [*response.headers, *self._marks[stage]], response.body)

    async def _timed(self, side: str, call: Awaitable[T]) -> T:
        started = time.perf_counter()
        answer = await call
        self.latency[side].add(time.perf_counter() - started)
        return answer


def _forwarded(headers: Headers) -> dict[str, str]:
    named = frozenset(
        token.strip().lower() for k, v in headers if k == b"connection" for token in v.split(b",")
    )
    return {
        k.decode("latin-1"): v.decode("latin-1")
        for k, v in headers
        if k not in _NOT_FORWARDED and k not in named
    }


def _kept(answer: Answer) -> Headers:
    return [(k.lower(), v) for k, v in answer.headers if k.lower() not in _NOT_FORWARDED]
