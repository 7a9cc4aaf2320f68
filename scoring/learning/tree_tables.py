"""Trees with splits on one side as tables: per tree, the leaf value of each user state and job state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scoring.array_types import Floats
from scoring.errors import ModelError
from scoring.learning.input_catalogue import InputSpec
from scoring.learning.tree_ensemble import TreeEnsemble, TreeStates, find_bits
from scoring.model.terms import TreeTerm

__all__ = ["MAX_TABLE_VALUES", "compute_side_states", "make_tree_term"]

MAX_TABLE_VALUES = 2**25
"""Maximum number of values of all tables: 256 MB."""
_MAX_JOB_STATES = 2**16


def compute_side_states(trees: TreeEnsemble, specs: Sequence[InputSpec], side: str, columns: Floats) -> TreeStates:
    """Return the states of rows in each tree.

    Parameters
    ----------
    trees: The trees.
    specs: The inputs, in the order of the features.
    side: "user" or "job".
    columns: (rows, number of inputs of this side) values, in the order of the specs.
    """
    places = [place for place, spec in enumerate(specs) if spec.side == side]
    rows = np.zeros((len(columns), len(specs)))
    rows[:, places] = columns
    return trees.compute_states(rows, places)


def make_tree_term(trees: TreeEnsemble, users: TreeStates, jobs: TreeStates) -> TreeTerm:
    """Return the term of users and jobs with these states. Its value is the raw score, bit for bit.

    Raises
    ------
    ModelError: If the tables are too large.
    """
    size = sum(len(user) * len(job) for user, job in zip(users.masks, jobs.masks, strict=True))
    widest = max((len(masks) for masks in jobs.masks), default=0)
    if size > MAX_TABLE_VALUES or widest > _MAX_JOB_STATES:
        raise ModelError(
            f"The tables of the trees have {size:,} values; at most {MAX_TABLE_VALUES:,} are supported. Train fewer or "
            "smaller trees.",
            key=("trees",),
        )
    tables = tuple(
        tree.leaf_value[find_bits(user[:, None] & job[None])]
        for tree, user, job in zip(trees.trees, users.masks, jobs.masks, strict=True)
    )
    return TreeTerm(tables, users.state, jobs.state.astype(np.uint16))
