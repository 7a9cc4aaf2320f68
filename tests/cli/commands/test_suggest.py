"""`scoring import --suggest`: from files to a ranking in three commands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.cli.command import ROOT, Call, error_line


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    names = ("jobs.csv", "users.csv", "actions.csv")
    for name in names:
        shutil.copy(ROOT / "data/sample" / name, tmp_path / name)
    return list(names)


def test_three_commands_rank_the_sample(scoring: Call, files: list[str], tmp_path: Path) -> None:
    draft = scoring("import", "--suggest", *files)
    assert draft.exit_code == 0, draft.stderr
    assert yaml.safe_load(draft.stdout)["tables"] == {name: {"from": name} for name in ("jobs", "users", "actions")}
    (tmp_path / "mapping.yaml").write_text(draft.stdout, encoding="utf-8")
    imported = scoring("import", "--map", "mapping.yaml", "--db", "board.db")
    assert imported.exit_code == 0, imported.stderr
    counts = re.findall(r"([\d,]+) stored \+ 0 merged \+ (\d) rejected", imported.stdout)
    assert counts == [("2,000", "4"), ("200", "1"), ("12,000", "3")]
    ranked = scoring("run", "--db", "board.db")
    assert ranked.exit_code == 0, ranked.stderr
    assert "192 ranked; 8 inactive" in ranked.stdout


@pytest.mark.parametrize("words", [["--suggest"], ["--suggest", "jobs.csv", "--map", "mapping.yaml"]])
def test_suggest_requires_files_alone(scoring: Call, words: list[str]) -> None:
    assert error_line(scoring("import", *words), 2)


def test_options_of_the_source_apply_to_each_file(scoring: Call, tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text("1^Cook\n2^Driver\n")
    draft = scoring("import", "--suggest", "jobs.txt", "--delimiter", "^", "--header", "job_id,title")
    assert draft.exit_code == 0, draft.stderr
    assert "jobs: {file: jobs.txt, delimiter: ^, header: [job_id, title]}" in draft.stdout


def test_missing_file_is_reported(scoring: Call) -> None:
    assert "nothing.csv" in error_line(scoring("import", "--suggest", "nothing.csv"), 1)
