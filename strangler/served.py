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
from schemas.errors import BanyanError, Skippable
from strangler.canary import SIDES, Serving, SideName, side_of
from strangler.exchange import Headers, Response, json_response, problem
from strangler.latency import Latency
from strangler.operation import Operation
from strangler.record import MappingError, Record, jsonable
from strangler.shadow import Call, Shadow
from strangler.side import LegacySide, ModernSide, ParameterRefused, Parameters, Reply
from strangler.stage import Stage
from strangler.tally import Tally
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
        serving: stage and share, asked at each call; the answer may change between two.
        legacy: the SOAP side.
        modern: the REST side.
        shadow: takes calls to compare in the stages shadow and canary.
    """

    def __init__(
        self,
        operation: Operation,
        serving: Callable[[], Serving],
        legacy: LegacySide,
        modern: ModernSide,
        shadow: Shadow,
    ) -> None:
        self.operation, self._serving = operation, serving
        self.legacy, self.modern, self.shadow = legacy, modern, shadow
        only = (operation.legacy.operation,)
        demand = operation.legacy.security
        guard = Guard(demand, where="legacy.security") if demand is not None else None
        self._endpoint = SoapEndpoint(legacy.contract, self._from_modern, only=only, guard=guard)
        self._description = Description(legacy.contract.documents)
        self.latency = {"caller": Latency(), "legacy": Latency(), "modern": Latency()}
        #: What became of the calls that each side had to answer; shadow calls are not among them.
        self.tallies: dict[SideName, Tally] = {side: Tally() for side in SIDES}
        slow_ms = operation.step_down.slow_ms
        self._slow_seconds = slow_ms / 1000 if slow_ms else float("inf")
        name = operation.name.encode()
        self._marks: dict[tuple[Stage, SideName], Headers] = {
            (stage, side): [
                (b"banyan-operation", name),
                (b"banyan-stage", stage.value.encode()),
                (b"banyan-served-by", side.encode()),
            ]
            for stage in Stage
            for side in SIDES
        }

    async def rest(self, parameters: Parameters) -> tuple[Stage, Response]:
        """Answer a REST call; every failure is a problem."""
        serving = self._serving()
        try:
            self.legacy.request_values(parameters)
            side = self._rest_side(serving, parameters)
        except MappingError as error:
            bad = problem("bad-parameter", 400, f"{error.path}: {error.reason}")
            return serving.stage, self._marked(serving, "legacy", bad)
        try:
            reply = await self._ask(serving, side, parameters)
        except SideFailed as error:
            text = f"the {error.side} side gave no answer: {error.reason}"
            response = problem("upstream", error.status, text)
        except ParameterRefused as error:
            response = problem("bad-parameter", 400, f"{error.path}: {error.reason}")
        except MappingError as error:
            response = problem("upstream", 502, f"the answer cannot be read at {error.path}: {error.reason}")
        else:
            if reply.record is None:
                response = problem("not-found", 404, "there is no such thing")
            else:
                response = json_response(self._document(reply.record))
        return serving.stage, self._marked(serving, side, response)

    async def soap(self, headers: Headers, body: bytes) -> tuple[Stage, Response]:
        """Answer a SOAP call: through to legacy byte for byte, or from modern in the old contract."""
        serving = self._serving()
        stage, side = serving.stage, self._soap_side(serving, body)
        try:
            if side == "modern":
                answer = await self._endpoint.answer(body, headers)
                headers = [(b"content-type", answer.content_type.encode())]
                response = Response(answer.status, headers, answer.body)
                return stage, self._marked(serving, side, response)
            self._check(headers, body)
        except NotThisOperation as error:
            return stage, self._marked(serving, side, self._fault("Client", error.what))
        try:
            reply = await self._timed("legacy", self.legacy.forward(_forwarded(headers), body))
        except SideFailed as error:
            response = problem("upstream", error.status, f"the legacy side gave no answer: {error.reason}")
            return stage, self._marked(serving, side, response)
        self._offer(serving, Call(None, body, reply.body, time.time_ns() // 1_000_000))
        return stage, self._marked(serving, side, Response(reply.status, _kept(reply), reply.body))

    def describe(self, document: int, address: str) -> bytes | None:
        """Return the old contract with `address` in it (0 = the WSDL); None if there is no such document."""
        return self._description.document(document, address)

    async def close(self) -> None:
        """Close both sides' connections."""
        await self.legacy.close()
        await self.modern.close()

    def _rest_side(self, serving: Serving, parameters: Parameters) -> SideName:
        """Return the side of a REST call: that of the SOAP request which means the same.

        Raises:
            MappingError: a parameter is not of its type.
        """
        if serving.stage is not Stage.CANARY:
            return side_of(serving.stage)
        key = parameters[self.operation.key]
        if self.operation.key in self.operation.legacy.request.values():
            contract, name = self.legacy.contract, self.operation.legacy.operation
            try:
                request = contract.encode_request(name, self.legacy.request_values(parameters))
            except Skippable as error:
                raise ParameterRefused("request", error.what) from None
            key = self.legacy.parameters(request)[self.operation.key]
        return self.operation.choose(key, serving).side

    def _soap_side(self, serving: Serving, body: bytes) -> SideName:
        """Return the side of a SOAP call; legacy where a canary cannot tell whom the call is about."""
        if serving.stage is not Stage.CANARY:
            return side_of(serving.stage)
        try:
            return self.operation.choose(self.legacy.parameters(body)[self.operation.key], serving).side
        except (BanyanError, KeyError):
            return "legacy"

    async def _ask(self, serving: Serving, side: SideName, parameters: Parameters) -> Reply:
        """Ask a side, then hand the call to the shadow: of modern also where it said nothing usable.

        Raises:
            SideFailed, MappingError: see `Side.fetch`.
        """
        if side == "legacy":
            reply = await self._timed(side, self.legacy.fetch(parameters))
            self._offer(serving, Call(parameters, b"", reply.raw, reply.read_ms))
            return reply
        try:
            return await self._timed(side, self.modern.fetch(parameters))
        finally:
            self._offer(serving, Call(parameters, b"", None, 0))

    def _offer(self, serving: Serving, call: Call) -> None:
        """Let the shadow compare a call, in the stages that compare."""
        if serving.stage in (Stage.SHADOW, Stage.CANARY):
            self.shadow.offer(call)

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
            reply = await self._ask(self._serving(), "modern", parameters)
        except SideFailed as error:
            return plain("Server", f"the modern side gave no answer: {error.reason}")
        except BanyanError:
            return plain("Server", "the modern answer does not fit the contract")
        if reply.record is None:
            return self._not_found(parameters)
        try:
            return self.operation.soap_map.write(reply.record)
        except BanyanError:
            self.tallies["modern"].failed += 1  # it was counted as answered
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

    def _fault(self, code: str, text: str) -> Response:
        version = self.legacy.binding.version
        media = [(b"content-type", content_type(version).encode())]
        return Response(500, media, fault(version, code, text))

    def _marked(self, serving: Serving, side: SideName, response: Response) -> Response:
        marks = self._marks[serving.stage, side]
        return Response(response.status, [*response.headers, *marks], response.body)

    async def _timed(self, side: SideName, call: Awaitable[T]) -> T:
        """Await a side's answer; note how long it took and what became of it."""
        started = time.perf_counter()
        try:
            answer = await call
        except ParameterRefused:  # the caller's mistake; the side was not asked
            raise
        except BanyanError:
            self.tallies[side].add(failed=True)
            raise
        seconds = time.perf_counter() - started
        self.latency[side].add(seconds)
        self.tallies[side].add(slow=seconds > self._slow_seconds)
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
