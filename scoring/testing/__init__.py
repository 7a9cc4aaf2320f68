"""Contract suites that a component of one's own can run.

- `component`: `check_component`, whether a component keeps the contract
- `situations`: a dataset in every way in which it may be asked about
- `data`: `small_dataset`, a market with all that a component may meet

In a test: `check_component(MyComponent)`.
"""

from scoring.testing.component import check_component
from scoring.testing.data import small_dataset

__all__ = ["check_component", "small_dataset"]
