"""Errors of the read API as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from connectors.readmodel.reader import NotReady
from schemas.errors import described

log = logging.getLogger("banyan.api")


class Problem(Exception):
    """An answer that is an error: status, one sentence, and headers."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, headers or {}
        super().__init__(detail)


def handle_problems(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""

    @app.exception_handler(Problem)
    async def _(request: Request, error: Problem) -> Response:
        return problem(error.status, error.detail, request, error.headers)

    @app.exception_handler(NotReady)
    async def _(request: Request, error: NotReady) -> Response:
        return problem(503, f"{error.what} ({error.where})", request, {"Retry-After": "1"})

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), request, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return problem(422, f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}", request)

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> Response:
        # The path may hold a key, which may be personal: only kind and place of the error are logged.
        log.error("request failed: %s", described(error))
        return problem(500, "the request failed inside the service", request)


def problem(status: int, detail: str, request: Request, headers: dict[str, str] | None = None) -> Response:
    """Return a problem document. `instance` is left out: a path may hold a key."""
    del request
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(json.dumps(body), status, headers=headers or {}, media_type="application/problem+json")
