"""Safe profile names, and references to a version."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.errors import ConfigurationError
from scoring.registry.names import Reference, check_name, make_clash_key


@pytest.mark.parametrize(
    "name", ["a", "night-2026", "v1.2_b", "夜間マッチング", "Größe", "2026", "_x", "a" * 80, "夜" * 80]
)
def test_valid_names_are_accepted(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "empty"),
        ("..", "Begin it with"),
        (".hidden", "Begin it with"),
        ("-x", "Begin it with"),
        ("x.", "ends with"),
        ("../x", "'/'"),
        ("a/b", "'/'"),
        ("a\\b", r"'\\'"),
        ("/etc/passwd", "'/'"),
        ("C:x", "':'"),
        ("a b", "' '"),
        ("a\0b", r"'\x00'"),
        ("a\nb", r"'\n'"),
        ("a\u202eb", r"'\u202e'"),
        ("a\ufe0f", r"'\ufe0f'"),
        ("\ud800", r"'\ud800'"),
        ("x@3", "'@'"),
        ("'; DROP TABLE profiles; --", '"\'"'),
        ("a" * 81, "too long"),
        ("𠮷" * 80, "too long"),
        ("night.yaml", "`.yaml`"),
        ("promotions.jsonl", "`.jsonl`"),
        ("CON", "a device on Windows"),
        ("nul.x", "a device on Windows"),
        ("ＣＯＭ1", "a device on Windows"),
        ("Promoted", "refers to the version in use"),
        ("standard", "is the name of a shipped model"),
    ],
)
def test_invalid_names_raise(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        check_name(name)
    assert message in str(raised.value)
    assert str(raised.value).count("\n") == 0


def test_name_is_normalised_to_nfc() -> None:
    """が is one character or two that look the same; some file systems return two."""
    apart = unicodedata.normalize("NFD", "がくせい")
    assert apart != "がくせい"
    assert check_name(apart) == "がくせい"


@given(st.text(st.characters(codec="utf-8"), max_size=12) | st.from_regex(r"[./\\~:a-z]{1,8}", fullmatch=True))
@settings(max_examples=300, deadline=None)
def test_accepted_name_is_a_folder_of_that_name(name: str) -> None:
    try:
        safe = check_name(name)
    except ConfigurationError:
        return
    root = Path("/profiles")
    assert (root / safe).parent == root
    assert (root / safe).name == safe
    assert not safe.startswith(".")
    assert check_name(safe) == safe


def test_clash_key_ignores_case_and_width() -> None:
    assert make_clash_key("Night") == make_clash_key("night") == make_clash_key("ｎｉｇｈｔ")
    assert make_clash_key("night") != make_clash_key("nights")


def test_references_are_parsed() -> None:
    assert Reference.parse("night@3") == Reference.parse("night@0003") == Reference("night", 3)
    assert Reference.parse("night") == Reference("night", None)
    for text in ("night@", "night@0", "night@-1", "night@x", "night@٣", "night@9999999999", "@3", "a@b@3"):
        with pytest.raises(ConfigurationError):
            Reference.parse(text)
