"""Input that tries to execute code, leave its folder or exhaust memory is rejected with one sentence."""

from __future__ import annotations

import io
import os
import pickle
import resource
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import yaml
from typer.testing import CliRunner, Result

from scoring.cli.app import app
from scoring.database.change_tokens import read_change_tokens
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.synthetic import make_market
from tests.support.proof_counts import record_count

Call = Callable[..., Result]

SQL = [
    "x'; DROP TABLE users;--",
    'x"; DROP TABLE users;--',
    "1 OR 1=1",
    "users WHERE 1=1;--",
    "\\'; DELETE FROM jobs;--",
]
CLIMBING = [
    "../../outside",
    "/tmp/outside",
    "..",
    ".",
    "a/../../outside",
    "..\\outside",
    "a\0b",
    "n" * 5_000,
    "\u2024\u2024/outside",
    "\uff0e\uff0e\uff0foutside",
    "\u202eexe",
    "~root",
    "$(touch executed)",
    "`touch executed`",
    "-rf",
    "CON",
    "name\nother",
]
ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghijklmn")
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n" for a, b in pairwise("abcdefghij")
)
YAML = {
    "aliases that stand for billions": ALIASES,
    "merge keys that stand for billions": MERGES,
    "an alias of itself": "a: &a [*a]\ngroups: *a\n",
    "lists in lists": "[" * 50_000,
    "mappings in mappings": "{a: " * 50_000,
    "blocks in blocks": "\n".join(" " * depth + "a:" for depth in range(3_000)),
    "a number of many digits": f"groups: {'9' * 100_000}\n",
    "a hexadecimal number of many digits": f"groups: 0x{'f' * 100_000}\nname: 0x{'f' * 100_000}\n",
    "a number by sixties": "groups: " + ":".join(["1"] * 20_000) + "\n",
    "a call": "!!python/object/apply:os.system ['touch executed']\n",
    "a new object": "groups: !!python/object/new:subprocess.Popen [['touch', 'executed']]\n",
    "a module": "groups: !!python/module:this\n",
    "no text": "\0\1\2",
    "half a letter": "groups: \ud800",
}


@pytest.fixture
def scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Run commands in a nested folder with limited memory; fail if a file appears outside the folder."""
    inside = tmp_path / "inside" / "here"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "inside" / "cache"))
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, limits[1]))
    yield lambda *words: CliRunner().invoke(app, [str(word) for word in words])
    resource.setrlimit(resource.RLIMIT_DATA, limits)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside"]
    assert not list(tmp_path.rglob("*executed*"))
    assert not Path("/tmp/outside").exists()


@pytest.fixture
def market(scoring: Call) -> Path:
    with Database.open("market.db") as database:
        save_tables(database, make_market(20, 60, 200, seed=2).tables)
    return Path("market.db")


def refusal(result: Result) -> str:
    assert result.exit_code in (1, 2), result.output
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("loading", "preparing"))]
    assert len(lines) == 1, result.stderr[:2000]
    assert lines[0].startswith("error: ")
    assert "should not" not in lines[0], lines[0]
    assert len(lines[0]) < 2_100
    return lines[0]


some_and_all = pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.long)])
"""The short run tests every fourth case: each command takes 0.1 seconds."""


@some_and_all
def test_sql_in_names_is_not_executed(scoring: Call, market: Path, every: int) -> None:
    with Database.open(market) as database:
        before = read_change_tokens(database)
        there = sa.inspect(database.engine).get_table_names()
    count = 0
    for text in SQL[::every]:
        for words in (
            ("explain", "--db", market, text, text),
            ("import", text, "x.csv", "--db", market),
            ("run", "--db", market, "--profile", text),
            ("run", "--db", market, "--model", text),
            ("run", "--db", market, "--as-of", text),
            ("runs", "verify", text, "--db", market),
            ("profiles", "show", text),
            ("profiles", "save", text),
        ):
            refusal(scoring(*words))
            count += 1
        for mapping in (
            {"tables": {text: {"from": "a"}}},
            {"tables": {"users": {"from": "a", "columns": {text: "x"}}}},
            {"tables": {"users": {"from": text}}},
            {"tables": {"users": {"from": "a", "one_row_per": text}}},
        ):
            Path("map.yaml").write_text(yaml.safe_dump({"sources": {"a": "a.csv"}} | mapping))
            refusal(scoring("import", "--map", "map.yaml", "--db", market))
            count += 1
    with Database.open(market) as database:
        assert read_change_tokens(database) == before
        assert sa.inspect(database.engine).get_table_names() == there
    record_count("SQL in names", "{} texts", count)


@some_and_all
def test_path_traversal_in_names_is_rejected(scoring: Call, market: Path, every: int) -> None:
    count = 0
    for name in CLIMBING[::every]:
        for words in (
            ("profiles", "save", "--", name),
            ("profiles", "show", "--", name),
            ("profiles", "promote", "--db", market, "--note", "x", "--yes", "--", name),
            ("run", "--db", market, f"--profile={name}"),
            ("runs", "verify", "--db", market, "--", name),
        ):
            refusal(scoring(*words))
            count += 1
    assert not list(Path("data").rglob("*")) if Path("data").exists() else True
    record_count("path traversal", "{} names", count)


@pytest.mark.parametrize(
    "kind", ["model", "map", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("weights", "profile"))]
)
def test_unsafe_yaml_is_rejected(scoring: Call, market: Path, kind: str) -> None:
    for what, text in YAML.items():
        path = Path("bad.yaml")
        if kind == "profile":
            path = Path("data/profiles/bad/0001.yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        words: dict[str, tuple[object, ...]] = {
            "model": ("run", "--db", market, "--model", path),
            "weights": ("run", "--db", market, "--weights", path),
            "map": ("import", "--map", path, "--db", market),
            "profile": ("run", "--db", market, "--profile", "bad"),
        }
        try:
            refusal(scoring(*words[kind]))
        except AssertionError as error:
            raise AssertionError(f"{kind}, {what}: {error}") from error
    record_count("unsafe YAML", "{} files", len(YAML))


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch executed",)


def zip_bomb(*, claims: int, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of a few bytes whose array claims a size of `claims`."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (claims // 4,)})
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as archive:
        for name in ("users", "jobs"):
            with archive.open(f"{name}.npy", "w") as file:
                file.write(header.getvalue())
                for _ in range(8 if compression == zipfile.ZIP_DEFLATED else 0):
                    file.write(bytes(1 << 20))
    return whole.getvalue()


def test_unsafe_cache_file_is_rejected(scoring: Call, market: Path) -> None:
    words = ("run", "--db", market, "--no-database", "--factor-cache", "kept", "--top-k", 3)
    assert scoring(*words).exit_code == 0
    (kept,) = Path("kept").iterdir()
    whole = kept.read_bytes()
    objects = io.BytesIO()
    np.savez(objects, users=np.array([Bomb()], dtype=object), jobs=np.array([Bomb()], dtype=object))
    contents = (
        pickle.dumps(Bomb()),
        objects.getvalue(),
        zip_bomb(claims=1 << 40),
        zip_bomb(claims=1 << 40, compression=zipfile.ZIP_STORED),
        zip_bomb(claims=8 << 20),
    )
    for content in contents:
        kept.write_bytes(content)
        done = scoring(*words)
        assert done.exit_code == 0, done.stderr
        assert kept.read_bytes() == whole
        record_count("pickles", "{} files", 1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_pickle_is_not_imported_as_a_table(scoring: Call, market: Path, suffix: str) -> None:
    path = Path("users").with_suffix(suffix)
    path.write_bytes(pickle.dumps(Bomb()))
    said = refusal(scoring("import", "users", path, "--db", market))
    assert "users" in said
    record_count("pickles", "{} files", 1)
