"""Rules that decide which jobs may be ranked for a user. Scores of single pairs do not depend on them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Eligibility"]


class Eligibility(BaseModel):
    """The eligibility rules. null (or false) disables a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    open: bool = True
    """Only jobs that are open at the clock."""
    employment_types: tuple[int, ...] | None = None
    """Only these employment types. null allows all, also a missing one."""
    min_fee: float | None = 0.0
    """Only jobs with at least this fee in yen; a missing fee is 0."""
    not_applied: bool = True
    """Exclude jobs that the user has applied to."""
    company_cooldown_days: Annotated[float, Field(gt=0)] | None = 14.0
    """Exclude jobs of a (known) company that the user applied to in this many days before the clock."""
    max_per_company: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Maximum number of jobs of a (known) company in a list. Applied during selection."""
