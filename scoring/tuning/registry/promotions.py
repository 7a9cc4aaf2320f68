"""Promotions and rollbacks: the history of the version in use, kept in an append-only journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict

from scoring.errors import ConfigurationError
from scoring.tuning.registry.metadata import Digest, Text

__all__ = ["Promotion", "find_active_promotions", "find_rollback_target", "make_history_frame"]


class Promotion(BaseModel):
    """A promotion of a version, or a rollback to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    action: Literal["promote", "rollback"]
    name: str
    version: int
    digest: Digest
    note: Text = ""

    @property
    def reference(self) -> str:
        """NAME@VERSION."""
        return f"{self.name}@{self.version}"

    def __str__(self) -> str:
        action = "was promoted" if self.action == "promote" else "was restored"
        return f"{self.reference} {action} on {self.at:%Y-%m-%d}{f' ({self.note})' if self.note else ''}"


def find_active_promotions(entries: Sequence[Promotion]) -> tuple[Promotion, ...]:
    """Return the promotions that no rollback has undone. The last one is in use. Each rollback removes the last."""
    stack: list[Promotion] = []
    for entry in entries:
        if entry.action == "promote":
            stack.append(entry)
        else:
            del stack[-1:]
    return tuple(stack)


def find_rollback_target(entries: Sequence[Promotion]) -> Promotion:
    """Return the promotion that a rollback restores.

    Raises
    ------
    ConfigurationError: If no earlier promotion exists.
    """
    stack = find_active_promotions(entries)
    if not stack:
        raise ConfigurationError("No profile is promoted, so there is nothing to roll back.")
    if len(stack) == 1:
        raise ConfigurationError(
            f"{stack[-1].reference} is the promoted profile, and no earlier promotion exists to roll back to. Promote "
            "another profile instead."
        )
    return stack[-2]


def make_history_frame(entries: Sequence[Promotion]) -> pd.DataFrame:
    """Return one row per entry, oldest first: at · action · name · version · digest · note · in_use.

    `in_use` is True only in the last row.
    """
    rows = [entry.model_dump() for entry in entries]
    frame = pd.DataFrame(rows, columns=list(Promotion.model_fields))
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    frame["in_use"] = [place == len(rows) - 1 for place in range(len(rows))]
    return frame.astype({"version": "int64", "in_use": bool})
