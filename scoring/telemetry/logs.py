"""Log lines of this package: as text, or as one JSON object each."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from scoring.errors import ConfigurationError

__all__ = ["JsonFormatter", "configure"]

_OWN: Final = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""What every record has; all else was given as `extra`."""


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (ISO 8601, UTC), level, logger, message, then the fields given as `extra`.

    A field named like one of those gets an underscore behind it. A traceback is a text under `exception`. All is
    ASCII, so that no character of a text can end a line. NaN and infinity, which JSON has no numbers for, are null.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        for name, value in vars(record).items():
            if name not in _OWN:
                line[f"{name}_" if name in line else name] = _plain(value)
        return json.dumps(line, allow_nan=False)


class _Handler(logging.StreamHandler[TextIO]):
    """What `configure` puts in and takes out."""


def configure(level: int | str = "INFO", json: bool = False, stream: TextIO | None = None) -> None:
    """Writes what this package logs at this level or above to the stream (None: stderr), as text or as JSON lines.

    Called again, it replaces what it did before. It touches the logger `scoring` only, and a line goes to no handler
    of the root logger as well. Operations log at DEBUG, alerts at WARNING; neither holds ids or secrets.

    Raises ConfigurationError for a level that there is not.
    """
    logger = logging.getLogger("scoring")
    try:
        logger.setLevel(level.upper() if isinstance(level, str) else level)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"there is no log level {level!r}; there are DEBUG, INFO, WARNING, ERROR, CRITICAL."
        ) from None
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Handler)]:
        logger.removeHandler(handler)
    handler = _Handler(stream)
    handler.setFormatter(
        JsonFormatter() if json else logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    logger.addHandler(handler)
    logger.propagate = False


def _plain(value: Any) -> Any:
    """The value as JSON can hold it; what it has no kind for becomes a text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    item = getattr(value, "item", None)  # a NumPy scalar
    return _plain(item()) if callable(item) and getattr(value, "ndim", None) == 0 else str(value)
