"""Frames of profiles: the list of all versions, and the lineage of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from scoring.registry.metadata import Parent, ProfileMetadata

__all__ = ["make_lineage_frame", "make_list_frame"]

_COLUMNS = ["name", "version", "in_use", "saved_at", "parent", "model", "digest", "data_fingerprint", "as_of",
            "code_version", "author", "note", "problem"]  # fmt: skip


def make_list_frame(versions: Mapping[tuple[str, int], ProfileMetadata | str], in_use: str | None) -> pd.DataFrame:
    """Return one row per version, with its metadata or with the problem of reading its file."""
    rows = []
    for (name, version), metadata in versions.items():
        row: dict[str, Any] = {"name": name, "version": version, "in_use": f"{name}@{version}" == in_use}
        rows.append(row | ({"problem": metadata} if isinstance(metadata, str) else _make_row(metadata)))
    metrics = dict.fromkeys(key for row in rows for key in row if key not in _COLUMNS)
    frame = pd.DataFrame(rows, columns=[*_COLUMNS, *metrics])
    for name in ("saved_at", "as_of"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in metrics:
        frame[name] = frame[name].astype(float)
    return frame.astype({"version": "int64", "in_use": bool})


def _make_row(metadata: ProfileMetadata) -> dict[str, Any]:
    found_on = metadata.found_on
    known = {
        "saved_at": metadata.saved_at,
        "parent": None if metadata.parent is None else str(metadata.parent),
        "data_fingerprint": None if found_on is None else found_on.fingerprint,
        "as_of": None if found_on is None else found_on.as_of,
    }
    plain = {name: getattr(metadata, name) for name in ("model", "digest", "code_version", "author", "note")}
    metrics = {
        f"{split} {name}": metric.value
        for split, metrics in metadata.metrics.items()
        for name, metric in metrics.items()
    }
    return known | plain | metrics


def make_lineage_frame(first: ProfileMetadata, metadata_of: Callable[[Parent], ProfileMetadata | None]) -> pd.DataFrame:
    """Return one row for `first` and each of its ancestors.

    A cycle ends before it repeats. Only files that were edited by hand can contain one.
    """
    rows: list[dict[str, Any]] = []
    visited: set[str] = set()
    metadata: ProfileMetadata | None = first
    while metadata is not None and metadata.reference not in visited:
        visited.add(metadata.reference)
        rows.append(
            {
                "name": metadata.name,
                "version": metadata.version,
                "digest": metadata.digest,
                "saved_at": metadata.saved_at,
                "note": metadata.note,
                "here": True,
            }
        )
        parent = metadata.parent
        metadata = None if parent is None else metadata_of(parent)
        if parent is not None and metadata is None:
            rows.append({"name": parent.name, "version": parent.version, "digest": parent.digest, "here": False})
    frame = pd.DataFrame(rows, columns=["name", "version", "digest", "saved_at", "note", "here"])
    return frame.assign(saved_at=pd.to_datetime(frame["saved_at"], utc=True)).astype({"version": "Int64"})
