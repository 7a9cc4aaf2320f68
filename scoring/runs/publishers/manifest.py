"""The manifest of a run in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from scoring.errors import OutputError
from scoring.runs.publishers.part_files import find_problem
from scoring.storage.home_folder_expansion import expand_path

__all__ = [
    "LATEST",
    "MANIFEST",
    "contains_run",
    "is_run",
    "list_published_runs",
    "read_manifest",
    "read_manifest_if_valid",
]

ADVICE: Final = "Give the folder of a published run, or start a new run."

MANIFEST: Final = "_manifest.json"
"""Name of the manifest, which is written last. Readers of Parquet folders ignore names that begin with an underscore.
"""

LATEST: Final = "latest"
"""Default name of the link to the run in use."""


def is_run(folder: str | Path) -> bool:
    """Return whether the folder contains a published run."""
    return (expand_path(folder, "folder") / MANIFEST).is_file()


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Return the manifest of a published run. Raises OutputError if it does not exist or is invalid."""
    path = expand_path(folder, "folder") / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{folder} does not contain a published run: {MANIFEST} cannot be read. {ADVICE}",
            path=str(folder),
            errno=getattr(error, "errno", None),
        ) from error
    if not isinstance(manifest, dict) or not {"files", "counts"} <= manifest.keys():
        raise OutputError(
            f"{folder} does not contain a published run: {MANIFEST} is not the manifest of a run. {ADVICE}",
            path=str(folder),
        )
    return manifest


def read_manifest_if_valid(folder: Path) -> dict[str, Any] | None:
    """Return the manifest; None if it is missing or damaged, so that a damaged run does not block a new one."""
    try:
        return read_manifest(folder)
    except OutputError:
        return None


def list_published_runs(folder: Path) -> list[Path]:
    """Return the folders of the runs published in `folder`, oldest first, without links and hidden folders."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in paths if not path.name.startswith(".") and not path.is_symlink() and is_run(path)]


def contains_run(target: Path, key: str) -> bool:
    """Return whether `target` contains a published run of this key, complete and as written."""
    manifest = read_manifest_if_valid(target)
    return (
        manifest is not None
        and manifest.get("key") == key
        and all(find_problem(target, file) is None for file in manifest["files"])
    )
