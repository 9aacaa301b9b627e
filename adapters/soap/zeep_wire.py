"""zeep as wire driver: it makes and sends the request; the answer goes, unread, to our own decoder.

zeep never fetches anything by itself: it gets the documents that our importer has read and judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import zeep
import zeep.exceptions

from adapters.soap.contract import Contract
from adapters.soap.errors import BrokenAnswer, CallRefused, ContractError, ServiceUnavailable
from adapters.soap.http_reply import check_status, place
from adapters.soap.sources import LOOPBACK
from schemas.errors import SettingsError

_CHUNK = 1 << 16


class ZeepWire:
    """Calls operations of one contract at one endpoint. `timeout` = seconds from request to last byte."""

    def __init__(self, contract: Contract, endpoint: str, timeout: float) -> None:
        self._contract, self._endpoint, self._timeout = contract, endpoint, timeout
        session = requests.Session()
        # A proxy from the environment must not get calls that are meant for this machine.
        session.trust_env = urlsplit(endpoint).hostname not in LOOPBACK
        # forbid_external stays off: it would also forbid imports that the transport has at hand.
        settings = zeep.Settings(
            strict=True, raw_response=True, forbid_dtd=True, forbid_entities=True, forbid_external=False
        )
        transport = _Transport(contract.documents, session, timeout)
        try:
            client: Any = zeep.Client  # untyped
            self._client: Any = client(contract.location, transport=transport, settings=settings)
        except (zeep.exceptions.Error, LookupError, ValueError) as error:
            raise ContractError(
                f"zeep cannot load this WSDL ({type(error).__name__})",
                where=contract.location,
                fix="mend the WSDL",
            ) from error
        self._services: dict[str, Any] = {}

    def check(self, operation: str, values: Mapping[str, Any]) -> None:
        """Make the request without sending it.

        Raises:
            SettingsError: the values do not fit the operation.
        """
        if self._contract.operation(operation).http is not None:
            raise SettingsError(
                f"the driver zeep does not call {operation}, which has an HTTP binding",
                where=self._contract.location,
                fix='set wire.driver = "banyan"',
            )
        try:
            self._client.create_message(self._service(operation), operation, **values)
        except (zeep.exceptions.Error, TypeError, ValueError) as error:
            raise self._contract.unmade_request(operation, f" ({type(error).__name__})") from None

    @contextmanager
    def call(self, operation: str, values: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """Call an operation and give the bytes of its answer as they arrive.

        Raises (also while the bytes are read):
            ServiceUnavailable: no connection, no answer in time, or "later".
            BrokenAnswer: cut off, or a page for people.
            CallRefused: wrong address or credentials.
        """
        where = place(self._endpoint, operation)
        deadline = time.monotonic() + self._timeout
        with _translated(where, self._timeout):
            response = self._service(operation)[operation](**values)
            with response:
                check_status(response.status_code, response.headers.get("Content-Type", ""), where)
                yield self._parts(response, deadline, where)

    def _parts(self, response: requests.Response, deadline: float, where: str) -> Iterator[bytes]:
        for part in response.iter_content(_CHUNK):
            if time.monotonic() > deadline:
                raise _late(where, self._timeout)
            yield part

    def _service(self, operation: str) -> Any:
        binding = self._contract.operation(operation).binding
        if binding not in self._services:
            self._services[binding] = self._client.create_service(binding, self._endpoint)
        return self._services[binding]


class _Transport(zeep.Transport):
    """Loads only what was imported already; posts without following redirects, answers unread."""

    def __init__(self, documents: Mapping[str, bytes], session: requests.Session, timeout: float) -> None:
        super().__init__(session=session, timeout=timeout, operation_timeout=timeout)  # type: ignore[no-untyped-call]
        self._documents = documents

    def load(self, url: str) -> bytes:
        for name in (url, unquote(url)):
            location = name if "://" in name else str(Path(name).resolve())
            if location in self._documents:
                return self._documents[location]
        raise ContractError(
            "zeep asks for a document that the WSDL does not import", where=str(url), fix="add it"
        )

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> requests.Response:
        return self.session.post(
            address,
            data=message,
            headers=headers,
            timeout=self.operation_timeout,
            stream=True,
            allow_redirects=False,
        )


@contextmanager
def _translated(where: str, timeout: float) -> Iterator[None]:
    try:
        yield
    except requests.Timeout:
        raise _late(where, timeout) from None
    except requests.exceptions.ChunkedEncodingError:
        raise BrokenAnswer(
            "the answer was cut off", where=where, fix="the next poll reads it again"
        ) from None
    except requests.exceptions.ContentDecodingError:
        raise BrokenAnswer(
            "the answer's compression is broken", where=where, fix="ask the service's owner"
        ) from None
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
    ):
        raise CallRefused("the endpoint is not an HTTP address", where=where, fix="set endpoint") from None
    except requests.ConnectionError as error:
        if "Read timed out" in str(error):  # requests wraps a read time-out in the middle of a body like this
            raise _late(where, timeout) from None
        raise ServiceUnavailable(
            "no connection", where=where, fix="start the service or check the endpoint"
        ) from None


def _late(where: str, timeout: float) -> ServiceUnavailable:
    return ServiceUnavailable(f"no whole answer within {timeout:g} s", where=where, fix="try again later")
