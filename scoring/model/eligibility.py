"""Which jobs may be ranked for a user. Scores of single pairs exist regardless."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Eligibility"]


class Eligibility(BaseModel):
    """The rules; null (or false) switches one off."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    open: bool = True
    """Only jobs that are open at the clock."""
    employment_types: tuple[int, ...] | None = None
    """Only these employment types; null allows any, a missing one too."""
    min_fee: float | None = 0.0
    """Only jobs with at least this fee in yen; a missing fee is 0."""
    not_applied: bool = True
    """No job that the user has applied to."""
    company_cooldown_days: Annotated[float, Field(gt=0)] | None = 14.0
    """No job of a (known) company that the user applied to in the last days."""
    max_per_company: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """At most so many jobs of a (known) company in a list; applied while selecting."""
