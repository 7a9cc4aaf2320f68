"""Pair by pair in plain Python, with everything precomputed that does not depend on the pair."""

from __future__ import annotations

import heapq
from array import array
from dataclasses import dataclass
from operator import mul, neg
from typing import ClassVar

import numpy as np

from benchmarks.peers.peer import FullPeer
from benchmarks.results import Bar, at_least
from scoring.array_types import Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList


@dataclass(slots=True)
class _Job:
    base: float
    prefecture: int
    place: int
    occupation: int
    hourly: float | None
    remote: bool
    attractive: bool
    features: int
    vector: list[float] | None


@dataclass(slots=True)
class _User:
    location: list[float]
    place: int
    category: list[float]
    floor: float | None
    style: int
    applied: bool
    occupations: set[int]
    prefectures: set[int]
    usual_wage: float | None
    clicked: set[int]
    features: list[float]
    vector: list[float] | None


class PythonLoop(FullPeer):
    name = "per-pair Python, precomputed"
    how = "one function per pair; points per job, tables and sets per user are precomputed; one core"
    bar: ClassVar[Bar | None] = at_least(20_000)

    def __init__(self, peer_inputs: PeerInputs, cpus: int) -> None:
        super().__init__(peer_inputs, cpus)
        self.jobs, self.ids = _jobs(peer_inputs), peer_inputs.jobs.job_id.tolist()
        self.features = peer_inputs.users.feature_points().tolist()

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        lists = []
        for row in rows.tolist():
            user, weights = self._user(row), self.peer_inputs.weights
            w = (weights.location, weights.category, weights.conditions)
            v = (weights.history, weights.clicks, weights.collaborative)
            totals = array("f", [_score(user, job, w, v) for job in self.jobs])
            for job in self.peer_inputs.users.excluded[row].tolist():
                totals[job] = -1.0  # below every score
            found = heapq.nsmallest(k, zip(map(neg, totals), self.ids, strict=True))
            found = [(total, job_id) for total, job_id in found if total <= 0]
            lists.append(
                JobList(
                    np.array([job_id for _, job_id in found], dtype=np.int64),
                    np.array([-total for total, _ in found], dtype=np.float32),
                )
            )
        return lists

    def _user(self, row: int) -> _User:
        users = self.peer_inputs.users
        return _User(
            location=users.location[row].tolist(),
            place=int(users.place[row]),
            category=users.category[row].tolist(),
            floor=_known(float(users.floor[row])),
            style=int(users.style[row]),
            applied=bool(users.applied[row]),
            occupations=set(users.applied_occupations[row].tolist()),
            prefectures=set(users.applied_prefectures[row].tolist()),
            usual_wage=_known(float(users.usual_wage[row])),
            clicked=set(users.clicked_occupations[row].tolist()),
            features=self.features[row],
            vector=users.vector[row].tolist() if users.has_vector[row] else None,
        )


def _score(user: _User, job: _Job, w: tuple[float, float, float], v: tuple[float, float, float]) -> float:
    """Return the total of `standard`, not rounded."""
    location = user.location[job.prefecture]
    if job.place == user.place and job.place >= 0:
        location = 100.0
    category = user.category[job.occupation]
    requested, met = 1, float(job.attractive)
    if user.floor is not None:
        requested += 1
        met += job.hourly is not None and job.hourly >= user.floor
    if user.style:
        requested += 1
        met += 0.5 if user.style == 1 else job.remote
    history = 50.0
    if user.applied:
        history = 25.0
        if job.occupation in user.occupations:
            history += 30.0
        usual = user.usual_wage
        if usual is not None and job.hourly is not None and abs(job.hourly - usual) < 0.2 * usual:
            history += 25.0
        if job.prefecture in user.prefectures:
            history += 20.0
    clicks = 40.0 + user.features[job.features]
    if job.occupation in user.clicked:
        clicks += 20.0
    collaborative = 45.0
    if user.vector is not None and job.vector is not None:
        collaborative = 50.0 * (1.0 + sum(map(mul, user.vector, job.vector)))
    return (
        job.base
        + w[0] * location
        + w[1] * category
        + w[2] * (100.0 * met / requested)
        + v[0] * history
        + v[1] * clicks
        + v[2] * collaborative
    )


def _jobs(peer_inputs: PeerInputs) -> list[_Job]:
    jobs = peer_inputs.jobs
    vectors = jobs.vector.tolist()
    columns = (jobs.base, jobs.prefecture, jobs.place, jobs.occupation, jobs.hourly, jobs.offers, jobs.features)
    return [
        _Job(base, prefecture, place, occupation, _known(hourly), bool(offers & 1), bool(offers & 2), features,
             vector if has else None)
        for base, prefecture, place, occupation, hourly, offers, features, vector, has in zip(
            *(column.tolist() for column in columns), vectors, jobs.has_vector.tolist(), strict=True
        )
    ]  # fmt: skip


def _known(value: float) -> float | None:
    return None if value != value else value
