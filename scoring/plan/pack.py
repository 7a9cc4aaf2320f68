"""Terms to the flat arrays of a `Program`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.array_types import Floats, Ints
from scoring.bundle.program import DOT, FLAGS, INTERVAL, JOB, LOOKUP, NONE, USER, Program
from scoring.errors import ModelError
from scoring.model.terms import DotTerm, FlagTerm, IntervalTerm, JobTerm, LookupTerm, UserTerm, Value
from scoring.plan.collectors import Columns, Dots, FlagTables, Intervals, Lookups, Vectors

__all__ = ["pack"]


def pack(
    values: Sequence[Value],
    flat_weight: Floats,
    group_weight: Floats,
    group: Ints,
    n_users: int,
    n_jobs: int,
    vectors: Vectors | None = None,
    ranks: Sequence[Ints] = (),
) -> Program:
    """A program of each component's value, its weights and the group (0, 1, 2) that it belongs to. `vectors` are
    those of the values, where another program has them already; `ranks` are another program's `number_rank`, which
    are taken where they are right.

    Raises ModelError where a term's arrays do not have a row per user or job.
    """
    jobs, users = Columns(n_jobs), Columns(n_users)
    lookups, intervals = Lookups(n_users, n_jobs), Intervals(n_users, n_jobs, ranks)
    flags, dots = FlagTables(n_users, n_jobs), Dots(n_users, n_jobs)
    homes = {
        JobTerm: (JOB, jobs),
        UserTerm: (USER, users),
        LookupTerm: (LOOKUP, lookups),
        IntervalTerm: (INTERVAL, intervals),
        FlagTerm: (FLAGS, flags),
        DotTerm: (DOT, dots),
    }

    def place(term: object) -> tuple[int, int]:
        if type(term) not in homes:
            raise ModelError(f"{type(term).__name__} is no term that a component may yield.")
        kind, home = homes[type(term)]
        return kind, home.add(term)  # type: ignore[attr-defined]

    placed = [[place(term) for term in value.terms] for value in values]
    divisors = [(NONE, 0) if value.divisor is None else place(value.divisor) for value in values]
    return Program(
        flat_weight=flat_weight,
        group_weight=group_weight,
        group=group.astype(np.int32),
        term_start=np.cumsum([0, *(len(terms) for terms in placed)]).astype(np.int32),
        divisor_kind=np.array([kind for kind, _ in divisors], dtype=np.int8),
        divisor_slot=np.array([slot for _, slot in divisors], dtype=np.int32),
        term_kind=np.array([kind for terms in placed for kind, _ in terms], dtype=np.int8),
        term_slot=np.array([slot for terms in placed for _, slot in terms], dtype=np.int32),
        n_folded=0,
        folded_total=np.zeros(n_jobs),
        folded_group=np.zeros((3, n_jobs)),
        job_value=jobs.array(),
        user_value=users.array(),
        **lookups.arrays(),
        **intervals.arrays(),
        **flags.arrays(),
        **dots.arrays(vectors),
    )
