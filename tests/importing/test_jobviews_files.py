"""The real job views: the import accounts for every row. The data never leave their folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.importing import ImportReport, import_mapping
from scoring.importing.mapping_file import read_mapping

pytestmark = pytest.mark.integration  # whole imports into databases

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "jobviews_us_2014"
DATA = ROOT.parent / "shared" / "real" / "jobviews_us_2014"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not here ({DATA})")


def test_mapping_is_valid() -> None:
    assert list(read_mapping(EXAMPLE / "mapping.yaml").tables) == [
        "prefectures",
        "prefecture_adjacency",
        "occupations",
        "jobs",
        "users",
        "actions",
    ]


def test_states_and_borders_are_imported() -> None:
    states = pd.read_csv(EXAMPLE / "us_states.csv", dtype=str, keep_default_na=False)
    borders = pd.read_csv(EXAMPLE / "us_state_adjacency.csv", dtype=str, keep_default_na=False)
    assert len(states) == 51
    assert states["region"].value_counts().to_dict() == {"South": 17, "West": 13, "Midwest": 12, "Northeast": 9}
    assert len(borders) == 107
    assert not borders.duplicated().any()
    assert (borders["prefecture_code"] < borders["adjacent_code"]).all()
    bordering = set(borders["prefecture_code"]) | set(borders["adjacent_code"])
    assert set(states["prefecture_code"]) - bordering == {"AK", "HI"}
    neighbours = pd.concat([borders["prefecture_code"], borders["adjacent_code"]]).value_counts()
    assert neighbours[["ME", "TN", "MO", "DC"]].tolist() == [1, 8, 8, 2]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, dict[str, ImportReport]]]:
    folder = tmp_path_factory.mktemp("real")
    with Database.open(folder / "views.db") as database:
        database.create()
        reports = import_mapping(database, EXAMPLE / "mapping.yaml", DATA, refused_to=folder)
        yield database, {report.table: report for report in reports}


@needs_data
def test_every_row_is_counted(imported: tuple[Database, dict[str, ImportReport]]) -> None:
    views = pd.read_csv(DATA / "Job_Views.csv", dtype=str, keep_default_na=False)
    wishes = pd.read_csv(DATA / "Positions_Of_Interest.csv", dtype=str, keep_default_na=False)
    reports = imported[1]
    assert reports["jobs"].read == reports["actions"].read == reports["occupations"].read == len(views)
    assert reports["users"].read == len(views) + len(wishes)
    assert reports["jobs"].stored == views["Job.ID"].nunique()
    assert reports["users"].stored == len({*views["Applicant.ID"], *wishes["Applicant.ID"]})
    repeated = int(views.duplicated(["Applicant.ID", "Job.ID", "View.Start"]).sum())
    assert (reports["actions"].merged, reports["actions"].rejected) == (repeated, 0)


@needs_data
def test_imported_tables_are_plausible(imported: tuple[Database, dict[str, ImportReport]]) -> None:
    tables = load_tables(imported[0])
    jobs, users, actions = tables.jobs, tables.users, tables.actions
    known = set(tables.prefectures["prefecture_code"])
    assert set(jobs["prefecture_code"].dropna()) <= known
    assert jobs["prefecture_code"].notna().mean() > 0.99
    assert jobs["occupation_code"].notna().all()
    assert set(actions["action"]) == {"click"}
    assert actions["occurred_at"].between("2014-11-01", "2015-05-01").all()
    first_view = actions.groupby("job_id")["occurred_at"].min()
    assert (jobs.set_index("job_id")["posted_at"] == first_view).all()
    assert 500 < users["preferred_occupations"].map(len).gt(0).sum() < len(users)
    both = actions.merge(jobs, on="job_id").merge(users, on="user_id", suffixes=("", "_user"))
    assert (both["prefecture_code"] == both["prefecture_code_user"]).mean() > 0.9
    names = tables.occupations["name"]
    assert names.str.casefold().is_unique
    assert not names.str.contains(r"part[- ]?time", case=False).any()
