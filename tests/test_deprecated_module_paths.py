"""Module paths of version 0.1 return the modules at their new paths."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from scoring.deprecated_module_paths import MOVED


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_old_path_returns_new_module_and_warns(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = old.rpartition(".")[0]
    if parent in MOVED:
        monkeypatch.setitem(sys.modules, parent, import_module(MOVED[parent]))
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} was renamed. Import {new}"):
        module = import_module(old)
    assert module is import_module(new)
    monkeypatch.delitem(sys.modules, old)


def test_unknown_old_path_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module("scoring.dataset.no_such_module")
