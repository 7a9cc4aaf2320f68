"""Check that the packages of an optional extra are installed."""

from __future__ import annotations

import importlib.util

from scoring.errors import MissingDependencyError

__all__ = ["missing_dependency", "require"]


def missing_dependency(feature: str, package: str, extra: str) -> MissingDependencyError:
    """Return the error for a feature whose package is not installed. It names the command that installs the extra."""
    return MissingDependencyError(
        f"{feature} requires {package}, which is not installed. Install it with: pip install 'scoring[{extra}]'",
        package=package,
        extra=extra,
    )


def require(feature: str, extra: str, *packages: str) -> None:
    """Check that packages are installed, without importing them.

    Raises
    ------
    MissingDependencyError: If a package is not installed.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise missing_dependency(feature, package, extra)
