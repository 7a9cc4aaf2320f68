"""Promotions and rollbacks: the history of the version in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict

from scoring.errors import ConfigurationError
from scoring.registry.metadata import Digest, Text

__all__ = [
    "FolderPromotion",
    "Promotion",
    "PromotionState",
    "StoredPromotion",
    "find_active_promotions",
    "find_rollback_target",
    "make_history_frame",
]


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
        return f"{self.reference} {action} on {self.at:%Y-%m-%d}"


class FolderPromotion(Promotion):
    """A promotion in the journal of a folder."""

    database: Text | None = None
    """The database that it applies to, see `PromotedTable.identify`. None: not recorded, or none."""


class StoredPromotion(Promotion):
    """A promotion in a database, with all that a run and a reader of the decision need."""

    model: str
    """The text of the profile's file."""
    evidence: str | None = None
    """JSON of the evaluation on test users. None: the promotion was forced without one, or is a rollback."""
    requested_by: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True)
class PromotionState:
    """The promotions that apply, oldest first, and the one in use."""

    entries: Sequence[Promotion]
    in_use: Promotion | None
    """The last promotion or rollback; it names the version in use. None: no version is in use."""
    ignored: Promotion | None = None
    """The last promotion of the folder, if it does not apply to the database."""


P = TypeVar("P", bound=Promotion)


def find_active_promotions(entries: Sequence[P]) -> tuple[P, ...]:
    """Return the promotions that no rollback has undone. Each rollback removes the last one."""
    stack: list[P] = []
    for entry in entries:
        if entry.action == "promote":
            stack.append(entry)
        else:
            del stack[-1:]
    return tuple(stack)


def find_rollback_target(entries: Sequence[P]) -> P:
    """Return the promotion that a rollback restores.

    Raises
    ------
    ConfigurationError: If no earlier promotion exists.
    """
    stack = find_active_promotions(entries)
    if not stack:
        raise ConfigurationError("No profile is promoted. A rollback needs an earlier promotion.", key=("promoted",))
    if len(stack) == 1:
        raise ConfigurationError(
            f"{stack[-1].reference} is the promoted profile, and no earlier promotion exists to roll back to. To use a "
            "shipped model again, save it with `scoring profiles save NAME --model standard`, and promote it.",
            key=("promoted", stack[-1].reference),
        )
    return stack[-2]


def make_history_frame(state: PromotionState) -> pd.DataFrame:
    """Return one row per entry, oldest first.

    Columns: at · action · name · version · digest · note · database · in_use.

    `database` is missing if it is not recorded. `in_use` is True only in the last row, and only if that version is in
    use.
    """
    entries = state.entries
    names = list(FolderPromotion.model_fields)
    rows = [entry.model_dump(include=set(names)) for entry in entries]
    frame = pd.DataFrame(rows, columns=names)
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    frame["in_use"] = [state.in_use is not None and place == len(rows) - 1 for place in range(len(rows))]
    return frame.astype({"version": "int64", "in_use": bool})
