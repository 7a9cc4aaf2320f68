"""The eligible jobs laid out for selection: which keys make cells, how jobs are ordered, what blocks bound.

A layout holds what does not depend on weights, or depends on them only in how well it prunes; an index adds the
job scores under the weights of the moment and is made anew in milliseconds when these change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from scoring.array_types import Longs
from scoring.bundle.index import BLOCK_JOBS, FIRST, Index, Limits
from scoring.bundle.program import Program
from scoring.plan.blocks import Room, best_of_cells, best_of_the_rest, lay_out_blocks
from scoring.plan.classes import Classes
from scoring.plan.exclusions import Exclusions
from scoring.plan.keys import (
    cell_numbers,
    choose_keys,
    even_components,
    job_scores,
    key_codes,
    key_spreads,
    key_widths,
    largest_of_lookups,
    lone_lookups,
    turns_of_users,
)
from scoring.plan.sparse import holders, sparse_keys

__all__ = ["Layout"]

ENOUGH = 0.75
"""Of the best keys' share in what tells jobs apart: a layout with less is made anew."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The eligible jobs in an order, m of them; `program` and `limits` have positions in that order for job rows."""

    program: Program
    limits: Limits
    keys: tuple[int, ...]  # that make the cells
    fixed: dict[str, Any]  # the parts of an index that do not depend on weights, or only in a few columns
    room: Room
    classes: Classes
    turn_of_user: Longs  # (n,) users with near numbers look at the same jobs: one after the other they find them cached

    @classmethod
    def of(cls, program: Program, exclusions: Exclusions, job_id: Longs, keys: tuple[int, ...] | None = None) -> Self:
        """Laid out for the weights in the program (with the keys that `choose_keys` chooses for them)."""
        rows = np.flatnonzero(exclusions.open_to_all)
        rows = rows[np.argsort(job_id[rows], kind="stable")]
        code = key_codes(program, rows)
        if keys is None:
            keys = choose_keys(program, code)
        cell = cell_numbers(program, code, keys)
        order = np.lexsort((-job_scores(program)[rows], cell))
        rows, code, cell = rows[order], np.ascontiguousarray(code[:, order]), cell[order]
        vector = np.ascontiguousarray(program.job_vector.T[rows])
        for slot, has in enumerate(program.dot_job_has[:, rows]):
            vector[~has, program.dot_start[slot] : program.dot_start[slot + 1]] = 0.0
        without_vectors = program._replace(job_vector=program.job_vector[:0])  # they are laid out by job above
        laid = without_vectors.take_jobs(rows)
        loose = [key for key in range(len(code)) if key not in keys]
        classes = Classes.of(program, loose)
        fixed = _of_users(program) | {
            "plan_row": rows,
            "turn": order.astype(np.int32),
            "by_turn": np.argsort(order, kind="stable").astype(np.int32),
            "company": exclusions.company[rows].astype(np.int32),
            "code": code,
            "width": key_widths(program),
            "vector": vector,
            **_job_bounds(laid),
            "ordered": np.array(keys, dtype=np.int32),
            "loose": np.array(loose, dtype=np.int32),
            "bounded": np.array([key for key in loose if key not in classes.shared], dtype=np.int32),
            "class_of_user": classes.of_user,
        }
        parts, room = lay_out_blocks(laid, fixed, cell)
        fixed |= parts
        fixed |= holders(program, fixed)
        return cls(laid, _limits(exclusions, rows), keys, fixed, room, classes, turns_of_users(program, keys))

    def with_job_values(self, program: Program) -> Self:
        """The same order and blocks, which are right whatever the jobs' values, for a program with other values."""
        values = program.job_value[:, self.fixed["plan_row"]]
        laid = self.program._replace(job_value=np.ascontiguousarray(values))
        return replace(self, program=laid, fixed=self.fixed | _job_bounds(laid))

    def with_program(self, before: Program, now: Program) -> Self | None:
        """The same order and blocks for a program of the same jobs, codes and vectors, whose users have other rows,
        steps and exceptions; None where more differs. `before` is the program that this was laid out for.

        All of an index that depends on users' own arrays, or on how components are made of them, is made anew: that
        is quick. Sorting and bounding 100,000 jobs takes twenty times as long.
        """
        if not all(_same(getattr(before, name), getattr(now, name)) for name in _BY_JOB):
            return None
        loose = self.fixed["loose"].tolist()
        width, classes = key_widths(now), Classes.of(now, loose)
        if not np.array_equal(width, self.fixed["width"]) or classes.shared != self.classes.shared:
            return None
        by_user = _of_users(now) | {"class_of_user": classes.of_user}
        fixed = self.fixed | by_user
        if sparse_keys(now, fixed) != self.fixed["sparse"].tolist():
            return None
        laid = now._replace(
            **{name: getattr(self.program, name) for name in (*_BY_JOB, "folded_total", "folded_group")}
        )
        layout = replace(self, program=laid, fixed=fixed, classes=classes, turn_of_user=turns_of_users(now, self.keys))
        return layout.with_job_values(now)

    def fits(self, program: Program) -> bool:
        """Whether other keys would not tell jobs apart much better under the weights of this program."""
        spread = key_spreads(program, self.fixed["code"])
        possible = np.sort(spread)[::-1][: max(len(self.keys), 1)].sum()
        return bool(spread[list(self.keys)].sum() >= ENOUGH * possible)

    def index(self, program: Program) -> tuple[Program, Index]:
        """The laid out program and its index, with the weights that the given one has folded in."""
        rows = self.fixed["plan_row"]
        laid = self.program._replace(
            flat_weight=program.flat_weight,
            group_weight=program.group_weight,
            n_folded=program.n_folded,
            folded_total=program.folded_total[rows],
            folded_group=np.ascontiguousarray(program.folded_group[:, rows]),
        )
        score = job_scores(laid)
        single = score.astype(np.float32)
        fixed, room = self.fixed.copy(), self.room
        block = fixed["block"]
        of_class = self.classes.scores(laid, score, fixed["code"])
        best = np.maximum.reduceat(of_class, block[:, FIRST], axis=1)
        own = np.zeros((len(of_class), len(block) * BLOCK_JOBS), dtype=np.float32)
        own[:, room.lane] = of_class
        return laid, Index(
            **fixed,
            own=own.reshape(len(own), -1, BLOCK_JOBS),
            block_best=np.stack([best, best_of_the_rest(best, room.filled)], axis=2),
            block_single=block.view(np.float32),
            block_masks=block.view(np.uint64),
            single=single,
            largest=float(np.abs(score).max()),
            job_sums=np.ascontiguousarray(np.stack([score, laid.folded_total, *laid.folded_group]).T),
            cell_best=best_of_cells(best, fixed["cell"]),
        )


_BY_JOB = ("key_code", "number_rank", "flag_bits", "dot_start", "dot_job_has", "job_vector")
"""Parts of a program by which jobs are ordered, cut into blocks and bounded."""


def _same(a: Any, b: Any) -> bool:
    return a is b or np.array_equal(a, b)


def _of_users(program: Program) -> dict[str, Any]:
    """The parts of an index that hang on users' arrays, and on how components are made of them."""
    even = even_components(program)
    return {
        "even": even,
        "uneven": np.flatnonzero(~even).astype(np.int32),
        "lone": lone_lookups(program),
        "lookup_largest": largest_of_lookups(program),
    }


def _job_bounds(laid: Program) -> dict[str, Any]:
    return {
        "job_low": laid.job_value.min(axis=1, initial=0.0),
        "job_high": laid.job_value.max(axis=1, initial=0.0),
    }


def _limits(exclusions: Exclusions, rows: Longs) -> Limits:
    place = np.full(len(exclusions.company), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    company = exclusions.company[rows]
    by_company = np.argsort(company, kind="stable")
    start = np.searchsorted(company[by_company], np.arange(exclusions.n_companies + 1))
    own = place[exclusions.jobs.values]
    before = np.concatenate([[0], np.cumsum(own >= 0)])
    return Limits(
        excluded_start=before[exclusions.jobs.start].astype(np.int64),
        excluded=own[own >= 0],
        cooling_start=exclusions.companies.start.astype(np.int64),
        cooling=exclusions.companies.values.astype(np.int32),
        company_start=start.astype(np.int64),
        company_jobs=by_company.astype(np.int64),
        per_company=exclusions.rules.max_per_company or 0,
        hidden=np.empty((0, 0), np.uint8) if exclusions.candidates is None else exclusions.candidates.hidden(rows),
    )
