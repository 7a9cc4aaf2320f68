"""Property tests with few examples in `make test` and all examples in `make test-long`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

__all__ = ["try_examples"]


def random_examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None)


def try_examples(
    quick: int,
    full: int,
    *,
    how: Callable[[int], settings] = random_examples,
    always: Sequence[dict[str, Any]] = (),
    **strategies: st.SearchStrategy[Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a test of one example: it tries `quick` examples, and `full` examples if marked long.

    Parameters
    ----------
    how: Returns the settings for a number of examples.
    always: Values of the parameters that are tried first.
    strategies: Name of a parameter of the test → its values. The other parameters are fixtures.
    """

    def decorate(check: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(check)
        def test(examples: int, **fixtures: Any) -> None:
            tried = given(**strategies)(check)
            for values in reversed(always):
                tried = example(**values)(tried)
            how(examples)(tried)(**fixtures)

        parameters = inspect.signature(check).parameters
        fixtures = [parameter for name, parameter in parameters.items() if name not in strategies]
        count = inspect.Parameter("examples", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        test.__signature__ = inspect.Signature([count, *fixtures])  # type: ignore[attr-defined]
        return pytest.mark.parametrize("examples", [quick, pytest.param(full, marks=pytest.mark.long)])(test)

    return decorate
