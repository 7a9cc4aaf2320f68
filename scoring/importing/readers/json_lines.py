"""Read JSON: one object per line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scoring.errors import DataError, make_printable
from scoring.importing.readers.raw_rows import RawRows, make_object_frame, name_columns
from scoring.importing.readers.source_options import SourceOptions
from scoring.importing.readers.text_encoding import INVALID, find_encoding, open_text

__all__ = ["parse_json_file", "read_json"]


def read_json(path: Path, name: str, options: SourceOptions) -> RawRows:
    """Return the objects of a file as rows, numbered by line; in an array, they are numbered from 1.

    The value at key b of a nested object a is in the column `a.b`. Lists are unchanged. A line that is not an object is
    unreadable.

    Raises
    ------
    DataError: If no line is an object, an array is not valid JSON, or the encoding is not clear.
    """
    encoding = find_encoding(path, options.encoding)
    with open_text(path, encoding.name) as lines:
        first = next((line for line in lines if line.strip()), "")
    with open_text(path, encoding.name) as lines:
        is_array = first.lstrip().startswith("[")
        values = _parse_array(path, "".join(lines)) if is_array else _parse_lines(lines)
        rows: list[int] = []
        records: list[dict[str, Any]] = []
        unreadable: list[tuple[str, int, str, dict[str, str]]] = []
        for number, value in values:
            if isinstance(value, dict):
                rows.append(number)
                records.append(_flatten(value))
            else:
                reason = str(value) if isinstance(value, ValueError) else "row is not a JSON object"
                unreadable.append((name, number, reason, {}))
    if unreadable and not records:
        raise DataError(
            f"{path}, line {unreadable[0][1]}: {unreadable[0][2]}. Write one object per line, or an array of objects.",
            reason="invalid JSON",
            path=str(path),
            line=unreadable[0][1],
        )
    keys = list(dict.fromkeys(key for record in records for key in record))
    names, duplicates = name_columns(keys)
    frame = make_object_frame(names, [[record.get(key) for key in keys] for record in records])
    numbers = np.array(rows, dtype=np.int64)
    return RawRows.of(frame, name, rows=numbers, unreadable=unreadable, duplicates=duplicates)


def _parse_lines(lines: Iterator[str]) -> Iterator[tuple[int, Any]]:
    """Yield the number and the value of each line that is not blank; an error for an invalid line."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if INVALID in line:
                raise ValueError("row contains invalid bytes")
            yield number, _parse_json(line)
        except json.JSONDecodeError as error:
            yield number, ValueError(f"row is not valid JSON ({error.msg})")
        except (ValueError, RecursionError) as error:
            yield number, ValueError(str(error) or "row is nested too deeply")


def parse_json_file(path: Path, text: str, **options: Any) -> Any:
    """Return the value of a file's text, by the options of `json.loads`.

    Raises
    ------
    DataError: If the text is not valid JSON, is nested too deeply, or contains a number with too many digits.
    """
    try:
        return json.loads(text, **options)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: invalid JSON ({error.msg}). Correct the line.",
            reason="invalid JSON",
            path=str(path),
            line=error.lineno,
        ) from error
    except RecursionError as error:
        message = f"{path} is not valid JSON: it is nested too deeply. Correct it."
        raise DataError(message, reason="invalid JSON", path=str(path)) from error
    except ValueError as error:
        message = f"{path} is not valid JSON: {error}. Correct it."
        raise DataError(message, reason="invalid JSON", path=str(path)) from error


def _parse_array(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    values = parse_json_file(path, text, object_pairs_hook=_make_object, parse_constant=_reject_constant)
    yield from enumerate(values, 1)


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_make_object, parse_constant=_reject_constant)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"row contains the duplicate key {make_printable(key, 40)!r}")
        value[key] = item
    return value


def _reject_constant(word: str) -> None:
    raise ValueError(f"row contains {word}, which JSON does not allow")


def _flatten(value: dict[str, Any]) -> dict[str, Any]:
    """Return the object without nested objects. An empty object is missing."""
    if not any(isinstance(item, dict) for item in value.values()):
        return value
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            flat |= {f"{key}.{inner}": nested for inner, nested in _flatten(item).items()}
        else:
            flat[key] = item
    return flat
