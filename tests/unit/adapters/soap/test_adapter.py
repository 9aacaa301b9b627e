"""The adapter round a contract."""

from __future__ import annotations

import structlog.testing

from adapters.soap.adapter import contract_of
from adapters.soap.spec import SoapSpec


def test_what_a_contract_lacks_is_logged(tmp_path, wsdl_text):
    """An adapter over a contract that was not read whole says so when it starts, with what was assumed."""
    content = '<xs:sequence><xs:element name="i" type="t:Nowhere" maxOccurs="unbounded"/></xs:sequence>'
    (tmp_path / "service.wsdl").write_text(wsdl_text(content))
    spec = SoapSpec.model_validate(
        {"name": "s", "system": "s", "kind": "soap", "wsdl": "service.wsdl", "operation": "Ask", "item": "i"}
        | {"entity": "e", "key": ["k"]}
    )
    with structlog.testing.capture_logs() as logs:
        contract_of(spec, tmp_path)
    (line,) = logs
    assert "Nowhere" in line["what"]
    assert line["fix"] == "banyan wsdl check service.wsdl"
