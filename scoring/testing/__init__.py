"""Contract suites for custom engines, models and components.

- `component_suite`: `check_component`, which checks the contract of a component
- `component_scenarios`: the inputs on which components are checked, made from one dataset
- `small_market`: `small_dataset`, a market with all edge cases of a component
- `engine_suite`: `check_engine`, which checks the contract of rankings; `engine_checks`, the same as single tests
- `invariants`: the checks of `check_engine`
- `engine_under_test`: `EngineUnderTest`, the engine that is checked; override its methods to check another engine
- `check_context`: the model, dataset and engine on which invariants are checked

In a test: `check_component(MyComponent)`, then `check_engine(MyComponent)`.
"""

from scoring.testing.component_suite import BrokenContractError, check_component
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
    "BrokenContractError",
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
