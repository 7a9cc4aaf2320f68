"""Plan: a model and its data as contiguous arrays, from which kernels compute the scores of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from scoring.array_types import Longs
from scoring.bundle.bundle import Bundle, SearchIndex
from scoring.bundle.list_order import ListOrder
from scoring.bundle.program import DOT, JOB, NONE, Program
from scoring.bundle.terms import ReusableArrays
from scoring.errors import ModelError, ScoringError, pluralize
from scoring.model import GROUPS, Inputs, Part, ScoringModel
from scoring.model.list_rules import ListRules
from scoring.model.terms import DotTerm, JobTerm, LookupTerm, Value
from scoring.model_catalog import AnyModel, load_model
from scoring.plan.block_layout import Layout, estimate_mask_bytes
from scoring.plan.candidate_bits import Candidates
from scoring.plan.list_rule_evaluation import RulesOnData, evaluate_rules, make_part_exclusions
from scoring.plan.program_packer import pack
from scoring.plan.rule_exclusions import Exclusions
from scoring.plan.term_checks import check_value
from scoring.plan.value_range_check import is_shipped, require_range
from scoring.plan.weight_precomputation import fold

__all__ = ["Plan", "build_program", "call_terms", "depends_on_jobs_only", "require_ranges"]


@dataclass(frozen=True, repr=False)
class Plan:
    """A program for n users and m jobs, in the order of the inputs, with the eligibility rules."""

    model: ScoringModel
    program: Program
    exclusions: Exclusions
    user_id: Longs
    job_id: Longs
    previous_layout: Layout | None = None
    """A layout built for other weights."""
    values: tuple[Value | None, ...] = ()
    """Value of each part, kept for plans that are built from this one.

    None for parts that depend on the job alone: the program holds their values. Empty unless the plan was built with
    `reuse`: a run over all users does not need the values.
    """
    list_rules: RulesOnData | None = None
    """The rules of lists that are active at the clock; None: no rule is."""

    def __repr__(self) -> str:
        return f"Plan({self.model.name}, {pluralize(len(self.user_id), 'user')} × {pluralize(len(self.job_id), 'job')})"

    @classmethod
    def build(
        cls,
        model: AnyModel,
        inputs: Inputs,
        candidates: Candidates | None = None,
        *,
        reuse: Plan | None = None,
        list_rules: ListRules | None = None,
    ) -> Self:
        """Return the plan of a model on these inputs.

        Parameters
        ----------
        model: The model.
        inputs: The users and jobs to score.
        candidates: Jobs that may be ranked for each user. They replace the rule that a job is open at the clock.
        reuse: A plan of the same inputs and candidates. Its expensive parts and its rules of lists are reused if they
            are still valid.
        list_rules: Rules of lists. Those that are active at the clock apply.

        Raises
        ------
        ModelError: If a component's terms do not fit the data. The message names the component.
        """
        model = load_model(model)
        values, new = [], []
        for number, part in enumerate(model.parts):
            value = None if reuse is None else reuse._known(part)
            if value is None:
                value = call_terms(part, inputs)
                check_value(part.name, value, len(inputs.users), len(inputs.jobs))
                new.append(number)
            values.append(value)
        group = np.array([GROUPS.index(part.group) for part in model.parts])
        flat, within = model.flat_weights, model.weights_in_group
        reusable = None if reuse is None else reuse._reusable(model.parts, values)
        program = pack(values, flat, within, group, len(inputs.users), len(inputs.jobs), reusable)
        program = fold(program, flat, within)
        require_ranges(model.parts, new, program, inputs)
        on_data = reuse.list_rules if reuse is not None else evaluate_rules(list_rules, inputs)
        if reuse is None or reuse.model.eligibility != model.eligibility:
            exclusions = Exclusions.of(model.eligibility, inputs, candidates)
            exclusions = exclusions if on_data is None else on_data.exclude_from(exclusions)
        else:
            exclusions = reuse.exclusions
        plan = cls(
            model=model,
            program=program,
            exclusions=exclusions,
            user_id=inputs.users.user_id,
            job_id=inputs.jobs.job_id,
            list_rules=on_data,
        )
        return plan if reuse is None else plan._reusing(reuse, values)

    def _reusing(self, other: Plan, values: Sequence[Value]) -> Self:
        """Return this plan with the reusable layout of `other`, and with its values for the next plan."""
        kept = tuple(
            None if depends_on_jobs_only(self.program, c) else _in_place(self.program, c, value)
            for c, value in enumerate(values)
        )
        layout = other._latest_layout if self.exclusions is other.exclusions else None
        return replace(self, values=kept, previous_layout=layout and layout.with_program(other.program, self.program))

    @property
    def _latest_layout(self) -> Layout | None:
        """The layout if it was built, else the layout of a previous plan."""
        layout: Layout | None = self.__dict__.get("layout", self.previous_layout)
        return layout

    def _known(self, part: Part) -> Value | None:
        """Return the value of an unchanged part; None if the part changed or its value was not kept."""
        for c, known in enumerate(self.model.parts):
            if known == part:
                if depends_on_jobs_only(self.program, c):
                    slots = self.program.term_slot[self.program.term_start[c] : self.program.term_start[c + 1]]
                    return Value(tuple(JobTerm(self.program.job_value[slot]) for slot in slots))
                return self.values[c] if self.values else None
        return None

    def _reusable(self, parts: Sequence[Part], values: Sequence[Value]) -> ReusableArrays:
        """Return the arrays that a program of these values may reuse."""
        same = self._has_vectors_of(parts, values)
        vectors = (self.program.user_vector, self.program.job_vector) if same else None
        return ReusableArrays(vectors, tuple(self.program.number_rank))

    def _has_vectors_of(self, parts: Sequence[Part], values: Sequence[Value]) -> bool:
        """Return whether the parts that yield vectors are the same, in the same order, or yield the same arrays."""
        program = self.program
        new = [term for value in values for term in value.terms if isinstance(term, DotTerm)]
        kept = [term for value in self.values if value for term in value.terms if isinstance(term, DotTerm)]
        if new and _has_same_vectors(new, kept):
            return True
        own_parts = [
            part
            for c, part in enumerate(self.model.parts)
            if (program.term_kind[program.term_start[c] : program.term_start[c + 1]] == DOT).any()
        ]
        other_parts = [
            part
            for part, value in zip(parts, values, strict=True)
            if any(isinstance(term, DotTerm) for term in value.terms)
        ]
        return own_parts == other_parts

    def with_weights(self, model: ScoringModel) -> Self:
        """Return the plan of a model that differs only in weights. Nothing is re-encoded.

        Raises
        ------
        ModelError: If components, parameters or rules differ.
        """
        if model.parts != self.model.parts or model.eligibility != self.model.eligibility:
            raise ModelError(
                f"model {model.name} differs from the model of the plan in more than weights. Build a new plan with "
                "Plan.build.",
                key=("model",),
            )
        program = fold(self.program, model.flat_weights, model.weights_in_group)
        return replace(self, model=model, program=program, previous_layout=self._latest_layout)

    def with_job_values(self, model: ScoringModel, inputs: Inputs) -> Self | None:
        """Return the plan of a model that differs only in weights and in components that depend on the job alone.

        The result is None if the model differs in more. `inputs` must be those of this plan. Job values are replaced.
        Codes, vectors, rules and the layout are kept; they take most of the time of a new plan.

        Raises
        ------
        ModelError: As in `build`.
        """
        if model.eligibility != self.model.eligibility or len(model.parts) != len(self.model.parts):
            return None
        program, job_value, changed = self.program, self.program.job_value, []
        for c, (previous, new) in enumerate(zip(self.model.parts, model.parts, strict=True)):
            if previous == new:
                continue
            slots = program.term_slot[program.term_start[c] : program.term_start[c + 1]]
            if _identify_part(previous) != _identify_part(new) or not depends_on_jobs_only(program, c):
                return None
            value = call_terms(new, inputs)
            check_value(new.name, value, len(inputs.users), len(inputs.jobs))
            terms = [term for term in value.terms if isinstance(term, JobTerm)]
            if value.divisor is not None or value.link is not None or not len(terms) == len(value.terms) == len(slots):
                return None  # other parameters may give other terms
            if job_value is program.job_value:
                job_value = job_value.copy()
            for slot, term in zip(slots, terms, strict=True):
                job_value[slot] = term.values
            changed.append(c)
        program = fold(program._replace(job_value=job_value), model.flat_weights, model.weights_in_group)
        require_ranges(model.parts, changed, program, inputs)
        layout = self._latest_layout
        return replace(self, model=model, program=program, previous_layout=layout and layout.with_job_values(program))

    @cached_property
    def layout(self) -> Layout:
        """The eligible jobs in search order; at least one job must be eligible.

        Results do not depend on the layout. A layout built for other weights is kept while its keys separate jobs well.
        """
        if self.previous_layout is not None and self.previous_layout.fits(self.program):
            return self.previous_layout
        return Layout.of(self.program, self.exclusions, self.job_id)

    @cached_property
    def search(self) -> SearchIndex:
        """The program in the order of the layout, and its bounds under the current weights."""
        return self.layout.search(self.program)

    @property
    def search_bytes(self) -> int:
        """Bytes that the search takes besides the jobs: tables of rules, and clusters of vectors if they are tried."""
        from scoring.backends.numba.vector_clusters import estimate_bytes  # importing Numba takes 0.4 s

        if self.order is not None:
            return sum(part.search_bytes for part in self._part_plans)
        rules = self.exclusions.arrays
        tables = rules.job_class.nbytes + rules.class_allowed.nbytes + rules.user_class.nbytes
        return tables + estimate_mask_bytes(rules) + estimate_bytes(self.program)

    def scale_search_bytes(self, n_users: int, n_jobs: int) -> int:
        """Return about `search_bytes` for this model and other numbers of users and jobs."""
        from scoring.backends.numba.vector_clusters import estimate_bytes

        rules = self.exclusions.arrays
        of_users = rules.user_class.nbytes * n_users / max(len(self.user_id), 1)
        of_jobs = (rules.job_class.nbytes + estimate_mask_bytes(rules)) * n_jobs / max(len(self.job_id), 1)
        return round(of_users + of_jobs) + rules.class_allowed.nbytes + estimate_bytes(self.program, n_users, n_jobs)

    @property
    def bundle(self) -> Bundle:
        """All arrays that ranking reads. Not cached: a reference cycle would delay freeing the plan and the bundle."""
        return Bundle(
            self.program,
            self.exclusions.arrays,
            self.user_id,
            self.job_id,
            lambda: self.search,
            order=self.order,
            make_parts=lambda: tuple(part.bundle for part in self._part_plans),
        )

    @property
    def order(self) -> ListOrder | None:
        """What the rules of lists change in the order of lists; None: nothing."""
        return None if self.list_rules is None else self.list_rules.order

    @cached_property
    def _part_plans(self) -> tuple[Self, ...]:
        """A plan for the eligible jobs of each part of the order."""
        if self.order is None:
            return ()
        parts = make_part_exclusions(self.exclusions, self.order)
        return tuple(replace(self, exclusions=part, list_rules=None, previous_layout=None) for part in parts)


def build_program(model: ScoringModel, inputs: Inputs) -> Program:
    """Return the program of `Plan.build`, without the eligibility rules, which scores of pairs do not need.

    Raises
    ------
    ModelError: As `Plan.build`.
    """
    values = [call_terms(part, inputs) for part in model.parts]
    for part, value in zip(model.parts, values, strict=True):
        check_value(part.name, value, len(inputs.users), len(inputs.jobs))
    group = np.array([GROUPS.index(part.group) for part in model.parts])
    flat, within = model.flat_weights, model.weights_in_group
    program = fold(pack(values, flat, within, group, len(inputs.users), len(inputs.jobs)), flat, within)
    require_ranges(model.parts, range(len(model.parts)), program, inputs)
    return program


def _in_place(program: Program, component: int, value: Value) -> Value:
    """Return the value with lookup rows as views of the program's arrays. Copies would be the plan's largest part."""
    terms, start = list(value.terms), program.term_start[component]
    for place, term in enumerate(terms):
        if isinstance(term, LookupTerm):
            first = program.lookup_table[program.term_slot[start + place]]
            rows = program.lookup_values[first : first + term.rows.size].reshape(term.rows.shape)
            terms[place] = replace(term, rows=rows)
    return replace(value, terms=tuple(terms))


def _has_same_vectors(terms: Sequence[DotTerm], others: Sequence[DotTerm]) -> bool:
    """Return whether the terms have the same array objects, in the same order."""
    return [(id(term.users), id(term.jobs)) for term in terms] == [(id(term.users), id(term.jobs)) for term in others]


def _identify_part(part: Part) -> tuple[str, str, type]:
    return part.name, part.group, type(part.component)


def depends_on_jobs_only(program: Program, component: int) -> bool:
    """Return whether a component is a sum of job terms, without a divisor and a link."""
    kinds = program.term_kind[program.term_start[component] : program.term_start[component + 1]]
    has_sum = program.divisor_kind[component] == NONE and program.link_kind[component] == NONE
    return bool(has_sum and (kinds == JOB).all())


def require_ranges(parts: Sequence[Part], numbers: Sequence[int], program: Program, inputs: Inputs) -> None:
    """Require values from 0 to 100 of the components with these numbers that are not of this package."""
    for number in numbers:
        if not is_shipped(parts[number]):
            require_range(parts[number], program, number, inputs.users.user_id, inputs.jobs.job_id)


def call_terms(part: Part, inputs: Inputs) -> Value:
    """Return the terms of a part. An error of the component becomes a ModelError that names it."""
    try:
        return part.component.terms(inputs)
    except ScoringError:
        raise
    except (Exception, SystemExit) as error:  # user code may raise anything: name the component
        raise ModelError(
            f"component {part.name}: its `terms` raised {type(error).__name__}: {error}\n"
            "The traceback shows the line. On the command line, add --debug.",
            key=(part.name, "terms"),
        ) from error
