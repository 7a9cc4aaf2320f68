"""Components as a user of the package would write them. The contract suite must accept them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from scoring.dataset.arrays import Ragged
from scoring.model import Component, Inputs, Pair, Reason
from scoring.model.terms import IntervalTerm, JobTerm, Key, LookupTerm, Number, UserTerm, Value


class TitleWord(Component):
    """100 where the title contains a word, else `without`; reads the jobs' frame."""

    kind: ClassVar[str] = "title_word"

    word: str = "shift"
    without: Annotated[float, Field(ge=0, le=100)] = 10

    def terms(self, inputs: Inputs) -> Value:
        has = inputs.jobs.frame["title"].str.contains(self.word, case=False, regex=False, na=False)
        return Value((JobTerm(np.where(has.to_numpy(bool), 100.0, self.without)),))

    def explain(self, pair: Pair) -> Reason:
        title = pair.job.row["title"]
        has = isinstance(title, str) and self.word.lower() in title.lower()
        return Reason(100.0 if has else self.without, {"title": title, "word": self.word})


class SameAge(Component):
    """A component with a custom key: the title length of jobs and twice the length of the age group of users."""

    kind: ClassVar[str] = "same_age"

    gain: Annotated[float, Field(ge=0, le=50)] = 50

    def terms(self, inputs: Inputs) -> Value:
        length = inputs.jobs.frame["title"].str.len()
        codes = np.where(length.isna(), -1, length.fillna(0).clip(upper=30)).astype(np.int32)
        ages = inputs.users.frame["age_group"]
        wanted = Ragged.of([2 * len(age)] if isinstance(age, str) else [] for age in ages)
        key = Key("title length", codes, 31)
        n_users = len(inputs.users)
        base = LookupTerm(key, np.array([np.linspace(0, 40, 32)]), np.zeros(n_users, dtype=np.int32))
        return Value((base, LookupTerm.sparse(key, wanted, self.gain)))

    def explain(self, pair: Pair) -> Reason:
        title, age = pair.job.row["title"], pair.user.row["age_group"]
        if not isinstance(title, str):
            return Reason(40.0, {"title": None})
        length = min(len(title), 30)
        gain = self.gain if isinstance(age, str) and 2 * len(age) == length else 0.0
        return Reason(float(np.linspace(0, 40, 32)[length]) + gain, {"length": length, "age": age})


class FeeInReach(Component):
    """A component with a custom interval and a condition.

    The job has a station, and its fee is between the user's salary floor and four times the floor.
    """

    kind: ClassVar[str] = "fee_in_reach"

    def terms(self, inputs: Inputs) -> Value:
        jobs, floor = inputs.jobs, inputs.users.salary_floor
        number = Number("fee with a station", np.where(jobs.has_station, jobs.fee, -np.inf))
        n_users = len(inputs.users)
        reached = IntervalTerm(number, floor, 4 * floor, np.full(n_users, 70.0))
        return Value((UserTerm(np.where(np.isnan(floor), 50.0, 30.0)), reached))

    def explain(self, pair: Pair) -> Reason:
        floor, fee = pair.user.salary_floor, pair.job.fee
        if floor is None:
            return Reason(50.0)
        reached = pair.job.has_station and fee is not None and floor <= fee < 4 * floor
        return Reason(100.0 if reached else 30.0, {"fee": fee, "floor": floor})


OWN = (TitleWord, SameAge, FeeInReach)


class OwnColumns(Component):
    """A component that reads own columns: of jobs, users and actions, and of jobs compared with users.

    20 · 2^(-distance/10), 10 for a willing user, 25 for the same level, 25 for a licence of the user, and 20
    for the level of a job that the user opened from an e-mail.
    """

    kind: ClassVar[str] = "own_columns"

    def terms(self, inputs: Inputs) -> Value:
        jobs, users = inputs.jobs, inputs.users
        distance = jobs.numbers("distance_km")
        levels, licences = jobs.codes("level"), jobs.codes("licence")
        opened = inputs.history.within("click")
        of_mail = opened.codes("channel", pd.Index(["mail"])).codes == 0
        job_levels = inputs.history.jobs.codes("level", levels.labels).codes
        mail: list[set[int]] = [set() for _ in range(len(users))]
        for user, job in zip(opened.user[of_mail].tolist(), opened.job[of_mail].tolist(), strict=True):
            mail[user].add(int(job_levels[job]))
        level_key = Key("own level", levels.codes, len(levels.labels))
        licence_key = Key("own licence", licences.codes, len(licences.labels))
        same = [[code] for code in users.codes("level", levels.labels).codes.tolist()]
        owned = users.code_lists("licences", licences.labels).lists
        held = [sorted(set(owned[user].tolist())) for user in range(len(users))]
        return Value(
            (
                JobTerm(np.where(np.isnan(distance), 0.0, 20 * np.exp2(-np.nan_to_num(distance) / 10))),
                UserTerm(np.where(users.flags("is_willing") == 1, 10.0, 0.0)),
                LookupTerm.sparse(level_key, _drop_missing(same), 25.0),
                LookupTerm.sparse(licence_key, _drop_missing(held), 25.0),
                LookupTerm.sparse(level_key, _drop_missing(sorted(codes) for codes in mail), 20.0),
            )
        )

    def explain(self, pair: Pair) -> Reason:
        job, user = pair.job, pair.user
        mail = {action.job["level"] for action in pair.actions("click") if action["channel"] == "mail"}
        distance, level = job["distance_km"], job["level"]
        value = 0.0 if distance is None else 20 * float(np.exp2(-distance / 10))
        value += 10.0 if user["is_willing"] else 0.0
        value += 25.0 if level is not None and level == user["level"] else 0.0
        value += 25.0 if job["licence"] in user["licences"] else 0.0
        value += 20.0 if level is not None and level in mail else 0.0
        return Reason(value, {"distance": distance, "level": level})


class TitleVectors(Component):
    """A component whose state is fitted: principal directions of the characters of all titles (an SVD)."""

    kind: ClassVar[str] = "title_vectors"

    def terms(self, inputs: Inputs) -> Value:
        titles = inputs.jobs.frame["title"].fillna("")
        counts = np.array([[title.count(letter) for letter in "aeiorst "] for title in titles], dtype=np.float64)
        directions = np.linalg.svd(counts - counts.mean(axis=0), full_matrices=False)[2][:2]
        points = 50.0 + 5.0 * (counts @ directions.T).sum(axis=1)
        return Value((JobTerm(np.clip(np.round(points, 6), 0.0, 100.0)),))

    def explain(self, pair: Pair) -> Reason:
        raise NotImplementedError


class AppliedTitles(Component):
    """A component that reads the jobs that the user applied to: 90 if the job's title is among theirs, else 30.

    Codes of titles depend on which jobs are scored together, so single rows do not have the codes of all rows.
    """

    kind: ClassVar[str] = "applied_titles"

    def terms(self, inputs: Inputs) -> Value:
        titles = inputs.jobs.codes("title")
        applied = inputs.history.within("application")
        of_history = inputs.history.jobs.codes("title", titles.labels).codes[applied.job]
        of_user: list[set[int]] = [set() for _ in range(len(inputs.users))]
        for user, code in zip(applied.user.tolist(), of_history.tolist(), strict=True):
            of_user[user].add(code)
        key = Key("title of applications", titles.codes, len(titles.labels))
        base = UserTerm(np.full(len(inputs.users), 30.0))
        return Value((base, LookupTerm.sparse(key, _drop_missing(sorted(codes) for codes in of_user), 60.0)))

    def explain(self, pair: Pair) -> Reason:
        titles = {action.job["title"] for action in pair.actions("application")} - {None}
        title = pair.job.row["title"]
        return Reason(90.0 if isinstance(title, str) and title in titles else 30.0, {"title": title})


def _drop_missing(rows: Iterable[list[int]]) -> Ragged:
    return Ragged.of([code for code in row if code >= 0] for row in rows)
