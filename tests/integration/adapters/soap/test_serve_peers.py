"""Our SOAP server with clients that are not ours: zeep and node-soap, in SOAP 1.1 and 1.2."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zeep
import zeep.exceptions

from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.faults import declared
from adapters.soap.serve.listener import Listener
from tests.register import Register, contract

pytestmark = pytest.mark.integration

NODE_SOAP = "1.13.0"
_SCRIPT = """
const soap = require('soap');
(async () => {
  const [url, version] = process.argv.slice(2);
  const client = await soap.createClientAsync(url, {
    forceSoap12Headers: version === "1.2", disableCache: true});
  const port = client.Register[version === '1.2' ? 'P12' : 'P11'];
  const call = (name, args) => new Promise(done => port[name](args, (error, result, raw) => done(error
    ? {fault: error.root && error.root.Envelope.Body.Fault, status: error.response && error.response.status}
    : {result})));
  console.log(JSON.stringify({
    described: Object.keys(client.describe().Register.P11).length,
    persons: await call('GetPersons', {ids: {id: [1, 2]}}),
    none: await call('GetPersons', {ids: {id: [404]}}),
    wrong: await call('GetPersons', {ids: {id: ['one']}}),
    feed: await call('GetFeed', {token: '2'}),
  }));
})();
"""


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The register served; its address."""
    register = Register(range(1, 6))

    async def answer(operation: str, values: Any) -> Any:
        if operation == "GetPersons" and 404 in values["ids"]["id"]:
            return declared(contract(), operation, "UnknownPerson", {"id": 404}, "no such person")
        return register.answer(operation, values)

    listener = Listener(SoapServer(contract(), answer, path="/register"), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.port}/register"
    listener.close()


@pytest.mark.parametrize("port", ["P11", "P12"])
def test_zeep(served: str, port: str) -> None:
    """zeep imports ?wsdl with its include, calls, and gets typed faults, in both versions of SOAP."""
    client = zeep.Client(f"{served}?wsdl", port_name=port)
    found = client.service.GetPersons(ids={"id": [1, 2]})
    assert [p.id for p in found] == [2, 1]
    page = client.service.ListPersons(page=1, size=3)
    assert (page.total, page.more, len(page.persons.person)) == (5, True, 3)
    with pytest.raises(zeep.exceptions.Fault, match="no such person") as caught:
        client.service.GetPersons(ids={"id": [404]})
    assert "404" in "".join(caught.value.detail.itertext())
    assert caught.value.code.endswith("Client" if port == "P11" else "Sender")


@pytest.fixture(scope="module")
def node_soap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with node-soap, fetched by npm; skips where Node or the registry is missing."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node is not installed")
    folder = tmp_path_factory.mktemp("node")
    fetched = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", f"soap@{NODE_SOAP}"],
        cwd=folder, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch node-soap: {fetched.stderr.strip().splitlines()[-1:]}")
    (folder / "client.js").write_text(_SCRIPT)
    return folder


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_node_soap(served: str, node_soap: Path, version: str) -> None:
    """node-soap imports ?wsdl with its include, calls, and gets typed faults, in both versions of SOAP."""
    done = subprocess.run(
        ["node", "client.js", f"{served}?wsdl", version],
        cwd=node_soap, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["described"] == len(contract().operations)
    assert [p["id"] for p in said["persons"]["result"]["person"]] == [2, 1]
    assert [p["id"] for p in said["feed"]["result"]["person"]] == [3, 4, 5]
    assert said["none"]["status"] == (500 if version == "1.1" else 400)
    assert "404" in json.dumps(said["none"]["fault"])
    assert "UnknownPerson" in json.dumps(said["none"]["fault"])
    assert "not valid at ids/id" in json.dumps(said["wrong"]["fault"])
