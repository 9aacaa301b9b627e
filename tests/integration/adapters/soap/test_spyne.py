"""spyne as an independent server: its WSDL and its wire, read by our contract, call and adapter."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import aiohttp
import pytest

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.spec import SoapSpec
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.spec import WireSpec

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    spyne = pytest.importorskip(
        "spyne", reason="spyne's vendored six does not import on Python 3.12 and later"
    )
    from spyne import Application, Array, ComplexModel, Fault, ServiceBase, rpc
    from spyne.model.primitive import Boolean, Date, DateTime, Integer32, Unicode
    from spyne.model.primitive import Decimal as SpyneDecimal
    from spyne.protocol.soap import Soap11
    from spyne.server.wsgi import WsgiApplication

NS = "urn:spyne:claims"


class Claim(ComplexModel):
    __namespace__ = NS
    _type_info = [  # noqa: RUF012  (spyne's way)
        ("claimId", Unicode(min_occurs=1, nillable=False)),
        ("kind", Unicode(values=["JSA", "ESA"], min_occurs=1, nillable=False)),
        ("since", Date(min_occurs=1, nillable=False)),
        ("amount", SpyneDecimal(9, 2, min_occurs=1, nillable=False)),
        ("seen", DateTime(min_occurs=1, nillable=False, timezone=UTC)),
        ("officer", Unicode(min_occurs=1, nillable=True)),
        ("remark", Unicode(min_occurs=0, nillable=False)),
        ("flag", Boolean(min_occurs=0, nillable=True)),
    ]


class Page(ComplexModel):
    __namespace__ = NS
    _type_info = [  # noqa: RUF012  (spyne's way)
        ("claims", Array(Claim, min_occurs=1, nillable=False)),
        ("total", Integer32(min_occurs=1, nillable=False)),
        ("more", Boolean(min_occurs=1, nillable=False)),
    ]


STORE: dict[str, Claim] = {}


class Claims(ServiceBase):
    @rpc(Integer32, Integer32, _returns=Page)
    def ListClaims(ctx, page, size):  # noqa: N802, N805
        keys = sorted(STORE)
        part = [STORE[k] for k in keys[(page - 1) * size : page * size]]
        return Page(claims=part, total=len(keys), more=page * size < len(keys))

    @rpc(Unicode, _returns=Claim)
    def GetClaim(ctx, claimId):  # noqa: N802, N803, N805
        if claimId not in STORE:
            raise Fault("Client.Unknown", "no such claim")
        return STORE[claimId]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture
def address() -> Iterator[str]:
    STORE.clear()
    for n in range(7):
        STORE[f"K{n}"] = Claim(
            claimId=f"K{n}",
            kind="JSA" if n % 2 else "ESA",
            since=date(2024, 1, n + 1),
            amount=Decimal(n) + Decimal("0.5"),
            seen=datetime(2026, 1, 1, n, 30, tzinfo=UTC),
            officer=None if n == 3 else f"officer {n}",
            remark="" if n == 4 else None,
        )
    app = WsgiApplication(
        Application([Claims], NS, in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
    )
    server = make_server("127.0.0.1", 0, app, server_class=_Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def spec_for(address: str, driver: str = "banyan") -> SoapSpec:
    return SoapSpec.model_validate(
        {
            "kind": "soap",
            "name": "claims",
            "system": "spyne",
            "wsdl": f"{address}?wsdl",
            "endpoint": address,
            "operation": "ListClaims",
            "item": "ListClaimsResult/claims/Claim",
            "total": "ListClaimsResult/total",
            "entity": "claim",
            "key": ["claimId"],
            "wire": {"driver": driver},
            "paging": {"page": "page", "size": "size", "rows": 3, "more": "ListClaimsResult/more"},
        }
    )


async def test_our_requests_and_its_answers(address):
    """spyne, validating with lxml, takes our requests; we read its answers without loss, faults included."""
    contract = Contract.from_wsdl(f"{address}?wsdl")
    assert not contract.refused
    async with aiohttp.ClientSession() as session:
        for number in (2, 3, 4):
            reply = await contract.call(session, "GetClaim", {"claimId": f"K{number}"}, 5.0, endpoint=address)
            claim = reply.value["GetClaimResult"]
            assert reply.faithful
            assert claim["amount"] == Decimal(number) + Decimal("0.5")
            assert claim["seen"] == datetime(2026, 1, 1, number, 30, tzinfo=UTC)
            assert claim["officer"] == (None if number == 3 else f"officer {number}")
            assert claim.get("remark") == ("" if number == 4 else None)
            assert ("remark" in claim) == (number == 4)
        reply = await contract.call(session, "GetClaim", {"claimId": "X"}, 5.0, endpoint=address)
        assert isinstance(reply.value, SoapFault)
        assert reply.value.code == "Client.Unknown"


async def test_our_client(address, tmp_path):
    """Our client calls spyne many times at once, in SOAP as it asks for it; its faults are answers."""
    contract = Contract.from_wsdl(f"{address}?wsdl")
    spec = WireSpec.model_validate({"operations": {"GetClaim": {"safe": True}}})
    async with WireClient(contract, address, spec, concurrency=4, per_second=1e6, folder=tmp_path) as client:
        calls = [client.call("GetClaim", {"claimId": f"K{n % 7}"}) for n in range(50)]
        answers = await asyncio.gather(*calls)
        found = [a.value["GetClaimResult"]["claimId"] for a in answers]
        assert found == [f"K{n % 7}" for n in range(50)]
        fault = (await client.call("GetClaim", {"claimId": "X"})).value
        assert isinstance(fault, SoapFault)


@pytest.mark.parametrize("driver", ["banyan", "zeep"])
def test_polled_by_the_adapter(address, tmp_path, driver):
    """Our adapter polls spyne over several pages, through its own ?wsdl, and sees every change."""
    adapter = spec_for(address, driver).open(tmp_path)

    def poll():
        (extract,) = adapter.poll()
        rows = [r for c in extract.chunks() for p in c.rows for r in p.batch.to_pylist()]
        assert not extract.problems()
        adapter.done(extract)
        return {r["claimId"]: r for r in rows}

    rows = poll()
    assert sorted(rows) == sorted(STORE)
    for key, claim in STORE.items():
        assert (rows[key]["kind"], rows[key]["since"], rows[key]["amount"]) == (
            claim.kind,
            claim.since,
            claim.amount,
        )
        assert rows[key]["seen"] == claim.seen
        assert (rows[key]["officer"], rows[key]["remark"]) == (claim.officer, claim.remark)
    STORE["K1"].amount = Decimal("99.99")
    del STORE["K5"]
    rows = poll()
    assert rows["K1"]["amount"] == Decimal("99.99")
    assert "K5" not in rows
