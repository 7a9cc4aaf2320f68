"""Requests of commands to a running service."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

from scoring.errors import ScoringError, make_printable
from scoring.storage.os_errors import describe_os_error

__all__ = ["request_verification"]

_SECONDS: Final = 600.0


def request_verification(host: str, port: int, token: str | None) -> dict[str, Any]:
    """Return the report of `POST /verify` of the service on this address.

    Raises
    ------
    ScoringError: If the service does not answer, or answers with an error.
    """
    place = f"{make_printable(host)}:{port}"
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("POST", "/verify", headers={} if token is None else {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content = json.loads(answer.read(2**20))
    except OSError as error:
        raise ScoringError(
            f"No service answers on {place} ({describe_os_error(error)}). Start it with `scoring live`, or give its "
            "--host and --port."
        ) from error
    except (http.client.HTTPException, ValueError) as error:
        raise ScoringError(f"{place} is not a service of live lists. Give its --host and --port.") from error
    finally:
        connection.close()
    if answer.status != 200 or not isinstance(content, dict):
        found = content.get("error", {}) if isinstance(content, dict) else {}
        message = make_printable(str(found.get("message", "unknown error")), 500)
        raise ScoringError(f"The service on {place} answered {answer.status}: {message}")
    return content
