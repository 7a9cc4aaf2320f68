"""How far tonight's run may be from last night's.

The defaults were set on synthetic markets of 60 to 10,000 users: a normal night kept 85 to 90 % of the jobs of a list
and moved the mean score by at most 0.6; two nights without a run kept 61 to 76 %; the actions gone, 46 to 78 %; jobs of
half of the market gone, 36 to 44 %; everybody's lists given to somebody else, 22 %.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from scoring.errors import ConfigurationError
from scoring.model import parse_settings
from scoring.storage.os_errors import reason

__all__ = ["GateLimits", "load_limits"]

Share = Annotated[float, Field(ge=0, le=1)] | None
Points = Annotated[float, Field(ge=0, le=100)] | None
Factor = Annotated[float, Field(ge=1)] | None


class GateLimits(BaseModel):
    """The limits; null holds a run to none. A value at its limit passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    users_dropped: Share = 0.1
    """Users who had a list and are not ranked for any more: so many at most. Of a normal night: few in a thousand."""
    empty_lists: Share = 0.02
    """Users without a single job, as a share of those ranked for: so much more than last night at most."""
    short_lists: Share = 0.1
    """The same of users with fewer than k jobs, those without one among them."""
    jobs_kept: Share = 0.5
    """Jobs of a list that were on it last night, in the mean of the users: so many at least."""
    rank_biased_overlap: Share = 0.4
    """The same with the order counted, the first places most (p = 0.9): so much at least."""
    lists_rewritten: Share = 0.3
    """Users who keep less than half of their jobs: so many at most. Finds what goes wrong for some users only."""
    coverage: Share = 0.4
    """Different jobs that are on somebody's list: by so large a share fewer at most."""
    jobs_dropped: Share = 0.2
    """Jobs that were on a list, and are closed, gone or left out by a rule tonight: so many at most."""
    jobs_ranked: Share = 0.3
    """Jobs that may be ranked: by so large a share fewer at most."""
    mean_score: Points = 2.5
    """The mean total score of listed jobs: moved by so many points at most."""
    score_quantiles: Points = 4.0
    """The 10 %, 50 % and 90 % quantiles of the total score of listed jobs: each moved by so many points at most."""
    last_score: Points = 4.0
    """The mean total score of the k-th job of full lists: moved by so many points at most."""
    actions: Share = 0.5
    """Actions up to the clock: by so large a share fewer at most. Old ones may have been cleared away."""
    hourly_wage: Factor = 1.5
    """The median hourly wage of the jobs that may be ranked: so many times as much, or as little, at most."""
    fee: Factor = 2.0
    """The same of the median fee."""


def load_limits(path: str | Path) -> GateLimits:
    """From a YAML file with the names of the limits; those that it does not name are as they ship.

    Raises ConfigurationError: it cannot be read, has an unknown key, or a limit that is none; with the line.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"limits {path}: {reason(error)}; give the path of a file of limits.") from error
    return parse_settings(text, GateLimits, source=str(path), error_class=ConfigurationError)
