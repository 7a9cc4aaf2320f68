"""What a component is: a small frozen configuration, the terms it yields, and its plain formula."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from scoring.model.inputs import Inputs
from scoring.model.pair import Pair
from scoring.model.terms import Value

__all__ = ["Component", "Reason"]


@dataclass(frozen=True)
class Reason:
    """A value from 0 to 100 by the plain formula, and the facts it came from, in words a reader knows."""

    value: float
    facts: Mapping[str, Any] = field(default_factory=dict)


class Component(BaseModel):
    """Subclass it, give it a `kind` (its name in a model file), parameters as fields, and two methods.

    The fields are what a model file, a slider and a search may set; bounds belong into their annotations.
    `scoring.testing.check_component` runs a component through the contract.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]

    @abstractmethod
    def terms(self, inputs: Inputs) -> Value:
        """How the value depends on every pair of `inputs`, from 0 to 100."""

    @abstractmethod
    def explain(self, pair: Pair) -> Reason:
        """The plain formula for one pair, as a reader would check it by hand; equal to what `terms` gives."""
