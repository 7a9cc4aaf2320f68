"""The widget of the panel: it draws a document, and returns the events of its user. It does not contain any logic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import anywidget

__all__ = ["Event", "PanelPage"]

_STATIC: Final = Path(__file__).parent / "static"
_SCRIPTS: Final = ("elements.js", "charts.js", "controls.js", "results.js", "session.js", "page.js")
"""Parts of one module, in this order. The browser gets a single text, which cannot import files."""

Event = Mapping[str, Any]
"""An event of the page, such as `{"kind": "weight", "name": "fee", "value": 0.3}`."""


class PanelPage(anywidget.AnyWidget):
    """A page that shows a document: part name → JSON value. Only parts that changed are sent.

    The page cannot receive messages before it opens, so it then requests the whole document. `session_id` is the
    session in its address: None before it opens, "" without one.
    """

    _esm = "".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = (_STATIC / "page.css").read_text(encoding="utf-8")

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.session_id: str | None = None
        self._sending = threading.RLock()  # keeps the order of messages from several threads
        self._listener: Callable[[Event], None] = lambda event: None
        super().__init__()
        self.on_msg(lambda _, content, buffers: self._receive(content))

    def __repr__(self) -> str:
        """Return what a page without a kernel, such as an exported notebook, shows in place of the panel."""
        return "PanelPage: the panel is shown while its kernel runs"

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with each event of the page, on the thread that delivers it."""
        self._listener = listener

    def show(self, **parts: Any) -> None:
        """Replace parts of the document, and send those that differ."""
        with self._sending:
            changed = {name: part for name, part in parts.items() if self.document.get(name) != part}
            if changed:
                self.document |= changed
                self.send({"parts": changed})

    def send_file(self, name: str, kind: str, text: str) -> None:
        """Offer a file as a download. `kind` is its media type."""
        self.send({"file": {"name": name, "type": kind, "text": text}})

    def _receive(self, event: Event) -> None:
        if event.get("kind") == "ping":
            self.send({"pong": event.get("n")})
            return
        if event.get("kind") == "open":
            with self._sending:
                self.session_id = str(event.get("session") or "")
                self.send({"parts": self.document})
        self._listener(event)
