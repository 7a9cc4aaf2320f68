"""The distance between the user's and the job's place, in four levels."""

from typing import ClassVar, Self

import numpy as np
from pydantic import model_validator

from scoring.array_types import Floats
from scoring.components.helpers import Points, place_key, prefecture_key
from scoring.dataset.arrays import Ragged
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import LookupTerm, Value


class Location(Component):
    """Points for the same city, the same prefecture, an adjacent prefecture, and any other or unknown place."""

    kind: ClassVar[str] = "location"
    reads: ClassVar[tuple[str, ...]] = ("jobs.prefecture_code", "users.prefecture_code")

    same_city: Points = 100
    """Points of a job in the city of the user."""
    same_prefecture: Points = 85
    """Points of a job in another city of the same prefecture."""
    adjacent: Points = 60
    """Points of a job in an adjacent prefecture."""
    elsewhere: Points = 20
    """Points of a job in any other or an unknown place."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.same_city >= self.same_prefecture >= self.adjacent >= self.elsewhere:
            given = f"{self.same_city:g}, {self.same_prefecture:g}, {self.adjacent:g} and {self.elsewhere:g}"
            raise ValueError(
                f"same_city, same_prefecture, adjacent and elsewhere are {given}; they must be in descending order, or "
                "equal"
            )
        return self

    def terms(self, inputs: Inputs) -> Value:
        users = inputs.users
        by_prefecture = LookupTerm(prefecture_key(inputs), self._by_prefecture(inputs), users.prefecture)
        known = users.place >= 0
        start = np.zeros(len(users) + 1, dtype=np.int64)
        np.cumsum(known, out=start[1:])
        homes = Ragged(start, users.place[known])
        by_city = LookupTerm.sparse(place_key(inputs), homes, self.same_city - self.same_prefecture)
        return Value((by_prefecture, by_city))

    def _by_prefecture(self, inputs: Inputs) -> Floats:
        """Return points (n + 1, n + 1) by the user's and the job's prefecture code. The last index is missing."""
        size = len(inputs.words.prefecture)
        points = np.full((size + 1, size + 1), self.elsewhere)
        points[:size, :size][inputs.adjacent] = self.adjacent
        points[np.arange(size), np.arange(size)] = self.same_prefecture
        return points

    def explain(self, pair: Pair) -> Reason:
        user, job, region = pair.user, pair.job, pair.board.region
        if user.prefecture is None or job.prefecture is None:
            value, distance = self.elsewhere, "unknown"
        elif user.prefecture == job.prefecture:
            same = user.city is not None and user.city == job.city
            value, distance = (self.same_city, "same city") if same else (self.same_prefecture, f"same {region}")
        elif pair.adjacent:
            value, distance = self.adjacent, f"adjacent {region}"
        else:
            value, distance = self.elsewhere, "elsewhere"
        facts = {"user": (user.prefecture, user.city), "job": (job.prefecture, job.city), "distance": distance}
        return Reason(float(value), facts)
