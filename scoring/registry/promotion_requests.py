"""Requests to promote a version, and their approval by a second person. Names are recorded, not authenticated."""

from __future__ import annotations

import getpass
import unicodedata
from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from scoring.errors import ConfigurationError, make_printable
from scoring.registry.metadata import Digest, Text

__all__ = ["PromotionRequest", "find_open_request", "find_user_name", "require_other_name"]


class PromotionRequest(BaseModel):
    """A request, or its approval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    action: Literal["request", "approve"]
    name: str
    version: int
    digest: Digest
    by: Text
    note: Text = ""

    @property
    def reference(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"


def find_open_request(entries: Sequence[PromotionRequest], reference: str, digest: str) -> PromotionRequest:
    """Return the last request for a version, if it was not approved.

    Raises
    ------
    ConfigurationError: If there is none.
    """
    place = (reference, digest)
    last = next((entry for entry in reversed(entries) if (entry.reference, entry.digest) == place), None)
    if last is None or last.action == "approve":
        raise ConfigurationError(
            f"No request to promote {reference} is open. Request it with `scoring profiles request {reference} "
            "--by NAME --note TEXT`.",
            key=("name",),
        )
    return last


def require_other_name(request: PromotionRequest, by: str) -> None:
    """Check that the approval has another name than the request.

    Raises
    ------
    ConfigurationError: If the names are equal.
    """
    if _normalize(by) == _normalize(request.by):
        raise ConfigurationError(
            f"{make_printable(by)} requested the promotion of {request.reference}. Another person must approve it.",
            key=("by",),
        )


def _normalize(name: str) -> str:
    """Return the name without differences of case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def find_user_name() -> str | None:
    """Return the name of the user of this process; None if the system does not know it. It is not authenticated."""
    try:
        return getpass.getuser().strip() or None
    except (OSError, KeyError, ImportError):  # a container may run as a number without a name
        return None
