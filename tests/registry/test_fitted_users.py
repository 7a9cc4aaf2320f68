"""The users that a profile was fitted and selected on, and the file that contains them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scoring.errors import ConfigurationError, ModelError, OutputError
from scoring.model import ScoringModel
from scoring.registry import FittedUsers, Registry
from tests.registry.conftest import UNTESTED
from tests.support.errors import raises_at

USERS = FittedUsers.of([3, 1, 3], [2])


def test_ids_are_sorted_without_duplicates() -> None:
    assert (USERS.fitted.tolist(), USERS.selected.tolist(), USERS.user_id.tolist()) == ([1, 3], [2], [1, 2, 3])
    assert repr(USERS) == "FittedUsers(2 fitted, 1 selected)"
    with raises_at(ConfigurationError, "user_id"):
        FittedUsers.of([1.5])


def test_file_contains_the_ids() -> None:
    big = FittedUsers.of([2**63 - 1, -5])
    assert FittedUsers.load(big.dump(), "x").fitted.tolist() == [-5, 2**63 - 1]
    assert FittedUsers.load(USERS.dump(), "x").contains(USERS)
    assert USERS.add(big).fitted.tolist() == [-5, 1, 3, 2**63 - 1]
    assert not USERS.contains(big)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"fitted": [1], "selected": 2}', '{"fitted": [1.5], "selected": []}', "[" * 100_000,
     '{"fitted": ["x"], "selected": []}', '{"fitted": [[1]], "selected": []}', '{"fitted": [1e30], "selected": []}'],
)  # fmt: skip
def test_invalid_file_raises(text: str) -> None:
    with raises_at(ModelError, path="0001.users.json"):
        FittedUsers.load(text, "0001.users.json")


def test_users_are_kept_beside_the_profile(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    registry.save("night", standard, users=USERS)
    registry.save("night", even, parent="night@1", users=FittedUsers.of([9]))
    assert (registry.folder / "night/0001.users.json").read_text() == USERS.dump()
    assert "users" not in (registry.folder / "night/0001.yaml").read_text()
    assert registry.find_fitted_users(registry.load("night@1")).user_id.tolist() == [1, 2, 3]
    # a model is found by its digest; users of its ancestors count as well
    assert registry.find_fitted_users(even).user_id.tolist() == [1, 2, 3, 9]
    assert registry.find_fitted_users(even.with_weights({"fee": 1.0})).user_id.tolist() == []
    assert registry.list_versions("night") == (1, 2)


def test_version_with_other_users_is_saved_again(registry: Registry, standard: ScoringModel) -> None:
    for users in (USERS, FittedUsers.of([1]), None):
        assert registry.save("night", standard, users=users).version == 1
    assert registry.save("night", standard, users=FittedUsers.of([4])).version == 2


def test_invalid_profile_does_not_hide_users(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    registry.save("night", standard, users=USERS)
    registry.save("day", even, parent=standard.digest, users=FittedUsers.of([9]))
    (registry.folder / "night/0002.yaml").write_text("profile: [")
    assert registry.find_fitted_users(even).user_id.tolist() == [1, 2, 3, 9]


def test_damaged_file_of_users_raises(registry: Registry, standard: ScoringModel) -> None:
    registry.save("night", standard, users=USERS)
    (registry.folder / "night/0001.users.json").write_bytes(b"\xff")
    with raises_at(ModelError, path=str(registry.folder / "night/0001.users.json")):
        registry.find_fitted_users(standard)
    assert registry.promote("night", **UNTESTED).version == 1  # promoting does not read it


def test_file_of_users_without_version_is_not_reused(registry: Registry, standard: ScoringModel) -> None:
    """A writer was killed between its two files. The next version must not take over its users."""
    registry.save("night", standard, note="first")
    (registry.folder / "night/0002.users.json").write_text(USERS.dump())
    assert registry.save("night", standard, note="second").version == 3
    assert registry.find_fitted_users(standard).user_id.tolist() == []


def test_failed_save_leaves_no_users(
    registry: Registry, standard: ScoringModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scoring.registry import store

    create = store.create_file

    def fail(name: str, content: bytes, folder: int) -> bool:
        if name.endswith(".yaml"):
            raise OSError(28, "No space left on device")
        return create(name, content, folder)

    monkeypatch.setattr(store, "create_file", fail)
    with pytest.raises(OutputError):
        registry.save("night", standard, users=USERS)
    assert not (registry.folder / "night").exists()


def test_users_of_a_search_are_beside_its_trials(tmp_path: Path) -> None:
    journal = tmp_path / "searches/0a1b.journal"
    assert FittedUsers.of_search(journal).user_id.tolist() == []
    USERS.store(journal)
    FittedUsers.of([7]).store(journal)  # a resumed search
    assert np.array_equal(FittedUsers.of_search(journal).user_id, [1, 2, 3, 7])
    assert [path.name for path in journal.parent.iterdir()] == ["0a1b.journal.users.json"]
