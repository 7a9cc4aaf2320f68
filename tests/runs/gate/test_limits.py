"""Gate limits: read from files, described in words, and compared with measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.runs.gate import Gate, GateLimits, load_limits
from scoring.runs.gate.rules import AT_LEAST, AT_MOST, FACTOR, FALL, MOVE, RISE, Rule
from tests.support.errors import raises_at


def load(folder: Path, text: str) -> GateLimits:
    (folder / "limits.yaml").write_text(text)
    return load_limits(folder / "limits.yaml")


def test_file_changes_only_the_limits_that_it_contains(tmp_path: Path) -> None:
    limits = load(tmp_path, "jobs_kept: 0.25\nmean_score: null\nfee: 3\n")
    assert limits == GateLimits(jobs_kept=0.25, mean_score=None, fee=3)
    assert limits.coverage == GateLimits().coverage


def test_example_file_contains_every_default() -> None:
    path = Path(__file__).parents[3] / "examples/gate.yaml"
    assert load_limits(path) == GateLimits()
    named = {line.split(":")[0] for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")}
    assert named == set(GateLimits.model_fields)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("jobs_kept: 0.5\njobs_keept: 0.5", ("jobs_keept",), 2),
        ("jobs_kept: 50", ("jobs_kept",), 1),
        ("jobs_kept: .nan", ("jobs_kept",), 1),
        ("hourly_wage: 0.5", ("hourly_wage",), 1),
        ("jobs_kept: '0.5'", ("jobs_kept",), 1),
        ("coverage: true", ("coverage",), 1),
        ("jobs_kept: 0.5\njobs_kept: 0.6", ("jobs_kept",), 2),
        ("- 1", (), None),
        ("", (), None),
        ("!!python/object/apply:os.system ['echo']", (), 1),
    ],
)
def test_invalid_limit_is_rejected_with_its_line(
    tmp_path: Path, text: str, key: tuple[str, ...], line: int | None
) -> None:
    with raises_at(ConfigurationError, *key, path=str(tmp_path / "limits.yaml"), line=line):
        load(tmp_path, text)


def test_missing_file_is_rejected(tmp_path: Path) -> None:
    with raises_at(ConfigurationError, path=str(tmp_path / "none.yaml")):
        load_limits(tmp_path / "none.yaml")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_empty_reason_is_rejected(reason: str) -> None:
    with raises_at(ConfigurationError, "force"):
        Gate(force=reason)


@pytest.mark.parametrize(
    ("rule", "published", "new", "limit", "is_broken"),
    [
        (AT_LEAST, None, 0.5, 0.5, False),
        (AT_LEAST, None, 0.49, 0.5, True),
        (AT_MOST, None, 0.1, 0.1, False),
        (AT_MOST, None, 0.11, 0.1, True),
        (RISE, 0.2, 0.3, 0.1, False),
        (RISE, 0.2, 0.31, 0.1, True),
        (RISE, 0.9, 0.0, 0.1, False),
        (FALL, 100, 60, 0.4, False),
        (FALL, 100, 59, 0.4, True),
        (FALL, 0, 0, 0.4, False),
        (FALL, 100, 1000, 0.4, False),
        (MOVE, 60, 62.5, 2.5, False),
        (MOVE, 60, 57.4, 2.5, True),
        (FACTOR, 1000, 1500, 1.5, False),
        (FACTOR, 1000, 1501, 1.5, True),
        (FACTOR, 1000, 600, 1.5, True),
        (FACTOR, 1000, 0, 1.5, True),
        (FACTOR, 0, 0, 1.5, False),
    ],
)
def test_value_at_its_limit_passes(
    rule: Rule, published: float | None, new: float, limit: float, is_broken: bool
) -> None:
    assert rule.is_broken(published, new, limit) is is_broken
    assert rule.is_broken(published, new, None) is False


@pytest.mark.parametrize("rule", [RISE, FALL, MOVE, FACTOR])
def test_missing_new_value_breaks_the_rule(rule: Rule) -> None:
    assert rule.is_broken(50.0, None, 1.5)
    assert not rule.is_broken(None, None, 1.5)
    assert not rule.is_broken(None, 50.0, 1.5)


@given(st.floats(0, 1e6), st.floats(1, 10))
def test_equal_values_are_within_every_limit(value: float, limit: float) -> None:
    assert not any(rule.is_broken(value, value, limit) for rule in (FACTOR, MOVE, RISE))
    assert not FALL.is_broken(value, value, 0.0)
