"""One user's list: each job with what every component adds to its score, and where it stood before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from scoring.evaluation import movements
from scoring.model import Inputs
from scoring.plotting.displays import display
from scoring.ranking import Prepared, Ranking

__all__ = ["Listed", "UserList", "user_list"]


@dataclass(frozen=True)
class Listed:
    """A job on the list. The points add up to the total before it is rounded to float32."""

    rank: int
    job_id: int
    title: str
    company: str
    place: str
    total: float  # float32 value, the canonical total
    movement: str  # ▲3, ▼2, =, new
    points: tuple[float, ...]  # of each component: flat weight × value


@dataclass(frozen=True, repr=False)
class UserList:
    """The top of one user's ranking, best first, and what fell out of it."""

    user_id: int
    components: tuple[str, ...]
    groups: tuple[str, ...]  # of each component
    jobs: tuple[Listed, ...]
    fell_out: Mapping[int, int] = field(default_factory=dict)
    """Job → the rank it had."""

    def __repr__(self) -> str:
        return f"UserList(user {self.user_id}, {len(self.jobs)} jobs, {len(self.fell_out)} fell out)"

    def _repr_html_(self) -> str:
        return str(display("user list", self))

    def frame(self) -> pd.DataFrame:
        """One row per job: rank · job_id · movement · total · title · company · place · a column per component."""
        columns = ("rank", "job_id", "movement", "total", "title", "company", "place")
        rows = [
            {name: getattr(job, name) for name in columns} | dict(zip(self.components, job.points, strict=True))
            for job in self.jobs
        ]
        return pd.DataFrame(rows, columns=[*columns, *self.components])


def user_list(prepared: Prepared, before: Ranking, after: Ranking) -> UserList:
    """Of one user's two lists (rankings of one row), with the points that the prepared model gives."""
    user_id, count = int(after.user_id[0]), int(after.count[0])
    model, rows = prepared.model, after.job_row[0, :count]
    values = prepared.scorer.components(prepared.user_rows([user_id]), rows)[:, 0, :]
    points = (model.flat_weights[:, None] * values).T
    moved = movements(before, after)
    there = moved["rank_after"].notna()
    told = _told(prepared.inputs, rows)
    jobs = tuple(
        Listed(
            rank=place + 1,
            job_id=int(after.job_id[0, place]),
            total=float(after.scores[0, place, 0]),
            movement=label,
            points=tuple(points[place].tolist()),
            **told[place],
        )
        for place, label in enumerate(moved.loc[there, "label"])
    )
    out = moved[~there]
    return UserList(
        user_id=user_id,
        components=tuple(part.name for part in model.parts),
        groups=tuple(part.group for part in model.parts),
        jobs=jobs,
        fell_out={int(job): int(rank) for job, rank in zip(out["job_id"], out["rank_before"], strict=True)},
    )


def _told(inputs: Inputs, rows: Any) -> list[dict[str, str]]:
    """What a person knows a job by; "" where it is missing."""
    frame = inputs.jobs.frame[["title", "company_name", "prefecture_code"]].iloc[rows]
    prefectures = inputs.dataset.tables.prefectures.set_index("prefecture_code")["name"].to_dict()
    return [
        {"title": _text(title), "company": _text(company), "place": _text(prefectures.get(code, code))}
        for title, company, code in frame.itertuples(index=False)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
