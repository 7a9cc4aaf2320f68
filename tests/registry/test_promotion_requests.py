"""Requests to promote a version, and their approval by a second person."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.database.database import Database
from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.registry import EvidenceError, Registry
from scoring.registry.promotions import StoredPromotion
from tests.registry.conftest import minutes
from tests.support.errors import raises_at


@pytest.fixture
def stored(tmp_path: Path, standard: ScoringModel, even: ScoringModel) -> Registry:
    """Return a registry with a database, and with two versions of a profile."""
    with Database.open(tmp_path / "market.db") as database:
        database.create()
    registry = Registry(tmp_path / "profiles", database=tmp_path / "market.db", clock=minutes())
    registry.save("night", standard)
    registry.save("night", even)
    return registry


def test_approval_records_both_names(stored: Registry) -> None:
    entry = stored.request("night@1", by="Taro", note="fees are higher")
    assert (entry.reference, entry.by) == ("night@1", "Taro")
    assert stored.load_promoted() is None
    with pytest.raises(EvidenceError):
        stored.approve("night@1", by="Hanako")
    assert stored.approve("night@1", by="Hanako", force="a trial").version == 1
    decision = stored.find_promotion()
    assert isinstance(decision, StoredPromotion)
    assert (decision.requested_by, decision.approved_by) == ("Taro", "Hanako")
    assert decision.note == "fees are higher. Forced: a trial."
    with raises_at(ConfigurationError, "name"):
        stored.approve("night@1", by="Hanako", force="again")


@pytest.mark.parametrize("name", ["Taro", " taro ", "TARO", "Ｔａｒｏ"])
def test_same_person_cannot_approve(stored: Registry, name: str) -> None:
    stored.request("night@1", by="Taro", note="x")
    with raises_at(ConfigurationError, "by"):
        stored.approve("night@1", by=name, force="a trial")
    assert stored.load_promoted() is None


def test_request_is_for_one_version(stored: Registry) -> None:
    stored.request("night@1", by="Taro", note="x")
    with raises_at(ConfigurationError, "name"):
        stored.approve("night", by="Hanako", force="a trial")


def test_blank_name_raises(stored: Registry) -> None:
    with raises_at(ConfigurationError, "by"):
        stored.request("night@1", by="", note="x")
    stored.request("night@1", by="Taro", note="x")
    with raises_at(ConfigurationError, "by"):
        stored.approve("night@1", by="\t", force="x")
