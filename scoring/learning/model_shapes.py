"""The shape of a model: which parts of it can be evaluated before pairs are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scoring.learning.input_catalogue import InputSpec
from scoring.learning.learned_model import LearnedModel

__all__ = ["ModelShape", "find_shape"]


@dataclass(frozen=True)
class ModelShape:
    """How the values of a model are computed, and why.

    `job` and `user`: once per row. `tables`: per tree, a table of user states and job states. `pairs`: per pair.
    """

    kind: Literal["job", "user", "tables", "pairs"]
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


def find_shape(model: LearnedModel) -> ModelShape:
    """Return the shape of a model.

    Trees read only the inputs of their splits. A network reads all its inputs.
    """
    used = model.inputs if model.trees is None else tuple(model.inputs[place] for place in model.trees.used_features)
    sides = {side: [spec for spec in used if spec.side == side] for side in ("job", "user", "pair")}
    if sides["pair"]:
        return ModelShape("pairs", f"it reads {_list_names(sides['pair'])}, which depends on user and job")
    if not sides["user"]:
        return ModelShape("job", "it reads inputs of jobs only")
    if not sides["job"]:
        return ModelShape("user", "it reads inputs of users only")
    if model.trees is None:
        return ModelShape("pairs", "a network reads inputs of users and of jobs")
    return ModelShape("tables", "each split of the trees reads an input of the user or of the job")


def _list_names(specs: Sequence[InputSpec]) -> str:
    names = [spec.name for spec in specs]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
