"""Random programs of any terms, weights and data, and plans of them that need no dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numba import config

from scoring.backends import reference
from scoring.bundle.program import Program
from scoring.dataset.arrays import Ragged
from scoring.model import Eligibility
from scoring.model.terms import (
    AffineLink,
    DotTerm,
    Flags,
    FlagTerm,
    IntervalTerm,
    JobTerm,
    Key,
    Link,
    LookupTerm,
    Number,
    PairTerm,
    SigmoidLink,
    Term,
    TreeTerm,
    UserTerm,
    Value,
)
from scoring.plan import Plan
from scoring.plan.program_packer import pack
from scoring.plan.rule_exclusions import Exclusions
from scoring.plan.term_checks import check_value
from scoring.plan.user_rules import ClassRule, ExcludedCompanies, ExcludedJobs, RequiredJobs, UserRule
from scoring.plan.weight_precomputation import fold

TERMS = ("job", "user", "dense", "sparse", "both", "interval", "flags", "dot", "trees")
DIVISORS = (None, None, None, "user", "flags", "affine", "sigmoid", "user sigmoid", "flags affine")
"""Divisors and links of components."""
PAIR_LINKS = ("pairs affine", "pairs sigmoid")
"""Links of components with a function of pairs."""
WEIGHTS = (0.0, 1e-300, 1.0, 0.25, 1 / 3, 1e-12, 0.9999999)


def cases(count: int) -> settings:
    """Return settings for `count` deterministic cases: fewer without JIT, which is a hundred times as slow."""
    return settings(
        max_examples=max(5, count // 30) if config.DISABLE_JIT else count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@dataclass(frozen=True)
class Sketch:
    """The sizes and terms of a program, which hypothesis chooses and shrinks. `seed` fills the arrays."""

    seed: int
    n_users: int
    n_jobs: int
    components: tuple[
        tuple[tuple[str, ...], str | None, float, float, int], ...
    ]  # terms, divisor and link, weights, group
    levels: int  # number of different values; 0: unlimited
    per_company: int = 0
    n_companies: int = 3

    def rng(self, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *what.encode()])


def sketches(
    users: tuple[int, int] = (0, 5),
    jobs: st.SearchStrategy[int] | None = None,
    levels: st.SearchStrategy[int] | None = None,
) -> st.SearchStrategy[Sketch]:
    weight = st.sampled_from(WEIGHTS)
    component = st.tuples(
        st.lists(st.sampled_from(TERMS), max_size=4).map(tuple),
        st.sampled_from(DIVISORS),
        weight,
        weight,
        st.integers(0, 2),
    )
    return st.builds(
        Sketch,
        seed=st.integers(0, 2**32 - 1),
        n_users=st.integers(*users),
        n_jobs=st.integers(0, 40) if jobs is None else jobs,
        components=st.lists(component, max_size=6).map(tuple),
        levels=st.sampled_from((0, 2, 3)) if levels is None else levels,
        per_company=st.sampled_from((0, 0, 1, 2)),
        n_companies=st.integers(0, 5),
    )


class _Maker:
    """Make random terms that share a few columns of the jobs."""

    def __init__(self, sketch: Sketch) -> None:
        self.rng = sketch.rng("terms")
        self.n, self.m, self.levels = sketch.n_users, sketch.n_jobs, sketch.levels
        self.keys = [self.key(f"key {i}", size) for i, size in enumerate((1, 3, 7, 20, 100))]
        self.numbers = [Number(f"number {i}", self.number()) for i in range(2)]
        self.flag_sets = [
            Flags(f"flags {width}", self.rng.integers(2**width, size=self.m).astype(np.uint16), width)
            for width in (1, 3)
        ]

    def values(self, *shape: int) -> np.ndarray:
        if self.levels:
            return self.rng.integers(self.levels, size=shape) * (100.0 / self.levels)
        return self.rng.uniform(0, 100, shape)

    def key(self, name: str, size: int) -> Key:
        return Key(name, self.rng.integers(-1, size, self.m).astype(np.int32), size)

    def number(self) -> np.ndarray:
        special = self.rng.choice([np.nan, np.inf, -np.inf, 0.0], self.m)
        return np.where(self.rng.random(self.m) < 0.2, special, self.rng.integers(-3, 9, self.m) / 3)

    def bounds(self) -> np.ndarray:
        """Return bounds (n,) equal to the numbers, one float64 apart from them, or not finite."""
        on = self.rng.integers(-4, 10, self.n) / 3
        beside = np.nextafter(on, self.rng.choice([-np.inf, np.inf], self.n))
        special = self.rng.choice([np.nan, np.inf, -np.inf], self.n)
        kind = self.rng.integers(4, size=self.n)
        return np.select([kind < 2, kind == 2], [on, beside], special)

    def rows(self, low: int, high: int) -> np.ndarray:
        return self.rng.integers(low, high, self.n).astype(np.int32)

    def term(self, kind: str) -> Term:
        return getattr(self, f"_{kind}")()

    def _job(self) -> Term:
        return JobTerm(self.values(self.m))

    def _user(self) -> Term:
        return UserTerm(self.values(self.n))

    def _dense(self) -> Term:
        key, rows = self.rng.choice(np.array(self.keys, dtype=object)), self.rng.integers(1, 4)
        return LookupTerm(key, self.values(rows, key.size + 1), self.rows(-1, rows))

    def _sparse(self) -> Term:
        key = self.rng.choice(np.array(self.keys, dtype=object))
        return LookupTerm.sparse(key, self.entries(key.size), float(self.values(1)[0]))

    def _both(self) -> Term:
        dense = self._dense()
        entries = self.entries(dense.key.size)
        return LookupTerm(dense.key, dense.rows, dense.row_of, entries, self.values(len(entries.values)))

    def entries(self, size: int) -> Ragged:
        """Return random codes per user. Some users have none, and some have duplicates."""
        return Ragged.of(self.rng.integers(size, size=self.rng.integers(4)).tolist() for _ in range(self.n))

    def _interval(self) -> Term:
        number = self.numbers[self.rng.integers(2)]
        return IntervalTerm(number, self.bounds(), self.bounds(), self.values(self.n))

    def _flags(self) -> Term:
        flags, rows = self.flag_sets[self.rng.integers(2)], self.rng.integers(1, 4)
        return FlagTerm(flags, self.values(rows, 2**flags.width), self.rows(0, rows))

    def _dot(self) -> Term:
        dimensions = int(self.rng.choice([0, 1, 3, 4, 5, 8, 33]))
        vectors = [self.rng.normal(size=(rows, dimensions)).astype(np.float32) for rows in (self.n, self.m)]
        if self.levels:
            vectors = [np.sign(vector) for vector in vectors]
        has = [self.rng.random(rows) < 0.8 for rows in (self.n, self.m)]
        return DotTerm(
            *vectors, *has, scale=float(self.rng.choice([50.0, 1.0, 0.1])), shift=1.0, otherwise=self.values(self.n)
        )

    def _trees(self) -> Term:
        shapes = self.rng.integers(1, 5, (self.rng.integers(5), 2))
        states = [
            np.stack([self.rng.integers(shape[side], size=size) for shape in shapes], axis=1)
            if len(shapes)
            else np.zeros((size, 0))
            for side, size in ((0, self.n), (1, self.m))
        ]
        tables = tuple(self.values(*shape) - 50.0 for shape in shapes)
        return TreeTerm(tables, states[0].astype(np.int32), states[1].astype(np.uint16))

    def pair(self) -> PairTerm:
        """Return a function of pairs with a value per pair, some of them NaN or infinite."""
        table = self.values(self.n, self.m) - 30.0
        special = self.rng.choice([np.nan, np.inf, -np.inf], table.shape)
        table = np.where(self.rng.random(table.shape) < 0.1, special, table)
        return PairTerm(lambda users, jobs: table[users, jobs])

    def link(self, kind: str) -> Link | None:
        """Return a link that clips some sums, or all of them."""
        low = float(self.rng.choice([0.0, 50.0, -1e3, 1e-3]))
        if kind.endswith("affine"):
            return AffineLink(low, low + float(self.rng.choice([1e-9, 50.0, 200.0, 1e9])))
        return SigmoidLink(float(self.rng.choice([1e-3, 0.02, 5.0, 1e9]))) if kind.endswith("sigmoid") else None

    def divisor(self, kind: str) -> Any:
        if not kind.startswith(("user", "flags")):
            return None
        if kind.startswith("user"):
            return UserTerm(self.rng.integers(1, 4, self.n).astype(float))
        flags = self.flag_sets[self.rng.integers(2)]
        return FlagTerm(flags, self.rng.integers(1, 5, (2, 2**flags.width)).astype(float), self.rows(0, 2))


def values_of(sketch: Sketch) -> list[Value]:
    """Return the value of each component, checked as a plan checks it."""
    make = _Maker(sketch)
    values = [
        Value((make.pair(),), link=make.link(change))
        if change and change.startswith("pairs")
        else Value(tuple(make.term(kind) for kind in terms), make.divisor(change or ""), make.link(change or ""))
        for terms, change, *_ in sketch.components
    ]
    for value in values:
        check_value("random", value, sketch.n_users, sketch.n_jobs)
    return values


def program_of(sketch: Sketch) -> Program:
    flat, within = (np.array([component[i] for component in sketch.components]) for i in (2, 3))
    group = np.array([component[4] for component in sketch.components], dtype=np.int32)
    return fold(pack(values_of(sketch), flat, within, group, sketch.n_users, sketch.n_jobs), flat, within)


def plan_of(sketch: Sketch, program: Program | None = None) -> Plan:
    """Return a plan with unordered ids, and with jobs and companies excluded for all or for single users."""
    rng, n, m = sketch.rng("exclusions"), sketch.n_users, sketch.n_jobs
    some: Callable[[int], Ragged] = partial(_some, rng, n)
    by_rule = {"closed": rng.random(m) < rng.choice([0.0, 0.2, 0.9, 1.0], p=[0.4, 0.4, 0.15, 0.05])}
    jobs, companies = some(m), some(sketch.n_companies)
    company = rng.integers(-1, sketch.n_companies, m).astype(np.int32)
    exclusions = Exclusions(
        rules=Eligibility(max_per_company=sketch.per_company or None),
        by_rule=by_rule,
        user_rules=(
            ExcludedJobs("jobs", jobs),
            ExcludedCompanies("companies", companies, company),
            *_own_rules(sketch.rng("own rules"), n, m),
        ),
        company=company,
        n_companies=sketch.n_companies,
        n_users=n,
    )
    return Plan(
        model=None,  # type: ignore[arg-type]  # scoring does not read the model
        program=program_of(sketch) if program is None else program,
        exclusions=exclusions,
        user_id=rng.permutation(n).astype(np.int64) + 10,
        job_id=rng.permutation(max(m, 1) * 2)[:m].astype(np.int64),
    )


def _own_rules(rng: np.random.Generator, n: int, m: int) -> list[UserRule]:
    """Return up to 3 rules by classes, and in one of five programs lists of required jobs."""
    rules: list[UserRule] = []
    for number in range(rng.choice([0, 1, 2, 3], p=[0.5, 0.2, 0.15, 0.15])):
        shape = tuple(rng.choice([1, 2, 5, 20], 2))
        allowed = rng.random(shape) < rng.choice([0.05, 0.5, 0.95])
        classes = (rng.integers(0, size, length).astype(np.int32) for size, length in zip(shape, (n, m), strict=True))
        rules.append(ClassRule(f"class {number}", *classes, allowed))
    if rng.random() < 0.2:
        required = [sorted(rng.permutation(m)[: rng.integers(0, max(2, m // 2))].tolist()) for _ in range(n)]
        rules.append(RequiredJobs("required", Ragged.of(required)))
    return rules


def _some(rng: np.random.Generator, n: int, size: int) -> Ragged:
    """Return up to 3 distinct integers below `size` per user."""
    return Ragged.of(rng.permutation(size)[: rng.integers(4)].tolist() for _ in range(n))


def reference_lists(plan: Plan, k: int, users: np.ndarray | None = None) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the job rows of the reference's top k, and the scores (4, n, m) of all pairs."""
    users = np.arange(plan.program.n_users) if users is None else users
    scores = reference.compute_scores(plan.program, users, np.arange(plan.program.n_jobs))
    exclusions = plan.exclusions
    eligible = exclusions.matrix(users)
    per_company = exclusions.rules.max_per_company or 0
    return reference.top_k(scores[0], plan.job_id, eligible, exclusions.company, k, per_company), scores
