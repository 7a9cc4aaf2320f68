"""Contract suites for your own engine, model or component.

- `component`: `check_component`, whether a component keeps the contract
- `scenarios`: a dataset in every form in which it may be asked about
- `small_market`: `small_dataset`, a market with every case that a component may meet
- `engine_suite`: `check_engine`, whether whole rankings keep the contract; `engine_checks`, the same as single tests
- `invariants`: what `check_engine` checks
- `engine_under_test`: `EngineUnderTest`, what it asks; override it to check another engine
- `check_context`: what invariants are checked on

In a test: `check_component(MyComponent)`, then `check_engine(MyComponent)`.
"""

from scoring.testing.component import check_component
from scoring.testing.engine_suite import (
    BrokenInvariantsError,
    EngineCheck,
    EngineReport,
    check_engine,
    engine_checks,
    list_checks,
)
from scoring.testing.engine_under_test import EngineUnderTest
from scoring.testing.small_market import small_dataset

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
