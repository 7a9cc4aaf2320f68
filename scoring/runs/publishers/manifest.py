"""What a folder says of the run in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from scoring.errors import OutputError
from scoring.runs.publishers.part_files import wrong_with

__all__ = ["LATEST", "MANIFEST", "holds", "is_run", "manifest_of", "published_runs", "read_manifest"]

MANIFEST: Final = "_manifest.json"
"""Written last: what the folder holds. Readers of Parquet folders pass over names that begin with an underscore."""

LATEST: Final = "latest"
"""What the link to the run in use is called, unless somebody calls it otherwise."""


def is_run(folder: str | Path) -> bool:
    """Whether a run was published in this folder."""
    return (Path(folder) / MANIFEST).is_file()


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """The manifest of a published run. Raises OutputError where there is none."""
    path = Path(folder) / MANIFEST
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder} holds no published run: its {MANIFEST} cannot be read.") from error
    if not isinstance(manifest, dict) or not {"files", "counts"} <= manifest.keys():
        raise OutputError(f"{folder} holds no published run: its {MANIFEST} is something else.")
    return manifest


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """None also where it is damaged: another run is not kept from being published by that."""
    try:
        return read_manifest(folder)
    except OutputError:
        return None


def published_runs(folder: Path) -> list[Path]:
    """The folders of the runs published in this one, oldest first; links and hidden ones are none."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in inside if not path.name.startswith(".") and not path.is_symlink() and is_run(path)]


def holds(target: Path, key: str) -> bool:
    """Whether a run of this key is published there, whole and as it was written."""
    manifest = manifest_of(target)
    return (
        manifest is not None
        and manifest.get("key") == key
        and all(wrong_with(target, file) is None for file in manifest["files"])
    )
