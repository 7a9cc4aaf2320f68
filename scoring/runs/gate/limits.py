"""Limits of the changes between the published run and the new run.

The defaults were set on synthetic markets of 60 to 10,000 users. From one day to the next, lists kept 85 to 90 % of
their jobs, and the mean score changed by at most 0.6. Lists kept 61 to 76 % after two days without a run, 46 to 78 %
without the actions, 36 to 44 % without half of the jobs, and 22 % if users got the lists of other users.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from scoring.errors import ConfigurationError
from scoring.model import parse_settings
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error

__all__ = ["GateLimits", "load_limits"]

Share = Annotated[float, Field(ge=0, le=1)] | None
Points = Annotated[float, Field(ge=0, le=100)] | None
Factor = Annotated[float, Field(ge=1)] | None


class GateLimits(BaseModel):
    """The limits of a gate. null means unlimited. A value equal to its limit passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    users_dropped: Share = 0.1
    """Maximum share of users with a list who are no longer ranked. Usually a few in a thousand."""
    empty_lists: Share = 0.02
    """Maximum increase of the share of ranked users without any job."""
    short_lists: Share = 0.1
    """Maximum increase of the share of ranked users with fewer than k jobs, including those without any job."""
    jobs_kept: Share = 0.5
    """Minimum share of a list's jobs that were in the user's published list, as the mean over users."""
    rank_biased_overlap: Share = 0.4
    """Minimum rank-biased overlap of a list with the published list (p = 0.9), as the mean over users."""
    lists_rewritten: Share = 0.3
    """Maximum share of users who keep less than half of their jobs. Detects errors that affect some users only."""
    coverage: Share = 0.4
    """Maximum relative decrease of the number of distinct jobs in all lists."""
    jobs_dropped: Share = 0.2
    """Maximum share of previously listed jobs that are now closed, missing or excluded by a rule."""
    jobs_ranked: Share = 0.3
    """Maximum relative decrease of the number of jobs that may be ranked."""
    mean_score: Points = 2.5
    """Maximum change of the mean total score of listed jobs, in points."""
    score_quantiles: Points = 4.0
    """Maximum change of each of the 10 %, 50 % and 90 % quantiles of the total score of listed jobs, in points."""
    last_score: Points = 4.0
    """Maximum change of the mean total score of the k-th job of full lists, in points."""
    actions: Share = 0.5
    """Maximum relative decrease of the number of actions up to the clock. Old actions may have been deleted."""
    hourly_wage: Factor = 1.5
    """Maximum factor by which the median hourly wage of the jobs that may be ranked may rise or fall."""
    fee: Factor = 2.0
    """Maximum factor by which the median fee of the jobs that may be ranked may rise or fall."""


def load_limits(path: str | Path) -> GateLimits:
    """Return the limits of a YAML file. Limits that the file does not contain have their defaults.

    Raises
    ------
    ConfigurationError: If the file cannot be read, or has an unknown key or an invalid value; the message has the line.
    """
    try:
        text = expand_path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}: {describe_os_error(error)}. Give the path of a YAML file of limits.", path=str(path)
        ) from error
    return parse_settings(text, GateLimits, source=str(path), error_class=ConfigurationError)
