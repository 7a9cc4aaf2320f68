"""Log lines of this package: as text, or as one JSON object per line."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from scoring.errors import ConfigurationError

__all__ = ["JsonFormatter", "configure"]

_STANDARD_ATTRIBUTES: Final = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""Attributes of every record. All others were given as `extra`."""


class JsonFormatter(logging.Formatter):
    """Format each record as one JSON object per line.

    The fields are time (ISO 8601, UTC), level, logger and message, then the fields given as `extra`. An extra field
    with the name of a standard field gets a trailing underscore. A traceback is a string under `exception`. All
    characters are ASCII, so no text contains a line break. NaN and infinity are null, because JSON cannot hold them.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a line break."""
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
            if name not in _STANDARD_ATTRIBUTES:
                line[f"{name}_" if name in line else name] = _to_json(value)
        return json.dumps(line, allow_nan=False)


class _Handler(logging.StreamHandler[TextIO]):
    """The handler that `configure` adds and removes."""


def configure(level: int | str = "INFO", json: bool = False, stream: TextIO | None = None) -> None:
    """Write this package's log to a stream, as text or as JSON lines.

    A second call replaces the first one's handler. Only the logger `scoring` is changed, and its lines are not passed
    to the root logger. Operations log at DEBUG and alerts at WARNING; neither logs ids or secrets.

    Parameters
    ----------
    level: The lowest level that is written.
    json: Whether each line is a JSON object.
    stream: Where lines are written; None: stderr.

    Raises
    ------
    ConfigurationError: If the level does not exist.

    Example
    -------
    >>> import io, logging
    >>> stream = io.StringIO()
    >>> configure("INFO", json=True, stream=stream)
    >>> logging.getLogger("scoring").info("started")
    >>> '"message": "started"' in stream.getvalue()
    True
    """
    logger = logging.getLogger("scoring")
    try:
        logger.setLevel(level.upper() if isinstance(level, str) else level)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"level {level!r} does not exist. Use DEBUG, INFO, WARNING, ERROR or CRITICAL.", key=("level",)
        ) from None
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Handler)]:
        logger.removeHandler(handler)
    handler = _Handler(stream)
    handler.setFormatter(
        JsonFormatter() if json else logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    )
    logger.addHandler(handler)
    logger.propagate = False


def _to_json(value: Any) -> Any:
    """Convert a value to types that JSON can hold; all other types become strings."""
    if isinstance(value, Mapping):
        return {str(key): _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_to_json(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    item = getattr(value, "item", None)  # a NumPy scalar
    return _to_json(item()) if callable(item) and getattr(value, "ndim", None) == 0 else str(value)
