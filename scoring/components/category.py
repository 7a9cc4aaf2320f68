"""How similar the job's occupation is to the occupations that the user prefers."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from scoring.array_types import Floats
from scoring.components.helpers import Points, occupation_key
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import LookupTerm, Value
from scoring.threads.pool import map_in_threads

_USERS_AT_ONCE = 512  # the gathered rows stay in the processor's cache


class Category(Component):
    """`floor` + (100 - `floor`) · the similarity of the job's occupation to the most similar preferred one.

    The similarity is 1 for the same occupation. Otherwise it is the larger of `same_major` (if both have the same known
    major group) and `cosine_share` × the cosine between the two occupations' applications by user.
    """

    kind: ClassVar[str] = "category"
    reads: ClassVar[tuple[str, ...]] = ("jobs.occupation_code", "users.preferred_occupations")

    floor: Points = 20
    """Points of a job whose occupation is not similar to a preferred one."""
    same_major: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Similarity of two different occupations of the same major group."""
    cosine_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Similarity of two occupations to which the same users apply. It is less if the users differ."""

    def terms(self, inputs: Inputs) -> Value:
        n_users = len(inputs.users)
        rows = self._rows(inputs)
        return Value((LookupTerm(occupation_key(inputs), rows, np.arange(n_users, dtype=np.int32)),))

    def _rows(self, inputs: Inputs) -> Floats:
        """(n_users, n_occupations + 1) points."""
        preferred, size = inputs.users.preferred, len(inputs.majors)
        codes = np.unique(preferred.values)
        similarity = inputs.basis.similarity.rows(codes, inputs.majors, self.same_major, self.cosine_share)
        points = np.zeros((len(preferred), size + 1))

        def fill(first: int) -> None:
            users = np.arange(first, min(first + _USERS_AT_ONCE, len(preferred)))
            listed = users[preferred.lengths[users] > 0]
            if len(listed):
                chosen = preferred.take(listed)
                rows = similarity[np.searchsorted(codes, chosen.values)]
                points[listed, :size] = np.maximum.reduceat(rows, chosen.start[:-1], axis=0)
            block = points[first : first + _USERS_AT_ONCE]
            block *= 100.0 - self.floor
            block += self.floor

        map_in_threads(fill, range(0, len(preferred), _USERS_AT_ONCE), len(preferred))
        return points

    def explain(self, pair: Pair) -> Reason:
        occupation, best, nearest = pair.job.occupation, 0.0, None
        if occupation is not None:
            for preferred in pair.user.preferred:
                similarity = self._similarity(pair, preferred)
                if similarity > best:
                    best, nearest = similarity, preferred
        facts = {
            "job's occupation": occupation,
            "preferred": pair.user.preferred,
            "nearest preferred": nearest,
            "similarity": best,
        }
        return Reason(self.floor + (100.0 - self.floor) * best, facts)

    def _similarity(self, pair: Pair, preferred: int) -> float:
        if preferred == pair.job.occupation:
            return 1.0
        major = pair.major_of(preferred)
        by_major = self.same_major if major is not None and major == pair.job.major else 0.0
        return max(by_major, self.cosine_share * pair.cosine_of_occupations(preferred))
