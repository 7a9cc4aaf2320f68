"""Weights into a program: what can be added up before any pair is visited."""

from __future__ import annotations

import numpy as np

from scoring.array_types import Floats
from scoring.bundle.program import JOB, NONE, Program

__all__ = ["fold"]


def fold(program: Program, flat_weight: Floats, group_weight: Floats) -> Program:
    """The program under these weights (n_components,), its leading job-only components added up per job.

    Only leading ones: the canonical total adds component after component, and a sum that begins elsewhere
    could be rounded otherwise. Encodes nothing anew: a change of weights costs this and no more.
    """
    p = program
    n_folded, n_jobs = 0, p.n_jobs
    total, group = np.zeros(n_jobs), np.zeros((3, n_jobs))
    for c in range(p.n_components):
        terms = slice(p.term_start[c], p.term_start[c + 1])
        if p.divisor_kind[c] != NONE or (p.term_kind[terms] != JOB).any():
            break
        value = np.zeros(n_jobs)
        for slot in p.term_slot[terms]:
            value += p.job_value[slot]
        total += flat_weight[c] * value
        group[p.group[c]] += group_weight[c] * value
        n_folded += 1
    return p._replace(
        flat_weight=np.ascontiguousarray(flat_weight, dtype=np.float64),
        group_weight=np.ascontiguousarray(group_weight, dtype=np.float64),
        n_folded=n_folded,
        folded_total=total,
        folded_group=group,
    )
