"""The legacy method: a loop over pairs in plain Python that evaluates every formula for every pair.

It implements the shipped model `standard`, with hard-coded weights as in the legacy code. Rows are dictionaries that
are created in advance. They already contain the statistics.
"""

from __future__ import annotations

import heapq
from itertools import pairwise
from typing import Any

import numpy as np

from scoring.array_types import Longs
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList

__all__ = ["PairLoop"]

Row = dict[str, Any]

_WAGE = ((0.0, 0.0), (1.0, 60.0), (1.2, 80.0), (1.5, 100.0))
_POPULARITY = ((0.0, 0.0), (0.05, 60.0), (0.10, 80.0), (0.15, 100.0))
_FEE = ((500.0, 0.0), (5000.0, 100.0))
_FEATURES = (("daily_payment", 15.0), ("no_experience", 10.0), ("student_welcome", 10.0))


class PairLoop:
    """Eleven component functions per pair, which take the dictionaries of a user and a job."""

    def __init__(self, peer_inputs: PeerInputs) -> None:
        self._excluded = peer_inputs.users.excluded
        self._jobs, self._users = _make_job_rows(peer_inputs), _make_user_rows(peer_inputs)

    def rank(self, rows: Longs, k: int) -> list[JobList]:
        """Return the k best jobs of the users at these rows of the facts."""
        lists = []
        for row in rows.tolist():
            excluded = set(self._excluded[row].tolist())
            user = self._users[row]
            # the contract compares totals in float32, so ties are ties of rounded totals
            totals = ((float(np.float32(_total(user, job))), job["job_id"]) for at, job in enumerate(self._jobs)
                      if at not in excluded)  # fmt: skip
            best = heapq.nsmallest(k, ((-total, job_id) for total, job_id in totals))
            ids, scores = [job_id for _, job_id in best], [-total for total, _ in best]
            lists.append(JobList(np.array(ids, dtype=np.int64), np.array(scores, dtype=np.float32)))
        return lists


def _total(user: Row, job: Row) -> float:
    return (
        0.10 * _curve(_FEE, job["fee"])
        + 0.4 * 0.35 * _wage(job)
        + 0.4 * 0.20 * _curve(_POPULARITY, (job["applications"] + 1) / (job["looks"] + 20))
        + 0.4 * 0.10 * min(100.0, 25.0 + 75.0 * job["has_station"] + 25.0 * job["has_address"])
        + 0.4 * 0.10 * _freshness(job)
        + 0.3 * 0.40 * _location(user, job)
        + 0.3 * 0.35 * _category(user, job)
        + 0.3 * 0.25 * _conditions(user, job)
        + 0.3 * 0.40 * _history(user, job)
        + 0.3 * 0.30 * _clicks(user, job)
        + 0.3 * 0.30 * _collaborative(user, job)
    )


def _curve(points: tuple[tuple[float, float], ...], x: float | None) -> float:
    if x is None or x <= points[0][0]:
        return 0.0
    for (x0, y0), (x1, y1) in pairwise(points):
        if x < x1:
            return y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return points[-1][1]


def _wage(job: Row) -> float:
    return 0.0 if job["hourly"] is None or not job["area_mean"] else _curve(_WAGE, job["hourly"] / job["area_mean"])


def _freshness(job: Row) -> float:
    return 0.0 if job["age_days"] is None else 100.0 * 2.0 ** (-job["age_days"] / 14.0)


def _location(user: Row, job: Row) -> float:
    if user["prefecture"] is None or job["prefecture"] is None:
        return 20.0
    if user["prefecture"] == job["prefecture"]:
        return 100.0 if user["place"] is not None and user["place"] == job["place"] else 85.0
    return 60.0 if job["prefecture"] in user["adjacent"] else 20.0


def _category(user: Row, job: Row) -> float:
    if not user["similar"] or job["occupation"] is None:
        return 20.0
    return 20.0 + 80.0 * max(row[job["occupation"]] for row in user["similar"])


def _conditions(user: Row, job: Row) -> float:
    conditions, met = 1, float(job["daily_payment"] or job["no_experience"] or job["student_welcome"])
    if user["floor"] is not None:
        conditions += 1
        met += job["hourly"] is not None and job["hourly"] >= user["floor"]
    if user["style"]:
        conditions += 1
        met += float(job["remote_work"]) if user["style"] == 2 else 0.5
    return 100.0 * met / conditions


def _history(user: Row, job: Row) -> float:
    if not user["applied"]:
        return 50.0
    points, usual = 25.0, user["usual_wage"]
    if job["occupation"] in user["applied_occupations"]:
        points += 30.0
    if usual is not None and job["hourly"] is not None and abs(job["hourly"] - usual) < 0.2 * usual:
        points += 25.0
    if job["prefecture"] in user["applied_prefectures"]:
        points += 20.0
    return points


def _clicks(user: Row, job: Row) -> float:
    points = 40.0
    if job["occupation"] in user["clicked_occupations"]:
        points += 20.0
    for name, gain in _FEATURES:
        if job[name] and name in user["clicked_features"]:
            points += gain
    return points


def _collaborative(user: Row, job: Row) -> float:
    if user["vector"] is None or job["vector"] is None:
        return 45.0
    cosine = 0.0
    for a, b in zip(user["vector"], job["vector"], strict=True):
        cosine += a * b
    return 50.0 * (1.0 + cosine)


def _make_job_rows(peer_inputs: PeerInputs) -> list[Row]:
    inputs, shown = peer_inputs.inputs, peer_inputs.shown
    jobs = inputs.jobs.take(shown)
    applications, looks = inputs.basis.company_actions(360).of(jobs.company)
    columns = {
        "job_id": jobs.job_id.tolist(),
        "fee": _replace_nan(jobs.fee),
        "hourly": _replace_nan(jobs.hourly),
        "area_mean": _replace_nan(inputs.basis.areas.of(jobs)[0]),
        "applications": applications.tolist(),
        "looks": looks.tolist(),
        "has_station": jobs.has_station.tolist(),
        "has_address": jobs.has_address.tolist(),
        "age_days": _replace_nan(inputs.job_age_days[shown]),
        "prefecture": _replace_missing_codes(jobs.prefecture),
        "place": _replace_missing_codes(jobs.place),
        "occupation": _replace_missing_codes(jobs.occupation),
        "vector": _make_vectors(peer_inputs.jobs.vector, peer_inputs.jobs.has_vector),
    }
    flags = ("remote_work", "daily_payment", "no_experience", "student_welcome")
    columns |= {name: (getattr(jobs, name) > 0).tolist() for name in flags}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _make_user_rows(peer_inputs: PeerInputs) -> list[Row]:
    inputs, users = peer_inputs.inputs, peer_inputs.users
    similarity = inputs.basis.similarity.matrix(inputs.majors, 0.5, 0.5).tolist()
    prefecture, place = _replace_missing_codes(inputs.users.prefecture), _replace_missing_codes(users.place)
    vectors, floors, wages = (
        _make_vectors(users.vector, users.has_vector),
        _replace_nan(users.floor),
        _replace_nan(users.usual_wage),
    )
    return [
        {
            "prefecture": prefecture[row],
            "place": place[row],
            "adjacent": set(np.flatnonzero(inputs.adjacent[prefecture[row] or 0]).tolist()),
            "similar": [similarity[code] for code in inputs.users.preferred[row].tolist()],
            "floor": floors[row],
            "style": int(users.style[row]),
            "applied": bool(users.applied[row]),
            "applied_occupations": set(users.applied_occupations[row].tolist()),
            "applied_prefectures": set(users.applied_prefectures[row].tolist()),
            "usual_wage": wages[row],
            "clicked_occupations": set(users.clicked_occupations[row].tolist()),
            "clicked_features": {
                name for bit, (name, _) in enumerate(_FEATURES) if users.clicked_features[row] >> bit & 1
            },
            "vector": vectors[row],
        }
        for row in range(len(users))
    ]


def _replace_nan(values: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def _replace_missing_codes(codes: np.ndarray) -> list[int | None]:
    return [None if code < 0 else code for code in codes.tolist()]


def _make_vectors(vectors: np.ndarray, has: np.ndarray) -> list[list[float] | None]:
    return [vector if has_vector else None for vector, has_vector in zip(vectors.tolist(), has.tolist(), strict=True)]
