"""Which model `scoring run`, `explain`, `reach` and `audience` use."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from scoring.cli.progress import Progress
from scoring.cli.promoted_model import ModelSource, choose_model, require_reason
from scoring.database.database import Database
from scoring.errors import ConfigurationError, ModelError, OutputError
from scoring.model_catalog import load_model
from scoring.registry import Registry
from tests.support.errors import raises_at, raises_with

UNTESTED = {"note": "try it", "force": "untested"}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "market.db") as database:
        database.create()
        yield database


def make_source(folder: Path, model: str | None = None, profile: str | None = None) -> ModelSource:
    return ModelSource(model, None, profile, folder, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with night@1, which has the weights of `classic`."""
    Registry(tmp_path / "profiles").save("night", load_model("classic"))
    return tmp_path / "profiles"


def test_standard_is_used_without_a_promotion(database: Database, folder: Path) -> None:
    source = make_source(folder)
    choice = choose_model(source, source.read(), database, Progress())
    assert (choice.model.name, choice.model_change, choice.text) == ("standard", None, "")
    require_reason(choice)
    with raises_at(ConfigurationError, "--profile"):
        choose_model(make_source(folder, profile="promoted"), None, database, Progress())


def test_given_model_needs_no_reason_without_a_promotion(database: Database, folder: Path) -> None:
    source = make_source(folder, "classic")
    choice = choose_model(source, source.read(), database, Progress())
    assert (choice.model.name, choice.text) == ("classic", "")
    require_reason(choice)


@pytest.mark.parametrize("source", [{"model": "night"}, {"model": "night@1"}, {"profile": "standard"}])
def test_profile_and_shipped_model_are_not_mixed_up(folder: Path, source: dict[str, str]) -> None:
    with raises_at(ModelError, "name"):
        make_source(folder, **source).read()


def test_promoted_profile_is_used(database: Database, folder: Path) -> None:
    Registry(folder, database=database).promote("night", **UNTESTED)
    for profile in (None, "promoted"):
        source = make_source(folder, profile=profile)
        choice = choose_model(source, source.read(), database, Progress())
        assert choice.model.name == "night@1"
        assert choice.model_change is not None
        assert choice.text.startswith("model night@1: promoted on ")
        require_reason(choice)


def test_given_model_needs_a_reason_after_a_promotion(database: Database, folder: Path) -> None:
    Registry(folder, database=database).promote("night", **UNTESTED)
    source = make_source(folder, "standard")
    choice = choose_model(source, source.read(), database, Progress())
    assert choice.promoted == "night@1"
    with raises_at(ConfigurationError, "--instead"):
        require_reason(choice)
    choice = choose_model(source, source.read(), database, Progress(), instead="an error\n\x1b[31m")
    require_reason(choice)
    assert choice.model_change is not None
    assert len(choice.notes) == 1
    assert choice.text.isprintable()


def test_same_model_by_another_name_needs_no_reason(database: Database, folder: Path) -> None:
    Registry(folder, database=database).promote("night", **UNTESTED)
    source = make_source(folder, "classic")
    choice = choose_model(source, source.read(), database, Progress())
    assert choice.text.startswith("model classic, as promoted: ")
    require_reason(choice)


def test_unusable_promoted_profile_can_be_replaced(database: Database, folder: Path) -> None:
    Registry(folder, database=database).promote("night", **UNTESTED)
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE promoted SET model = replace(model, 'fee: {', 'fee: {unknown: 1, ')")
    with raises_at(ModelError, "groups", "base", "components", "fee", "unknown"):
        choose_model(make_source(folder), None, database, Progress())
    source = make_source(folder, "standard")
    assert choose_model(source, source.read(), database, Progress(), instead="repair").model.name == "standard"


def test_promotion_that_does_not_count_is_reported(
    database: Database, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Registry(folder).promote("night", **UNTESTED)
    assert choose_model(make_source(folder), None, database, Progress()).model.name == "standard"
    shown = " ".join(capsys.readouterr().err.split())
    assert shown.startswith("warning: night@1 was promoted on ")
    assert "scoring profiles promote night@1 --note TEXT" in shown
    source = make_source(folder, "standard")
    choose_model(source, source.read(), database, Progress())
    assert capsys.readouterr().err == ""  # the user has chosen a model
    with raises_at(ConfigurationError, "--profile"):
        choose_model(make_source(folder, profile="promoted"), None, database, Progress())


def test_unreadable_folder_of_profiles_raises(database: Database, tmp_path: Path) -> None:
    source = make_source(tmp_path / ("x" * 300))
    with raises_with(OutputError, errno=errno.ENAMETOOLONG):
        choose_model(source, None, database, Progress())
