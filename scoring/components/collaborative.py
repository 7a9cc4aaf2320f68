"""How well the job fits what similar users chose: cosine of factors of user and job (collaborative filtering)."""

from typing import ClassVar

import numpy as np

from scoring.components.helpers import Points
from scoring.model.component import Component, Reason
from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import DotTerm, Value


class Collaborative(Component):
    """50 · (1 + cosine of the user's and the job's factors); `unknown` if either has none.

    The cosine of two float32 vectors of length 1 may exceed 1 by about 1e-7. The value is not clipped.
    """

    kind: ClassVar[str] = "collaborative"
    reads: ClassVar[tuple[str, ...]] = ("actions", "user_factors", "job_factors")

    unknown: Points = 45
    """Points if the user or the job has no factors."""

    def terms(self, inputs: Inputs) -> Value:
        return Value((dot(inputs, np.full(len(inputs.users), self.unknown)),))

    def explain(self, pair: Pair) -> Reason:
        cosine = pair.cosine_of_factors
        value = self.unknown if cosine is None else 50.0 * (1.0 + cosine)
        return Reason(value, {"cosine": cosine, "factors": pair.inputs.basis.factors.source})


def dot(inputs: Inputs, otherwise: np.ndarray) -> DotTerm:
    """Return 50 · (1 + cosine), or `otherwise` (n_users,) if either has no vector."""
    return DotTerm(
        inputs.user_vectors,
        inputs.job_vectors,
        inputs.user_has_vector,
        inputs.job_has_vector,
        scale=50.0,
        shift=1.0,
        otherwise=otherwise,
    )
