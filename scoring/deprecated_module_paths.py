"""Module paths of version 0.1 that notebooks imported, and where these modules are now.

Importing an old path returns the module at the new path and issues a `DeprecationWarning` that names it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

__all__ = ["MOVED", "install"]

MOVED: Final = {
    "scoring.components.shared": "scoring.components.helpers",
    "scoring.dataset.database": "scoring.database.database",
    "scoring.dataset.driver": "scoring.database.driver_transactions",
    "scoring.dataset.encode": "scoring.dataset.arrays",
    "scoring.dataset.importer": "scoring.importing",
    "scoring.dataset.loaders": "scoring.database.readers",
    "scoring.dataset.memory": "scoring.dataset.smaller_dtypes",
    "scoring.dataset.sources": "scoring.dataset.frame_validation",
    "scoring.dataset.storing": "scoring.database.writers",
    "scoring.dataset.synthetic": "scoring.synthetic",
    "scoring.engine": "scoring.ranking",
    "scoring.engine.batch": "scoring.runs.runner",
    "scoring.engine.memory": "scoring.runs.memory_forecast",
    "scoring.engine.scorer": "scoring.ranking.scorer",
    "scoring.engine.sinks": "scoring.runs.publishers",
    "scoring.evaluation.splits": "scoring.evaluation.user_splits",
    "scoring.kernels": "scoring.backends",
    "scoring.kernels.reference": "scoring.backends.reference",
    "scoring.tuning.direct": "scoring.tuning.logistic_fit",
}
"""Old module path → new module path."""


class _MovedModules(MetaPathFinder, Loader):
    """Finds the modules of `MOVED`. It comes first, or a package's new folder would be searched under its old name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        old = module.__name__
        warnings.warn(f"{old} was renamed. Import {MOVED[old]}.", DeprecationWarning, stacklevel=2)
        # the import system returns what is registered under the name when this method returns
        sys.modules[old] = import_module(MOVED[old])


def install() -> None:
    """Make the old module paths importable."""
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.insert(0, _MovedModules())
