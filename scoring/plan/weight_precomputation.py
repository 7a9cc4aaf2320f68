"""Folding of weights into a program: precomputes the sums that depend on the job alone."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.bundle.program import JOB, NONE, Program

__all__ = ["fold"]


def fold(program: Program, flat_weight: Floats, group_weight: Floats) -> Program:
    """Return the program with these weights (n_components,), with its leading job-only components summed per job.

    Only leading components are folded: the canonical total adds components in order, and another order could round
    differently. A change of weights needs only this call; nothing is re-encoded.
    """
    n_folded, n_jobs = 0, program.n_jobs
    total, group = np.zeros(n_jobs), np.zeros((3, n_jobs))
    for c in range(program.n_components):
        terms = slice(program.term_start[c], program.term_start[c + 1])
        if program.divisor_kind[c] != NONE or program.link_kind[c] != NONE or (program.term_kind[terms] != JOB).any():
            break
        value = np.zeros(n_jobs)
        for slot in program.term_slot[terms]:
            value += program.job_value[slot]
        total += flat_weight[c] * value
        group[program.group[c]] += group_weight[c] * value
        n_folded += 1
    return program._replace(
        flat_weight=np.ascontiguousarray(flat_weight, dtype=np.float64),
        group_weight=np.ascontiguousarray(group_weight, dtype=np.float64),
        n_folded=n_folded,
        folded_total=total,
        folded_group=group,
    )
