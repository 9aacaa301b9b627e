"""The console as an ASGI application: one page, refreshed in place by htmx."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from prometheus_client import CONTENT_TYPE_LATEST

from hub.console.collect import Collector
from hub.console.metrics import metrics
from hub.estate import Estate

HERE = Path(__file__).parent
#: Nothing but our own files may run or be shown, and nobody may frame the page. `img-src data:` is for the
#: icon in the page's head.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def create_app(estate: Estate) -> FastAPI:
    """Return the console of `estate`."""
    app = FastAPI(title="Banyan console", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    pages = _environment()
    collector, lock = Collector(estate), asyncio.Lock()

    async def look() -> Any:
        async with lock:
            return await collector.look()

    @app.middleware("http")
    async def secured(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        if not request.url.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return pages.get_template("page.html").render(o=await look())

    @app.get("/overview", response_class=HTMLResponse)
    async def overview() -> str:
        return pages.get_template("overview.html").render(o=await look())

    @app.get("/overview.json")
    async def overview_json() -> JSONResponse:
        found = await look()
        return JSONResponse(asdict(found) | {"alerts": [asdict(a) for a in found.alerts]})

    @app.get("/metrics")
    async def figures() -> Response:
        return Response(metrics(await look()), media_type=CONTENT_TYPE_LATEST)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _environment() -> Environment:
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    pages.filters |= {
        "number": _number, "seconds": _seconds, "ms": _milliseconds, "clock": _clock, "breakable": _breakable,
    }  # fmt: skip
    return pages


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"  # noqa: RUF001 - a dash for "no figure"


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - a dash for "no figure"
    if value >= 172_800:
        return f"{value / 86_400:,.0f} d"
    if value >= 7_200:
        return f"{value / 3_600:,.0f} h"
    return f"{value:,.2f} s" if value < 100 else f"{value:,.0f} s"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f} ms"  # noqa: RUF001 - a dash for "no figure"


def _clock(at_ms: int | None, now_ms: int | None = None) -> str:
    """Return a time of day in UTC, and the day too where it is not that of `now_ms`."""
    if at_ms is None:
        return "–"  # noqa: RUF001 - a dash for "no figure"
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    today = datetime.fromtimestamp((at_ms if now_ms is None else now_ms) / 1000, UTC)
    return f"{at:%H:%M:%S}" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M}"


def _breakable(name: str) -> Markup:
    """Return the name of a file, topic or path, which may be broken behind its dots and the like."""
    return Markup(re.sub(r"(?<=[./_-])(?=.)", "<wbr>", str(escape(name))))  # noqa: S704 - escaped
