"""The settings of a run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from scoring.argument_checks import check_list_length, check_positive_integer, check_workers
from scoring.dataset.row_lookup import IdList
from scoring.runs.reranker import Reranker

if TYPE_CHECKING:
    from scoring.runs.gate import Gate

__all__ = ["DEFAULT_CHUNK_SIZE", "MAX_BATCH_SIZE", "RunSpec"]

DEFAULT_CHUNK_SIZE: Final = 1000
"""Default number of users in a chunk."""
MAX_BATCH_SIZE: Final = 10_000
"""Maximum number of users in a chunk."""


@dataclass(frozen=True, eq=False)
class RunSpec:
    """The settings of a run. `runner.run` describes them."""

    k: int
    users: IdList | None = None
    chunk_size: int = DEFAULT_CHUNK_SIZE
    workers: int | None = None
    resume: bool = False
    gate: Gate | None = None
    reranker: Reranker | None = None
    refused: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigurationError if `k`, `chunk_size` or `workers` is below 1."""
        chunk_size = check_positive_integer("chunk_size", self.chunk_size)
        if chunk_size > MAX_BATCH_SIZE:
            warnings.warn(
                f"chunk_size {chunk_size:,} exceeds the maximum. It is reduced to {MAX_BATCH_SIZE:,} users.",
                UserWarning,
                stacklevel=4,
            )
        object.__setattr__(self, "workers", check_workers(self.workers))
        object.__setattr__(self, "k", check_list_length(self.k))
        object.__setattr__(self, "chunk_size", min(chunk_size, MAX_BATCH_SIZE))

    @property
    def covers_all_users(self) -> bool:
        """Whether the run covers all active users. Only such a run replaces the published one."""
        return self.users is None

    @property
    def n_candidates(self) -> int:
        """Number of candidates ranked for each user."""
        return self.k if self.reranker is None else max(self.k, self.reranker.n_candidates(self.k))
