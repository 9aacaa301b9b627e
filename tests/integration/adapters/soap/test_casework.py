"""The demo's legacy service, seen by zeep as an independent client and by Banyan's own contract."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import aiohttp
import pytest
import requests
import zeep
from lxml import etree

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BrokenAnswer, CallRefused, ServiceUnavailable
from schemas.errors import Transient


def test_zeep_reads_and_writes_cases(service):
    """zeep opens, changes, lists and deletes cases from the service's own ?wsdl."""
    client = zeep.Client(service.wsdl)
    listed = client.service.ListCases(page=1, pageSize=100)
    assert (len(listed.cases.case), listed.total, listed.more) == (30, 30, False)
    fresh = zeep.helpers.serialize_object(listed.cases.case[0], dict) | {
        "caseId": "C77777",
        "weeklyAward": Decimal("1.10"),
        "openedOn": date(2026, 2, 3),
        "caseworker": zeep.xsd.Nil,
        "note": "<&>",
    }
    assert client.service.OpenCase(case=fresh) == "C77777"
    got = client.service.GetCase("C77777")
    assert (got.weeklyAward, got.openedOn, got.caseworker, got.note) == (
        Decimal("1.10"),
        date(2026, 2, 3),
        None,
        "<&>",
    )
    assert client.service.ChangeCase(case=fresh | {"status": "CLOSED"}).status == "CLOSED"
    assert client.service.DeleteCase("C77777") == "C77777"
    with pytest.raises(zeep.exceptions.Fault) as caught:
        client.service.GetCase("C77777")
    assert caught.value.code == "soap:Client"
    assert caught.value.detail[0].tag == "{urn:example:casework:2009}UnknownCase"


def test_its_answers_are_valid_under_its_schema(service):
    """Every answer is valid under lxml's own schema validator."""
    root = etree.fromstring(requests.get(service.wsdl, timeout=10).content)
    inline = root.find(".//{http://www.w3.org/2001/XMLSchema}schema")
    schema = etree.XMLSchema(etree.fromstring(etree.tostring(inline)))
    contract = Contract.from_wsdl(service.wsdl)
    for operation, values in [("ListCases", {"page": 1, "pageSize": 100}), ("GetCase", {"caseId": "C00001"})]:
        body = contract.encode_request(operation, values)
        answer = requests.post(service.endpoint, data=body, timeout=10)
        assert answer.status_code == 200
        message = etree.fromstring(answer.content)[0][0]
        schema.assertValid(etree.fromstring(etree.tostring(message)))
        assert contract.faithful(operation, answer.content)


def test_a_dtd_is_a_fault(shared_service):
    """The service itself refuses a request with a document type declaration."""
    answer = requests.post(
        shared_service.endpoint, data='<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>', timeout=10
    )
    assert answer.status_code == 500
    assert b"soap:Client" in answer.content


def test_state_survives_a_kill(service):
    """A killed service comes back with every answered change; SIGTERM ends it cleanly."""
    service.demo("change", case_id="C00001", status="CLOSED", note="kept")
    service.demo("delete", case_id="C00002")
    before = service.all()
    service.kill()
    assert json.loads(service.state.read_text()) == before
    service.start()
    assert service.all() == before
    assert service.terminate() == 0


async def test_call(service):
    """The façade's call decodes a case, and says that the codec lost nothing."""
    contract = Contract.from_wsdl(service.wsdl)
    service.demo("change", case_id="C00001", weekly_award="7.5", caseworker=None, note="")
    async with aiohttp.ClientSession() as session:
        reply = await contract.call(session, "GetCase", {"caseId": "C00001"}, 5.0)
        assert reply.faithful
        assert (reply.status, reply.fault) == (200, None)
        case = contract.canonical("GetCase", reply.value)["case"]
        assert (case["weeklyAward"], case["caseworker"], case["note"]) == ("7.50", None, "")
        service.demo("change", case_id="C00001", note=None)
        reply = await contract.call(session, "GetCase", {"caseId": "C00001"}, 5.0)
        assert "note" not in reply.value["case"]


async def test_a_fault_is_a_reply(shared_service):
    """An unknown case is an answer, not an error: a fault with its detail element."""
    contract = Contract.from_wsdl(shared_service.wsdl)
    async with aiohttp.ClientSession() as session:
        reply = await contract.call(session, "GetCase", {"caseId": "nope"}, 5.0)
    assert isinstance(reply.value, SoapFault)
    assert (reply.status, reply.value.code) == (500, "Client")
    assert reply.value.detail_name == "{urn:example:casework:2009}UnknownCase"


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("http500", ServiceUnavailable),
        ("hang", ServiceUnavailable),
        ("cut", BrokenAnswer),
        ("html", BrokenAnswer),
        ("malformed", BrokenAnswer),
    ],
)
async def test_call_failures(shared_service, mode, error):
    """Each way to fail has its error; all of them may be tried again, and the next call works."""
    contract = Contract.from_wsdl(shared_service.wsdl)
    shared_service.demo("fail", mode=mode, operation="GetCase", seconds=20)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(error) as caught:
            await contract.call(session, "GetCase", {"caseId": "C00001"}, 0.7)
        assert isinstance(caught.value, Transient)
        assert (await contract.call(session, "GetCase", {"caseId": "C00001"}, 5.0)).status == 200


async def test_call_dead_and_wrong(service):
    """A dead endpoint is transient; a wrong path and a wrong scheme are refused."""
    contract = Contract.from_wsdl(service.wsdl)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(CallRefused, match="HTTP 404"):
            await contract.call(
                session, "GetCase", {"caseId": "C1"}, 5.0, endpoint=f"{service.endpoint}/nowhere"
            )
        service.kill()
        with pytest.raises(ServiceUnavailable, match="no connection"):
            await contract.call(session, "GetCase", {"caseId": "C1"}, 5.0)
    with pytest.raises(ServiceUnavailable, match="cannot fetch the contract"):
        Contract.from_wsdl(service.wsdl)
