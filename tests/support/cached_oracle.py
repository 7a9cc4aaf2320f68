"""An oracle that computes each score once, for tests that need the same scores several times."""

from __future__ import annotations

from typing import Any

from tests.support.oracle import Oracle, Row, Score

__all__ = ["CachedOracle"]


class CachedOracle(Oracle):
    """Oracle with a cache of the scores of shipped weights and parameters. Rows must not change."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._scores: dict[tuple[str, int, int, bool | None], tuple[Row, Row, Score]] = {}

    def standard(self, user: Row, job: Row, **changed: Any) -> Score:
        if any(value is not None for value in changed.values()):
            return super().standard(user, job, **changed)
        key = ("standard", id(user), id(job), None)
        if key not in self._scores:
            # the rows are kept, so no other row gets their id()
            self._scores[key] = (user, job, super().standard(user, job))
        return self._scores[key][2]

    def classic(self, user: Row, job: Row, *, has_profile: bool | None = None, **changed: Any) -> Score:
        if any(value is not None for value in changed.values()):
            return super().classic(user, job, has_profile=has_profile, **changed)
        key = ("classic", id(user), id(job), has_profile)
        if key not in self._scores:
            self._scores[key] = (user, job, super().classic(user, job, has_profile=has_profile))
        return self._scores[key][2]
