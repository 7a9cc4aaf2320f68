"""A page that records its requests and its errors."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Response

__all__ = ["PageMonitor"]

CLOSED_SOCKET = "WebSocket is already in CLOSING or CLOSED state."
"""Chromium reports it if the page sends a message while its connection ends. The page itself reports the loss."""


class PageMonitor:
    """`problems`: script and console errors, failed responses, and requests to other hosts."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        self.requested_urls: list[str] = []
        context.on("request", lambda request: self._ask(request.url))
        context.on("response", self._answer)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.problems.append(f"error: {error.error}"))
        self.page = context.new_page()
        self.page.on("websocket", lambda socket: self._ask(socket.url))

    def _ask(self, url: str) -> None:
        self.requested_urls.append(url)
        parts = urlsplit(url.removeprefix("blob:"))
        if parts.scheme != "data" and parts.hostname != "127.0.0.1":
            self.problems.append(f"asked for {url}")

    def _answer(self, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and message.text != CLOSED_SOCKET:
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")
