"""Each example of docs/mapping.md gives the result that the page shows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from scoring.columns import TABLES
from scoring.database.database import Database
from scoring.database.readers import load_actions, load_jobs, load_users
from scoring.importing import import_file
from scoring.importing.mapping_file import ColumnMap, NumberMap, PayUnitMap, Rule, SourceMap, TableMap, read_mapping

PAGE = Path(__file__).parents[2] / "docs/mapping.md"
TEXT = PAGE.read_text("utf-8")
FENCE = re.compile(r"^```yaml\n(.*?)^```\n\n((?:\|[^\n]*\n)*)", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """A mapping of one table, and a table of source columns and results (bold)."""

    mapping: str
    header: list[str]
    rows: list[list[str]]

    @property
    def targets(self) -> list[str]:
        return [name.strip("*") for name in self.header if name.startswith("**")]

    @property
    def table(self) -> str:
        return max(TABLES, key=lambda name: len(set(self.targets) & set(TABLES[name].names)))


def split_cells(line: str) -> list[str]:
    return [cell.strip(" ").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def read_examples() -> Iterator[Example]:
    for mapping, table in FENCE.findall(TEXT):
        if table:
            header, _, *rows = map(split_cells, table.splitlines())
            yield Example(mapping, header, rows)


EXAMPLES = list(read_examples())
LOADERS: dict[str, Callable[[Database], pd.DataFrame]] = {
    "jobs": load_jobs,
    "users": load_users,
    "actions": load_actions,
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with two prefectures. Each example replaces the rows of its table."""
    folder = tmp_path_factory.mktemp("page")
    with Database.open("sqlite://") as found:
        found.create()
        (folder / "prefectures.csv").write_text("prefecture_code,name\n13,東京都\n27,大阪府\n", encoding="utf-8")
        import_file(found, "prefectures", folder / "prefectures.csv", replace=True)
        yield found


def show(value: Any) -> str:
    """Return a stored value as the page shows it."""
    if isinstance(value, list):
        return "|".join(map(str, value))
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.header[-1].strip("*"))
def test_example_gives_the_shown_result(example: Example, database: Database, tmp_path: Path) -> None:
    key = TABLES[example.table].key[0]
    sources = [place for place, name in enumerate(example.header) if not name.startswith("**")]
    results = [place for place, name in enumerate(example.header) if name.startswith("**")]
    with (tmp_path / "source.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        has_key = key in example.targets
        writer.writerow([*([] if has_key else [key]), *(example.header[place] for place in sources)])
        for number, row in enumerate(example.rows, 1):
            writer.writerow([*([] if has_key else [number]), *(row[place] for place in sources)])
    (tmp_path / "map.yaml").write_text(example.mapping, encoding="utf-8")
    import_file(database, example.table, tmp_path / "source.csv", tmp_path / "map.yaml", replace=True, orphans="delete")
    stored = LOADERS[example.table](database).set_index(key, drop=False)
    for number, row in enumerate(example.rows, 1):
        expected = [row[place] for place in results]
        if not any(expected) and number not in stored.index:
            continue  # merged into another row
        found = (
            [show(stored.loc[number, name]) for name in example.targets] if number in stored.index else ["*rejected*"]
        )
        assert found == (expected[:1] if expected[0] == "*rejected*" else expected), row


def test_complete_example_is_valid(tmp_path: Path) -> None:
    mapping = next(text for text, table in FENCE.findall(TEXT) if not table)
    (tmp_path / "map.yaml").write_text(mapping, encoding="utf-8")
    assert list(read_mapping(tmp_path / "map.yaml").tables) == ["jobs", "users", "actions"]


def test_page_has_every_key() -> None:
    models = (SourceMap, TableMap, ColumnMap, NumberMap, PayUnitMap, Rule)
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert {key for key in keys if not re.search(rf"`{key}\b|^### .*\b{key}\b|\b{key}:", TEXT, re.MULTILINE)} == set()
    # each key of a column is in an example
    used = "\n".join(example.mapping for example in EXAMPLES)
    columns = {field.alias or name for name, field in ColumnMap.model_fields.items()}
    assert {key for key in columns if f"{key}:" not in used} == set()
