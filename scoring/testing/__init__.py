"""Contract suites that an engine, a model or a component of one's own can run.

- `component`: `check_component`, whether a component keeps the contract
- `situations`: a dataset in every way in which it may be asked about
- `data`: `small_dataset`, a market with all that a component may meet
- `engine`: `check_engine`, whether whole rankings keep theirs, and `engine_checks`, the same as separate tests
- `invariants`: what `check_engine` checks
- `engine_under_test`: `EngineUnderTest`, what it asks; override it to check another engine
- `case`: what invariants are checked on

In a test: `check_component(MyComponent)`, then `check_engine(MyComponent)`.
"""

from scoring.testing.component import check_component
from scoring.testing.data import small_dataset
from scoring.testing.engine import (
    BrokenInvariantsError,
    EngineCheck,
    EngineReport,
    check_engine,
    engine_checks,
    list_checks,
)
from scoring.testing.engine_under_test import EngineUnderTest

Backend = EngineUnderTest
"""The name of `EngineUnderTest` in version 0.1."""

__all__ = [
    "Backend",
    "BrokenInvariantsError",
    "EngineCheck",
    "EngineReport",
    "EngineUnderTest",
    "check_component",
    "check_engine",
    "engine_checks",
    "list_checks",
    "small_dataset",
]
