"""One SOAP call over aiohttp, for the façade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp

from adapters.soap.envelope import CONTENT_TYPES, SoapFault
from adapters.soap.errors import BrokenAnswer, CallRefused, ServiceUnavailable
from adapters.soap.http_reply import check_status, place
from adapters.soap.safe_xml import MAX_ANSWER_BYTES
from adapters.soap.wsdl import Operation


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: a fault is a reply too.

    Attributes:
        value: the decoded response, or the fault.
        raw: the bytes of the whole message.
        status: of HTTP.
        faithful: decode → encode gives the same message (DESIGN 10.7); True for a fault.
    """

    value: dict[str, Any] | SoapFault
    raw: bytes
    status: int
    faithful: bool

    @property
    def fault(self) -> SoapFault | None:
        """The fault, if it is one."""
        return self.value if isinstance(self.value, SoapFault) else None


async def post(
    session: aiohttp.ClientSession, operation: Operation, endpoint: str, envelope: bytes, seconds: float
) -> tuple[int, bytes]:
    """Send an envelope; return the HTTP status and the bytes of a SOAP answer.

    Raises:
        ServiceUnavailable: no connection, no answer within `seconds`, or "later".
        BrokenAnswer: cut off, too long, or an HTML page.
        CallRefused: wrong address or credentials.
    """
    where = place(endpoint, operation.name)
    try:
        async with session.post(
            endpoint,
            data=envelope,
            headers=headers(operation),
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
        ) as response:
            check_status(response.status, response.headers.get("Content-Type", ""), where)
            body = bytearray()
            async for part in response.content.iter_chunked(1 << 16):
                body += part
                if len(body) > MAX_ANSWER_BYTES:
                    raise BrokenAnswer(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes", where=where)
            return response.status, bytes(body)
    except aiohttp.ClientPayloadError:
        raise BrokenAnswer(
            "the answer was cut off", where=where, fix="the call may be repeated if it is safe"
        ) from None
    except TimeoutError:
        raise ServiceUnavailable(
            f"no answer within {seconds:g} s", where=where, fix="try again later"
        ) from None
    except aiohttp.InvalidURL:
        raise CallRefused("the endpoint is not a URL", where=where, fix="set the endpoint") from None
    except aiohttp.ClientError as error:
        raise ServiceUnavailable(
            f"no connection ({type(error).__name__})",
            where=where,
            fix="start the service or check the endpoint",
        ) from None


def headers(operation: Operation) -> dict[str, str]:
    """Return the HTTP headers of a request: 1.2 carries the action in the content type."""
    content_type = CONTENT_TYPES[operation.version]
    if operation.version == "1.2":
        return {"Content-Type": f'{content_type}; action="{operation.action}"'}
    return {"Content-Type": content_type, "SOAPAction": f'"{operation.action}"'}
