"""The base class of components: parameters, the terms for all pairs, and the formula for one pair."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from scoring.model.component_inputs import Inputs
from scoring.model.explanation_inputs import Pair
from scoring.model.terms import Value

__all__ = ["Component", "Reason"]


@dataclass(frozen=True)
class Reason:
    """A value from 0 to 100 of one pair, and the facts that it was computed from, with readable names.

    Example
    -------
    >>> Reason(59.5, {"yen per hour": 1500.0}).value
    59.5
    """

    value: float
    facts: Mapping[str, Any] = field(default_factory=dict)


class Component(BaseModel):
    """Base class of components. A subclass defines `kind`, parameters as fields, `terms` and `explain`.

    `kind` is the component's name in a model file. Model files, sliders and searches set the fields; put bounds into
    the annotations. `scoring.testing.check_component` tests a component.

    Example
    -------
    >>> from typing import ClassVar
    >>> class HasAddress(Component):
    ...     kind: ClassVar[str] = "has_address"
    ...     reads: ClassVar[tuple[str, ...]] = ("jobs.address",)
    ...     points: float = 100.0
    ...
    ...     def terms(self, inputs: Inputs) -> Value:
    ...         known = [text is not None for text in inputs.jobs.texts("address")]
    ...         return Value((JobTerm(self.points * np.array(known, dtype=float)),))
    ...
    ...     def explain(self, pair: Pair) -> Reason:
    ...         return Reason(self.points * (pair.job["address"] is not None), {"address": pair.job["address"]})
    >>> HasAddress(points=50.0).points
    50.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: ClassVar[str]
    reads: ClassVar[tuple[str, ...]] = ()
    """What the value is computed from, such as `jobs.fee` or `actions.click`, for reports about data."""
    paths: ClassVar[tuple[str, ...]] = ()
    """Fields that are paths of files. In a model file, they are relative to the model file. The digest of a model does
    not contain them; `fingerprint` stands for the content."""

    @property
    def fingerprint(self) -> str:
        """Digest of what values depend on besides the fields, such as the content of a file; empty if nothing."""
        return ""

    @abstractmethod
    def terms(self, inputs: Inputs) -> Value:
        """Return the terms that give the value, from 0 to 100, of every pair of `inputs`."""

    @abstractmethod
    def explain(self, pair: Pair) -> Reason:
        """Return the value of one pair by the plain formula, and its facts. The value is equal to that of `terms`."""
