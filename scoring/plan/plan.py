"""Model × data, folded into contiguous arrays: all that is left to do is to visit pairs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from scoring.dataset.encode import Longs
from scoring.errors import ModelError, ScoringError
from scoring.kernels.index import Index
from scoring.kernels.program import Program
from scoring.model import GROUPS, Inputs, Part, ScoringModel
from scoring.model.terms import Value
from scoring.plan.candidates import Candidates
from scoring.plan.check import check_value
from scoring.plan.exclusions import Exclusions
from scoring.plan.fold import fold
from scoring.plan.index import Layout
from scoring.plan.pack import pack

__all__ = ["Plan"]


@dataclass(frozen=True, repr=False)
class Plan:
    """A program for n users and m jobs in the order of their inputs, and who may be shown what."""

    model: ScoringModel
    program: Program
    exclusions: Exclusions
    user_id: Longs
    job_id: Longs
    laid: Layout | None = None
    """A layout made for other weights."""

    def __repr__(self) -> str:
        return f"Plan({self.model.name}, {len(self.user_id):,} users × {len(self.job_id):,} jobs)"

    @classmethod
    def build(cls, model: ScoringModel, inputs: Inputs, candidates: Candidates | None = None) -> Self:
        """With `candidates` a user's list holds nothing else, and whether a job is open now is not asked.

        Raises ModelError, naming the component, where its terms do not fit the data.
        """
        values = []
        for part in model.parts:
            value = _terms(part, inputs)
            check_value(part.name, value, len(inputs.users), len(inputs.jobs))
            values.append(value)
        group = np.array([GROUPS.index(part.group) for part in model.parts])
        flat, within = model.flat_weights, model.weights_in_group
        program = pack(values, flat, within, group, len(inputs.users), len(inputs.jobs))
        return cls(
            model=model,
            program=fold(program, flat, within),
            exclusions=Exclusions.of(model.eligibility, inputs, candidates),
            user_id=inputs.users.user_id,
            job_id=inputs.jobs.job_id,
        )

    def with_weights(self, model: ScoringModel) -> Self:
        """For a model that differs in nothing but its weights. Encodes nothing anew.

        Raises ModelError where components, parameters or rules differ.
        """
        if model.parts != self.model.parts or model.eligibility != self.model.eligibility:
            raise ModelError(f"model {model.name} differs in more than weights; build a plan of its own.")
        program = fold(self.program, model.flat_weights, model.weights_in_group)
        return replace(self, model=model, program=program, laid=self.__dict__.get("layout", self.laid))

    @cached_property
    def layout(self) -> Layout:
        """The eligible jobs in the order in which they are looked through; at least one. Any layout is right: one
        made for other weights is kept while its keys still tell jobs apart."""
        if self.laid is not None and self.laid.fits(self.program):
            return self.laid
        return Layout.of(self.program, self.exclusions, self.job_id)

    @cached_property
    def index(self) -> tuple[Program, Index]:
        """The program in the order of the layout, and what bounds it under these weights."""
        return self.layout.index(self.program)


def _terms(part: Part, inputs: Inputs) -> Value:
    try:
        return part.component.terms(inputs)
    except ScoringError:
        raise
    except (Exception, SystemExit) as error:  # somebody's own code: whatever it raises, say which component it was
        raise ModelError(f"component {part.name}: its `terms` raised {type(error).__name__}: {error}") from error
