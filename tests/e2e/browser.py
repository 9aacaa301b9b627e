"""A page as a browser shows it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class Page:
    """One open page, and what its console has said against it.

    Attributes:
        complaints: errors of scripts, of the content security policy, and of what could not be loaded.
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", lambda request: self.complaints.append(f"{request.url}: {request.failure}"))

    def load(self, url: str, width: int) -> None:
        """Load a page in a window of so many pixels."""
        self._page.set_viewport_size({"width": width, "height": 900})
        self._page.goto(url)

    def wait_for_refresh(self, path: str) -> None:
        """Wait until the page's own script has asked for `path` and shown the answer."""
        with self._page.expect_response(lambda answer: answer.url.endswith(path)):
            pass
        self._page.wait_for_function("document.querySelector('.htmx-request') === null")

    @property
    def title(self) -> str:
        """The window's title."""
        return str(self._page.title())

    @property
    def text(self) -> str:
        """The text that a reader sees."""
        return str(self._page.inner_text("body"))

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(
            self._page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )


@contextmanager
def browser_page() -> Iterator[Page]:
    """Open a page in Chromium; skip the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on PATH")
    from playwright.sync_api import sync_playwright

    # Chromium refuses its sandbox to root; the page comes from this very test.
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield Page(browser.new_page())
        finally:
            browser.close()
