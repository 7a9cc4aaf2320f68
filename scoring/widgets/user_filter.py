"""Choice of users of the measures by place, occupation, newcomers, and by how much worse their list became."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from scoring.array_types import Bools, Floats, Longs
from scoring.dataset.reference_names import ReferenceNames
from scoring.errors import ConfigurationError, make_printable
from scoring.widgets.panel_computation import PanelState, TuningSession

__all__ = ["Selection", "UserFilter"]

Order = Literal["", "worst"]

_MAX_USERS: Final = 50
"""Number of users in the document of a filter."""


@dataclass(frozen=True)
class Selection:
    """The conditions on users. A condition that is "" always holds."""

    prefecture: str = ""
    occupation: str = ""
    newcomers: bool = False
    order: Order = ""
    """worst: the users whose first metric fell most come first, then those whose list changed most."""


class UserFilter:
    """The users of the measures that a selection contains, in its order."""

    def __init__(self, session: TuningSession) -> None:
        self._session = session
        self.selection = Selection()

    def select(self, **conditions: Any) -> None:
        """Change some conditions of the selection.

        Raises
        ------
        ConfigurationError: If a value is not one of the document, or no user fulfils the conditions.
        """
        known = {name: conditions[name] for name in ("prefecture", "occupation", "newcomers", "order")
                 if name in conditions}  # fmt: skip
        chosen = replace(self.selection, **known)
        for what, value, options in (
            ("prefecture", chosen.prefecture, self._prefectures),
            ("occupation", chosen.occupation, self._occupations),
        ):
            if value and value not in options:
                raise ConfigurationError(
                    f"No user of the measures has the {what} {make_printable(str(value))}. Choose another.", key=(what,)
                )
        if chosen.order not in ("", "worst"):
            raise ConfigurationError(
                f"Invalid order {make_printable(str(chosen.order))}. Use worst or leave it empty.", key=("order",)
            )
        if not self._mask(chosen).any():
            raise ConfigurationError("No user of the measures fulfils all conditions. Remove one.", key=("filter",))
        self.selection = chosen

    def find_users(self, state: PanelState | None = None) -> Longs:
        """Return the ids of the selected users, in the order of the selection."""
        rows = np.flatnonzero(self._mask(self.selection))
        if self.selection.order == "worst" and state is not None:
            change, overlap = self._changes(state)
            rows = rows[np.lexsort((overlap[rows], np.nan_to_num(change[rows], nan=np.inf)))]
        return self._session.user_id[rows]

    def find_first(self) -> int:
        """Return the first user with a place and wishes, whose list can react to all weights; otherwise the first."""
        wishes = self._session.evaluator.inputs.users.frame["preferred_occupations"]
        rows = np.flatnonzero((self._codes != "") & (wishes.map(len).to_numpy() > 0))
        return int(self._session.user_id[rows[0] if len(rows) else 0])

    def step(self, user_id: int, by: int, state: PanelState | None = None) -> int:
        """Return the next (1) or previous (-1) selected user. After the last one, the first follows."""
        users = self.find_users(state)
        places = np.flatnonzero(users == user_id)
        if len(places):
            return int(users[(places[0] + by) % len(users)])
        return int(users[0 if by > 0 else -1])

    def document(self, state: PanelState | None, user_id: int) -> dict[str, Any]:
        """Return the options with their numbers of users, the selection and its first users, for the page."""
        users = self.find_users(state)
        shown = users[:_MAX_USERS]
        rows = np.searchsorted(self._session.user_id, shown)
        name = self._session.data.external_ids.name_user
        change, overlap = (np.full(len(self._session.user_id), np.nan),) * 2 if state is None else self._changes(state)
        place = np.flatnonzero(users == user_id)
        names = self._names
        return {
            "prefectures": [
                {"value": code, "label": names.name_prefecture(code), "n": n} for code, n in self._prefectures.items()
            ],
            "occupations": [{"value": label, "label": label, "n": n} for label, n in self._occupations.items()],
            "n_newcomers": int(self._newcomers.sum()),
            "active": {
                "prefecture": self.selection.prefecture,
                "occupation": self.selection.occupation,
                "newcomers": self.selection.newcomers,
                "order": self.selection.order,
            },
            "n_users": len(users),
            "at": int(place[0]) + 1 if len(place) else None,
            "metric": self._metric,
            "users": [
                {
                    "id": name(user),
                    "place": names.name_prefecture(self._codes[row]),
                    "change": None if np.isnan(change[row]) else float(change[row]),
                    "overlap": None if np.isnan(overlap[row]) else float(overlap[row]),
                }
                for user, row in zip(shown.tolist(), rows.tolist(), strict=True)
            ],
        }

    @property
    def _metric(self) -> str:
        return self._session.evaluator.metrics[0].name

    def _changes(self, state: PanelState) -> tuple[Floats, Floats]:
        """Return (n,) the change of the first metric, and (n,) the share of kept jobs; NaN if unknown."""
        change = state.measure_values.per_user[self._metric] - state.baseline_values.per_user[self._metric]
        overlap = np.full(len(change), np.nan)
        if state.comparison is not None:
            overlap = state.comparison.frame()["overlap"].to_numpy(np.float64)
        return change, overlap

    def _mask(self, selection: Selection) -> Bools:
        mask = np.ones(len(self._session.user_id), dtype=bool)
        if selection.prefecture:
            mask &= self._codes == selection.prefecture
        if selection.occupation:
            mask &= self._mask_slice("occupation", selection.occupation)
        return mask & self._newcomers if selection.newcomers else mask

    @cached_property
    def _names(self) -> ReferenceNames:
        return ReferenceNames(self._session.data.tables)

    @cached_property
    def _codes(self) -> np.ndarray:
        """(n,) prefecture code of each user, "" if it is missing."""
        return self._session.evaluator.inputs.users.frame["prefecture_code"].fillna("").to_numpy(dtype=object)

    @cached_property
    def _prefectures(self) -> dict[str, int]:
        """Code → number of users, by code."""
        return dict(sorted(Counter(code for code in self._codes.tolist() if code).items()))

    @cached_property
    def _occupations(self) -> dict[str, int]:
        """Group of the first preferred occupation → number of users."""
        slicing = next((one for one in self._session.slicings if one.name == "occupation"), None)
        if slicing is None:
            return {}
        return {label: int(mask.sum()) for label, mask in zip(slicing.labels, slicing.masks, strict=True) if mask.any()}

    @cached_property
    def _newcomers(self) -> Bools:
        return self._mask_slice("tenure", "newcomer")

    def _mask_slice(self, name: str, label: str) -> Bools:
        slicing = next((one for one in self._session.slicings if one.name == name), None)
        if slicing is None or label not in slicing.labels:
            return np.zeros(len(self._session.user_id), dtype=bool)
        return slicing.masks[slicing.labels.index(label)]
