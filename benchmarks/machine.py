"""Describe the machine of a measurement, without paths and host names."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from scoring.threads import available_cpus

__all__ = ["describe_machine", "format_machine", "installed_version"]

_PACKAGES = ("numpy", "pandas", "numba", "pyarrow", "scipy", "implicit", "polars", "duckdb", "faiss-cpu")


def describe_machine() -> dict[str, Any]:
    """Return processor, usable cores, memory, load before the work, and versions."""
    return {
        "processor": _processor(),
        "cores": available_cpus(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "scoring": version("scoring"),
        "packages": {name: found for name in _PACKAGES if (found := installed_version(name)) is not None},
    }


def format_machine(machine: dict[str, Any]) -> str:
    """Return the machine in one line, without the load: it differs by section and is in the JSON files."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gb']:g} GB, {machine['system']}; "
        f"Python {machine['python']}, {packages}"
    )


def installed_version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
