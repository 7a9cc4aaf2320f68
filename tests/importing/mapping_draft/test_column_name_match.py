"""Names of columns in files."""

from __future__ import annotations

import pytest

from scoring.columns import TABLES
from scoring.importing.mapping_draft.column_name_match import WORDS, fold_words, rate_name


@pytest.mark.parametrize("name", ["Job.ID", "jobId", "JOB ID", "job_id:token", "Ｊｏｂ－ＩＤ", "\ufeffjob_id"])
def test_spellings_of_a_name_are_equal(name: str) -> None:
    assert fold_words(name) == "job id"
    assert rate_name(name, "jobs", "job_id") == 1


def test_canonical_names_and_aliases_rate_highest() -> None:
    for table, columns in WORDS.items():
        for column in columns:
            spec = TABLES[table].column(column)
            for name in (spec.name, *spec.aliases):
                assert rate_name(name, table, column) == 1
                assert all(rate_name(name, table, other) < 1 for other in columns if other != column)


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("求人番号", "jobs", "job_id"),
        ("State.Code", "jobs", "prefecture_code"),
        ("Applicant.ID", "users", "user_id"),
        ("salary_from", "jobs", "min_salary"),
        ("掲載開始日", "jobs", "posted_at"),
        ("Position.Of.Interest", "users", "preferred_occupations"),
        ("timestamp:float", "actions", "occurred_at"),
        ("Req ID", "jobs", "job_id"),
        ("Job Title", "jobs", "title"),
        ("Closes", "jobs", "expires_at"),
        ("未経験OK", "jobs", "has_no_experience"),
        ("在宅勤務", "jobs", "has_remote_work"),
        ("応募日時", "actions", "occurred_at"),
        ("居住地", "users", "prefecture_code"),
        ("Joined", "users", "registered_at"),
        ("Min pay", "users", "preferred_salary_min"),
    ],
)
def test_name_means_the_column_best(name: str, table: str, column: str) -> None:
    ratings = {other: rate_name(name, table, other) for other in WORDS[table]}
    assert max(ratings, key=lambda other: ratings[other]) == column
    assert ratings[column] >= 0.4


def test_other_names_do_not_match() -> None:
    assert all(rate_name("rainfall", table, column) < 0.4 for table in WORDS for column in WORDS[table])
