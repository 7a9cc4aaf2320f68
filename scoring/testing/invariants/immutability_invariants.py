"""Invariant: scoring does not change its inputs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from scoring.dataset import Dataset
from scoring.testing.check_context import CheckContext
from scoring.testing.invariants.invariant_registry import invariant

__all__ = ["arrays_of"]


@invariant
def inputs_are_not_changed(context: CheckContext) -> None:
    """Ranking, scoring and explaining do not change tables, arrays and the plan."""
    tables = context.dataset.tables
    copied = tables.with_tables(**{name: frame.copy() for name, frame in tables.items()})
    dataset = Dataset(copied, as_of=context.dataset.as_of, set_back=context.dataset.clock.set_back)
    inputs = context.inputs_of(dataset)
    before = _compute_digests(inputs, "inputs")
    plan = context.engine.build(context.model, inputs)
    before |= _compute_digests(plan, "plan")
    scorer = context.engine.scorer(plan)
    scorer.top_k(10)
    scorer.all_pairs()
    scorer.listed(np.array([0]), np.array([0]))
    context.engine.explain(plan, inputs, 0, 0)
    after = _compute_digests(inputs, "inputs") | _compute_digests(plan, "plan")
    changed = [name for name, digest in before.items() if after[name] != digest]
    assert not changed, f"Scoring changed {', '.join(changed)}."
    for name, frame in context.dataset.tables.items():
        given = dict(dataset.tables.items())[name]
        assert frame.equals(given), f"Scoring changed the table {name}."


def _compute_digests(value: Any, name: str) -> dict[str, str]:
    return {
        path: hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()
        for path, array in arrays_of(value, name)
    }


def arrays_of(value: Any, name: str, depth: int = 4) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (dotted name, array) for every numeric array in nested records and dictionaries."""
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            yield name, value
        return
    if depth == 0:
        return
    parts: dict[str, Any] = {}
    if isinstance(value, dict):
        parts = {str(key): part for key, part in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = dict(zip(value._fields, value, strict=True))
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, Dataset):
        parts = {key: getattr(value, key) for key in ("jobs", "users", "actions")}
    for key, part in parts.items():
        yield from arrays_of(part, f"{name}.{key}", depth - 1)
