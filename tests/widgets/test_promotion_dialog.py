"""The dialog promotes with the checks and texts of the command."""

from __future__ import annotations

import json

import pytest

from scoring import make_market
from scoring.cli.tables.promotion_evidence import render_evidence
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError
from scoring.evaluation import Scoreboard
from scoring.registry import Registry
from scoring.registry.promotion_evidence_text import list_facts
from scoring.registry.promotion_requests import find_user_name
from scoring.widgets.promotion_dialog import PromotionDialog
from tests.support.errors import raises_at


@pytest.fixture
def database(tmp_path):
    path = f"sqlite:///{tmp_path / 'market.db'}"
    with Database.open(path) as opened:
        save_tables(opened, make_market(20, 30, 200, seed=3).tables)
    return path


@pytest.fixture
def registry(tmp_path, standard):
    made = Registry(tmp_path / "profiles")
    made.save("found", standard.with_weights({"fee": 0.6, "location": 0.4}))
    return made


@pytest.fixture
def dialog(registry, database):
    return PromotionDialog(registry, database)


def log_evaluation(registry, session, standard):
    """Log a comparison on test users. Its data is not that of the database."""
    board = Scoreboard.of(session._confirming, {"standard": standard, "found": registry.load("found").model})
    registry.log_scoreboard(board)


def test_evidence_is_that_of_the_command(dialog, registry, session, standard, database):
    log_evaluation(registry, session, standard)
    shown = dialog.document("found")
    json.dumps(shown, allow_nan=False)
    evidence = registry.for_database(database).collect_evidence("found")
    assert (shown["objections"], shown["warnings"]) == (list(evidence.objections), list(evidence.warnings))
    assert [(fact["label"], fact["value"]) for fact in shown["facts"]] == list_facts(evidence)
    assert shown["price"] == evidence.describe_worse_measures()
    assert [row["measure"] for row in shown["changes"]] == list(evidence.access.changes)
    printed = " ".join(str(part) for part in render_evidence(evidence).renderables)
    assert shown["slices"] in printed
    assert shown["needs_force"]
    assert (shown["in_use"], shown["is_in_use"]) == (None, False)


def test_promotion_needs_note_evidence_and_reason(dialog, registry, database):
    with raises_at(ConfigurationError, "evidence"):
        dialog.promote("found", "better", "trust me")
    shown = dialog.document("found")
    with raises_at(ConfigurationError, "note"):
        dialog.promote("found", "  ")
    with raises_at(ConfigurationError, "force", match="never evaluated on test users"):
        dialog.promote("found", "better")
    with raises_at(ConfigurationError, "force"):
        dialog.check_texts("better", " ")
    assert dialog.find_promoted() is None
    assert registry.for_database(database).find_promotion() is None
    assert shown["objections"] == list(registry.for_database(database).collect_evidence("found").objections)
    assert dialog.promote("found", "better", "the holiday").startswith("Promoted found@1.")
    promotion = registry.for_database(database).find_promotion()
    assert (promotion.reference, promotion.note) == ("found@1", "better. Forced: the holiday.")
    assert promotion.approved_by == find_user_name()
    again = dialog.document("found")
    assert (again["in_use"], again["is_in_use"]) == ("found@1", True)
    command = dialog.format_evaluation("next@1", "standard")
    assert command.startswith("scoring evaluate found@1 next@1 --on test --profiles ")
    assert command.endswith(f" --db {database}")
    assert dialog.find_promoted() == "found@1"
    with pytest.raises(ConfigurationError, match="already the promoted one"):
        dialog.promote("found", "again", "x")


def test_changed_evidence_must_be_read_again(dialog, registry, session, standard):
    dialog.document("found")
    log_evaluation(registry, session, standard)
    with raises_at(ConfigurationError, "evidence"):
        dialog.promote("found", "better", "reason")


def test_panel_without_database_cannot_promote(registry):
    alone = PromotionDialog(registry, None)
    assert alone.find_promoted() is None
    assert alone.format_evaluation("found@1", "standard").startswith("scoring evaluate standard found@1 --on test")
    with raises_at(ConfigurationError, "database"):
        alone.document("found")
    with raises_at(ConfigurationError, "database"):
        alone.promote("found", "note")


def test_password_of_the_database_is_not_shown(registry, dialog, database, monkeypatch):
    evidence = registry.for_database(database).collect_evidence("found")
    monkeypatch.setattr(dialog, "_database", "postgresql://me:secret@host/db")
    assert "secret" not in dialog._describe(evidence)["database"]
    with raises_at(ConfigurationError, "profile"):
        dialog.document(" ")
