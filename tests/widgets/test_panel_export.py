"""Exported files contain what the panel shows."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from scoring import Dataset, make_market
from scoring.errors import ConfigurationError
from scoring.evaluation import by_time
from scoring.model import parse_model
from scoring.model_catalog import get_component_kinds
from scoring.registry import Registry
from scoring.widgets.panel_computation import Request, TuningSession
from scoring.widgets.panel_export import export_lists, export_page, export_weights
from tests.support.errors import raises_at


@pytest.fixture
def state(session, standard):
    other = standard.with_weights({"fee": 0.6, "location": 0.4})
    return session.compute(Request(other, int(session.user_id[0])))


def test_weights_are_a_model_file(state):
    file = export_weights(state.model)
    assert file.document().keys() == {"name", "type", "text"}
    assert parse_model(file.text, get_component_kinds()).digest == state.model.digest
    assert file.name == "standard-changed.yaml"


def test_exported_model_has_the_name_of_its_profile(state, standard):
    changed, saved, same = (
        parse_model(export_weights(model, name).text, get_component_kinds())
        for model, name in ((state.model, None), (state.model, "found@1"), (standard, "standard"))
    )
    assert (changed.name, saved.name) == ("standard, changed", "found@1")
    assert standard.description not in (changed.description, saved.description)
    assert (same.name, same.description) == (standard.name, standard.description)
    assert export_lists(state, "found@1").name == "lists of found@1.csv"
    assert export_lists(state).name == "lists of standard-changed.csv"


def test_lists_have_the_points_of_each_component(state):
    table = pd.read_csv(io.StringIO(export_lists(state).text.removeprefix("\ufeff")))
    names = [f"points_{part.name}" for part in state.model.parts]
    assert list(table.columns[-len(names) :]) == names
    np.testing.assert_allclose(table[names].sum(axis=1), table["score"], atol=1e-4)
    own = table[table["user_id"] == state.request.user_id]
    np.testing.assert_allclose(own[names], [job.points for job in state.users.jobs], atol=1e-6)


def test_lists_contain_every_rank_of_every_user(state, session):
    file = export_lists(state)
    assert file.text.startswith("\ufeffuser_id,")
    table = pd.read_csv(io.StringIO(file.text.removeprefix("\ufeff")), keep_default_na=False)
    expected = state.evaluation.ranking.frame()
    pd.testing.assert_series_equal(table["job_id"], expected["job_id"].reset_index(drop=True), check_dtype=False)
    assert table.groupby("user_id").size().index.tolist() == session.user_id.tolist()
    listed = [(job.job_id, job.rank, job.title) for job in state.users.jobs]
    own = table[table["user_id"] == state.request.user_id]
    assert list(own[["job_id", "rank", "title"]].itertuples(index=False, name=None)) == listed


def test_lists_have_text_ids_and_no_formulas(standard):
    tables = make_market(200, 500, 12_000, seed=3).tables
    jobs = tables.jobs.assign(external_id=[f"J-{job}" for job in tables.jobs["job_id"]])
    jobs = jobs.assign(title="=1+1")
    users = tables.users.assign(external_id=[f"U-{user}" for user in tables.users["user_id"]])
    data = Dataset(tables.with_tables(jobs=jobs, users=users))
    session = TuningSession.of(by_time(data), standard, users=20)
    state = next(session.stages(Request(standard, int(session.user_id[0]))))
    table = pd.read_csv(io.StringIO(export_lists(state).text.removeprefix("\ufeff")))
    assert (table["user_external_id"] == "U-" + table["user_id"].astype(str)).all()
    assert (table["job_external_id"] == "J-" + table["job_id"].astype(str)).all()
    assert (table["title"] == "'=1+1").all()


def test_page_is_a_report_that_warns_about_its_users(state, session, tmp_path):
    page = export_page(state, session, Registry(tmp_path / "profiles"), baseline="standard")
    assert page.name == "report on standard-changed.html"
    assert "The model of the panel</bdi> instead of " in page.text
    assert "The model of the panel</bdi> was never put into use" in page.text
    assert page.text.startswith("<!doctype html>")
    assert "This is not a final test" in page.text
    assert f"fitted or selected on all {len(session.user_id)} users" in page.text
    assert len(export_page(state, session, baseline="standard").text) == len(page.text)
    named = export_page(state, session, reference="found@1", baseline="standard")
    assert named.name == "report on found@1.html"
    assert "found@1" in named.text
    assert not (tmp_path / "profiles").exists()
    with raises_at(ConfigurationError, "state"):
        export_page(next(session.stages(Request(session.baseline, int(session.user_id[1])))), session)
    same = session.compute(Request(session.baseline, int(session.user_id[1])))
    with raises_at(ConfigurationError, "model"):
        export_page(same, session)
