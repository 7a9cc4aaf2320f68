"""Rules that decide which jobs may be ranked for a user. Scores of single pairs do not depend on them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic_core import PydanticCustomError

from scoring.model.eligibility_rule import EligibilityRule, RuleError, read_rules

__all__ = ["SHIPPED_REASONS", "Eligibility"]

SHIPPED_REASONS: Final = ("posted later", "expired", "inactive", "employment type", "fee too low", "ranked")
"""Reasons of the other rules in reports. Own rules cannot have these names."""


def _read_rules(value: Any) -> tuple[EligibilityRule, ...]:
    try:
        return read_rules(value, SHIPPED_REASONS)
    except RuleError as error:
        # describe_problem prints the message of this type alone
        place = "" if error.number is None else f"rule {error.number + 1}: "
        raise PydanticCustomError("eligibility_rule", "{message}", {"message": f"{place}{error}"}) from error


Rules = Annotated[
    tuple[InstanceOf[EligibilityRule], ...],
    BeforeValidator(_read_rules),
    PlainSerializer(lambda rules: [rule.as_dict() for rule in rules]),
]


class Eligibility(BaseModel):
    """The eligibility rules. null (or false) disables a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    open: bool = True
    """Only jobs that are open at the clock, the time as of which lists are computed."""
    employment_types: tuple[int, ...] | None = None
    """Only these employment types. null allows all, also a missing one."""
    min_fee: float | None = 0.0
    """Only jobs with at least this fee; a missing fee is 0."""
    not_applied: bool = True
    """Exclude jobs that the user has applied to."""
    company_cooldown_days: Annotated[float, Field(gt=0)] | None = 14.0
    """Exclude jobs of a (known) company that the user applied to in this many days before the clock."""
    max_per_company: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Maximum number of jobs of a (known) company in a list. Applied during selection."""
    rules: Rules = ()
    """Rules of your own: conditions that hold for each job in a list. See `scoring.model.rule_expression`."""

    @model_serializer(mode="wrap")
    def _omit_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit an empty list of rules: digests of models without such rules stay what they were."""
        content: dict[str, Any] = handler(self)
        if not self.rules:
            del content["rules"]
        return content
