"""The `scoring` command: what it prints, which files it leaves, its messages and exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from scoring.cli import app as app_module
from scoring.cli import main
from scoring.cli.app import app
from scoring.cli.signals import TerminatedError
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.runs.publishers import read_manifest, read_results
from scoring.synthetic import make_market
from tests.support.counts import record_count

Call = Callable[..., Result]

ROOT = Path(__file__).parents[2]
OWN_COMPONENT = '''
from scoring.model import Component, Reason
from scoring.model.terms import JobTerm, Value
import numpy as np


class Lucky(Component):
    """Everything is as lucky."""

    kind = "lucky"
    luck: float = 50.0

    def terms(self, inputs):
        return Value((JobTerm(np.full(len(inputs.jobs), self.luck)),))

    def explain(self, pair):
        return Reason(self.luck, {"luck": self.luck})
'''
OWN_MODEL = "name: mine\ngroups:\n  base:\n    weight: 1\n    components:\n      lucky: {weight: 1, luck: 12.5}\n"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("factors")


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of 150 users and 800 jobs, which tests must not change."""
    path = tmp_path_factory.mktemp("market") / "market.db"
    done = CliRunner().invoke(app, ["init", "--db", str(path), "--users", "150", "--jobs", "800", "--seed", "4"])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def database(market: Path, tmp_path: Path) -> Path:
    """Return a copy of the database that a test may change."""
    with sqlite3.connect(market) as source, sqlite3.connect(tmp_path / "copy.db") as target:
        source.backup(target)
    source.close()
    target.close()
    return tmp_path / "copy.db"


@pytest.fixture
def scoring(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that calls the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


def one_sentence(result: Result, code: int) -> str:
    """Return the error's line, after checking that the command prints nothing else."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("loading", "preparing"))]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert lines[0].endswith((".", "?"))
    assert "Traceback" not in result.stderr
    return lines[0]


# init


def test_init_makes_a_market(market: Path) -> None:
    with sqlite3.connect(market) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("users", "jobs")]
    connection.close()
    assert counts == [150, 800]


def test_init_empty_has_reference_tables_only(scoring: Call, tmp_path: Path) -> None:
    done = scoring("init", "--db", "empty.db", "--empty")
    assert done.exit_code == 0
    assert "172 occupations, 47 prefectures" in done.stdout
    assert "contains no users or no jobs" in one_sentence(scoring("run", "--db", "empty.db"), 1)
    assert scoring("init", "--db", "empty.db", "--users", 20, "--jobs", 50).exit_code == 0


def test_init_does_not_overwrite_unless_told(scoring: Call, database: Path) -> None:
    said = one_sentence(scoring("init", "--db", database, "--users", 5, "--jobs", 5), 1)
    assert "150 users, 800 jobs" in said
    assert "--replace" in said
    done = scoring("init", "--db", database, "--users", 5, "--jobs", 6, "--replace")
    assert "6 jobs, 5 users" in done.stdout


def test_init_makes_the_default_folder(scoring: Call, tmp_path: Path) -> None:
    assert scoring("init", "--empty").exit_code == 0
    assert (tmp_path / "data/market.db").exists()


# import


def test_import_accounts_for_every_row(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "jobs.csv").write_text("job_id,fee\n1,500\n1,600\n3,x\n")
    done = scoring("import", "jobs", "jobs.csv", "--db", "own.db", "--refused", "bad")
    assert done.exit_code == 0
    assert re.search(r"jobs from jobs.csv: 3 read = \d stored \+ \d merged \+ \d refused", done.stdout)
    assert (tmp_path / "bad/refused_jobs.csv").exists()


def test_import_by_a_mapping(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "offers.csv").write_text("number,price\n1,500\n2,600\n")
    (tmp_path / "map.yaml").write_text(
        "sources: {offers: offers.csv}\ntables:\n  jobs:\n    from: offers\n    columns: {job_id: number, fee: price}\n"
    )
    done = scoring("import", "--map", "map.yaml", "--db", "own.db")
    assert "2 read = 2 stored" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["jobs"], ["jobs", "a.csv", "--map", "m.yaml"]])
def test_import_wants_a_table_and_a_file_or_a_mapping(scoring: Call, arguments: list[str]) -> None:
    assert "TABLE and FILE, or --map FILE" in one_sentence(scoring("import", *arguments), 2)


# run


def test_run_publishes_and_reports(scoring: Call, database: Path, tmp_path: Path) -> None:
    done = scoring("run", "--db", database, "--out", "runs", "--top-k", 6)
    assert done.exit_code == 0, done.output
    assert "ms per user, target 180 ms" in done.stdout
    assert "Top jobs of user" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    stored = pd.read_parquet(tmp_path / "runs/latest")
    with Database.open(database) as opened:
        pd.testing.assert_frame_equal(stored, read_results(opened))
    assert stored.groupby("user_id").size().eq(6).all()


def test_settings_of_work_do_not_change_results(scoring: Call, database: Path, tmp_path: Path) -> None:
    for name, extra in (("a", []), ("b", ["--chunk-size", 7, "--workers", 1, "--no-database"])):
        assert scoring("run", "--db", database, "--out", name, *extra).exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a/latest"), pd.read_parquet(tmp_path / "b/latest"))
    with Database.open(database) as opened, opened.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one() == 1


def test_a_run_of_some_users(scoring: Call, database: Path, tmp_path: Path) -> None:
    done = scoring("run", "--db", database, "--out", "runs", "--users", 3)
    assert "3 ranked" in done.stdout
    assert "not selected" in done.stdout
    assert [path for path in (tmp_path / "runs").iterdir() if path.name == "latest"] == []


def test_factors_are_trained_once(scoring: Call, database: Path) -> None:
    first = scoring("run", "--db", database, "--factor-cache", "kept", "--no-database")
    second = scoring("run", "--db", database, "--factor-cache", "kept", "--no-database")
    assert "factors trained" in " ".join(first.stdout.split())
    assert "factors cache hit" in " ".join(second.stdout.split())


def test_the_clock_can_be_set(scoring: Call, database: Path, tmp_path: Path) -> None:
    done = scoring("run", "--db", database, "--out", "runs", "--as-of", "2025-11-01T06:00:00Z", "--no-database")
    assert "as of 2025-11-01 06:00 UTC" in done.stdout
    assert read_manifest(tmp_path / "runs/latest")["clock_set_back"] is True


def test_other_weights(scoring: Call, database: Path, tmp_path: Path) -> None:
    (tmp_path / "weights.yaml").write_text(
        "normalise: true\ngroups:\n"
        "  base: {weight: 1, components: {fee: 1, wage: 0, popularity: 0, access: 0, freshness: 0}}\n"
        "  match: {weight: 0, components: {location: 0, category: 0, conditions: 0}}\n"
        "  personal: {weight: 0, components: {history: 0, clicks: 0, collaborative: 0}}\n"
    )
    done = scoring("run", "--db", database, "--out", "runs", "--weights", "weights.yaml", "--no-database")
    assert done.exit_code == 0, done.output
    assert read_manifest(tmp_path / "runs/latest")["weights"]["fee"] == 1.0


def test_a_component_of_ones_own(scoring: Call, database: Path, tmp_path: Path) -> None:
    (tmp_path / "lucky.py").write_text(OWN_COMPONENT)
    (tmp_path / "mine.yaml").write_text(OWN_MODEL)
    own = ("--component", "lucky.py", "--model", "mine.yaml", "--db", database)
    assert scoring("run", *own, "--out", "runs", "--no-database").exit_code == 0
    assert pd.read_parquet(tmp_path / "runs/latest")["total_score"].eq(12.5).all()
    assert "luck 12.50" in scoring("explain", 1, 1, *own).stdout


def test_a_chunk_that_is_too_large_is_cut_with_a_word(scoring: Call, database: Path) -> None:
    done = scoring("run", "--db", database, "--chunk-size", 20_000, "--no-database")
    assert done.exit_code == 0
    assert "warning: chunk_size 20,000 exceeds the maximum. It is reduced to 10,000 users" in done.stderr


def test_rows_that_cannot_be_used_stop_no_run(scoring: Call, database: Path, tmp_path: Path) -> None:
    """They are printed, counted in the report and the manifest, and kept in a file that only its owner can read."""
    connection = sqlite3.connect(database)
    connection.execute("UPDATE jobs SET min_salary = 'a lot' WHERE job_id IN (5, 6)")
    connection.execute("UPDATE users SET preferred_salary_min = 9e999 WHERE user_id = 3")
    connection.commit()
    connection.close()
    done = scoring("run", "--db", database, "--top-k", 3, "--out", "runs")
    assert done.exit_code == 0, done.output
    assert "warning: jobs: 800 read = 798 used + 2 rejected (min_salary is not a number: 2)" in done.stderr
    assert re.search(r"of 800 ranked; 2 refused", done.stdout)
    counts = json.loads(next((tmp_path / "runs").glob("*/_manifest.json")).read_text())["counts"]
    assert counts["jobs_refused"] == {"min_salary is not a number": 2}
    assert counts["users_read"] == 150 == counts["users_scored"] + sum(counts["users_filtered"].values()) + 1
    kept = tmp_path / "data/refused/run_refused_jobs.csv"
    assert kept.stat().st_mode & 0o777 == 0o600
    as_of = json.loads(next((tmp_path / "runs").glob("*/_manifest.json")).read_text())["as_of"]
    row = pd.read_csv(kept).iloc[0]
    assert row.iloc[:4].tolist() == ["job_id 5", "min_salary", "a lot", "is not a number"]
    assert pd.Timestamp(row["refused_as_of"]) == pd.Timestamp(as_of)
    assert row["job_id"] == 5
    said = one_sentence(scoring("run", "--db", database, "--max-refused", "0.2%", "--no-database"), 1)
    assert "Too many invalid rows. At most 0.2% of a table may be invalid. jobs: 800 read" in said
    assert "users: 150 read" in said
    assert "Invalid limit" in one_sentence(scoring("run", "--db", database, "--max-refused", "some"), 1)


# explain, models, help


def test_explain_adds_up(scoring: Call, market: Path) -> None:
    done = scoring("explain", 2, 7, "--db", market)
    assert done.exit_code == 0, done.output
    rows = [re.match(r"( *)(\w+) +[\d.]+ +([\d.]+) +([\d.]+)", line) for line in done.stdout.splitlines()]
    parts = [float(row[4]) for row in rows if row and row[1]]
    total = next(float(row[4]) for row in rows if row and row[2] == "total")
    assert len(parts) == 11
    assert sum(parts) == pytest.approx(total, abs=0.06)
    assert re.search(r"This job is (not )?ranked for this user", done.stdout)


def test_explain_knows_ids_that_were_text(scoring: Call, tmp_path: Path) -> None:
    scoring("init", "--db", "own.db", "--empty")
    (tmp_path / "jobs.csv").write_text("job_id,fee\njob-a,500\n")
    (tmp_path / "users.csv").write_text("user_id,age_group\nanna,20s\n")
    for table in ("jobs", "users"):
        assert scoring("import", table, f"{table}.csv", "--db", "own.db").exit_code == 0
    done = scoring("explain", "anna", "job-a", "--db", "own.db")
    assert done.exit_code == 0, done.output
    assert "user berta does not exist" in one_sentence(scoring("explain", "berta", "job-a", "--db", "own.db"), 1)


def test_models_lists_what_ships(scoring: Call) -> None:
    done = scoring("models")
    assert {"standard", "classic", "collaborative"} <= set(done.stdout.split())


def test_no_command_is_help(scoring: Call) -> None:
    done = scoring()
    assert done.exit_code == 0
    assert "explain" in done.stdout
    assert scoring("--version").stdout.startswith("scoring ")


# Messages


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--top-k", "0"], "--top-k"),
        (["run", "--workers", "many"], "--workers"),
        (["run", "--chunk-size", "-1"], "--chunk-size"),
        (["run", "--colour"], "--colour"),
        (["init", "--users", "0"], "--users"),
        (["explain", "1"], "JOB"),
        (["rum"], "rum"),
    ],
)
def test_a_command_line_that_cannot_be_understood(scoring: Call, arguments: list[str], said: str) -> None:
    sentence = one_sentence(scoring(*arguments), 2)
    assert said in sentence
    assert "--help` " not in sentence


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--db", "nowhere.db"], "nowhere.db does not exist"),
        (["run", "--db", "mysql://u:secret@h/d"], "is not supported"),
        (["run", "--db", "postgresql://u:secret@127.0.0.1:1/d"], "does not answer"),
        (["run", "--db", "://"], "cannot be read"),
        (["run", "--model", "unheard"], "model unheard"),
        (["run", "--model", "strange.yaml"], "line 2: unknown key `colour`"),
        (["run", "--weights", "none.yaml"], "--weights none.yaml: No such file"),
        (["run", "--component", "none.py"], "--component none.py: No such file"),
        (["run", "--component", "broken.py"], "--component broken.py, line 1: ZeroDivisionError"),
        (["run", "--component", "nothing.py"], "does not define a component"),
        (["run", "--db", "MARKET", "--out", "file.txt"], "file.txt: Not a directory"),
        (["run", "--db", "MARKET", "--as-of", "yesterday"], "'yesterday' is not a time"),
        (["explain", "999999", "1", "--db", "MARKET"], "user 999999 does not exist"),
        (["explain", "1", "999999", "--db", "MARKET"], "job 999999 does not exist"),
        (["explain", "1", "' OR 1=1", "--db", "MARKET"], "job ' OR 1=1 does not exist"),
        (["run", "--db", "file.txt"], "not a database"),
        (["run", "--db", "hollow.db"], "does not contain the table"),
        (["import", "jobs", "none.csv", "--db", "MARKET"], "none.csv does not exist"),
        (["import", "jbos", "file.csv", "--db", "MARKET"], "Did you mean 'jobs'"),
    ],
)
def test_an_error_is_one_sentence(
    scoring: Call, database: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "strange.yaml").write_text("name: x\ncolour: red\n")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "nothing.py").write_text("x = 1\n")
    (tmp_path / "file.txt").write_text("no database, no folder\n" * 99)
    (tmp_path / "hollow.db").touch()
    sentence = one_sentence(scoring(*(str(database) if word == "MARKET" else word for word in arguments)), 1)
    assert said in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE jobs DROP COLUMN fee", "does not contain the column jobs.fee"),
        ("DROP TABLE actions", "does not contain the table actions"),
    ],
)
def test_what_a_database_lacks_is_named(scoring: Call, database: Path, statement: str, said: str) -> None:
    connection = sqlite3.connect(database)
    connection.execute(statement)
    connection.close()
    assert said in one_sentence(scoring("run", "--db", database, "--no-database"), 1)


def test_debug_shows_the_traceback(scoring: Call) -> None:
    done = scoring("run", "--db", "nowhere.db", "--debug")
    assert done.exit_code != 0
    assert "DatabaseError" in repr(done.exception)


def test_too_little_memory_is_said_before_loading(scoring: Call, market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.runs.memory_budget.measure_available", lambda: 1_000_000)
    said = one_sentence(scoring("run", "--db", market, "--no-database"), 1)
    assert "Loading 150 users, 800 jobs" in said
    assert "only 1.0 MB (1,000,000 bytes) are available" in said


# As a process


def surroundings(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}


def start(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "scoring.cli", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, env=surroundings(cwd), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=cwd, env=surroundings(cwd), capture_output=True, text=True, check=False)


def test_help_is_light(tmp_path: Path) -> None:
    """The help imports no large module. Modules are compared because seconds differ between machines."""
    heavy = ("numpy", "pandas", "sqlalchemy", "numba", "pyarrow")
    done = python(
        "import sys\nfrom scoring.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {heavy} if name in sys.modules])",
        tmp_path,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_nothing(tmp_path: Path, sign: signal.Signals, code: int) -> None:
    database = tmp_path / "long.db"  # with enough users that the signal arrives before the end
    with Database.open(database) as opened:
        save_tables(opened, make_market(4000, 300, 100, seed=4).tables)
    run = start("run", "--db", database, "--out", "runs", "--chunk-size", 1, "--top-k", 200, cwd=tmp_path)
    out = tmp_path / "runs"
    begun = time.monotonic()
    while not (out.is_dir() and any(out.iterdir())):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() - begun < 60
        time.sleep(0.005)
    run.send_signal(sign)
    said, complained = run.communicate(timeout=30)
    assert run.returncode == code
    assert said == ""
    assert complained.splitlines()[-1].startswith("Stopped.")
    assert "Traceback" not in complained
    assert list(out.iterdir()) == []
    with Database.open(database) as opened, opened.connect() as connection:
        for table in ("results", "runs", "current_runs"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_whose_exception_is_lost_stops_the_run(
    database: Path, tmp_path: Path, sign: signal.Signals, code: int
) -> None:
    """Python ignores exceptions that are raised in a finaliser, and a signal handler may run there."""
    done = python(
        f"""
import os
from scoring.cli import main
from scoring.runs.publishers import parquet_publisher

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), {int(sign)})

write = parquet_publisher.write_part
parquet_publisher.write_part = lambda *given: (Finalised(), write(*given))[1]
main(["run", "--db", "copy.db", "--out", "runs", "--no-database", "--chunk-size", "1"])
""",
        tmp_path,
    )
    assert "Exception ignored" in done.stderr
    assert done.returncode == code
    assert done.stderr.splitlines()[-1].startswith("Stopped.")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_disk_without_room_is_one_sentence(database: Path, tmp_path: Path) -> None:
    """A limit on the file size simulates a full disk."""
    run = "from scoring.cli import main; main(['run', '--db', 'copy.db', '--out', '{}', '--no-database'])"
    assert python(run.format("first"), tmp_path).returncode == 0  # trains the factors, whose file is larger
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
    done = python(limit + run.format("runs"), tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: Results cannot be written to runs/")
    assert "File too large" in last
    assert list((tmp_path / "runs").iterdir()) == []
    record_count("full disk", "{} runs: {} stopped by failing writes", 1, 1)


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    with start("models", cwd=tmp_path) as models:
        assert models.stdout is not None
        assert models.stderr is not None
        models.stdout.close()
        assert models.stderr.read() == ""
    assert models.returncode in (0, 1)


def test_facts_as_text() -> None:
    from scoring.ranking.fact_text import format_facts

    facts = {"yen per hour": 1250.0, "ratio": 0.8969, "similar in": {"wage": True, "daily_payment": True, "x": False},
             "met": {"floor": 1, "style": 0.5}, "preferred": (1202, 1508), "station": None, "clicked": {}}  # fmt: skip
    assert format_facts(facts) == (
        "yen per hour 1,250; ratio 0.897; similar in wage, daily payment; conditions: floor (met), style (half met); "
        "preferred 1202/1508; no station; clicked nothing"
    )
    unlike = {"similar in": {"occupation": False}}
    assert format_facts({"clicks": 2, "days": 30} | unlike) == "clicks 2; in the last 30 days; none similar"
    assert format_facts({"clicks": 0} | unlike) == "clicks 0"
    assert format_facts({"met": {"floor": 0.0, "style": 0.25}}) == "conditions: floor (not met), style (met by 25%)"
    assert format_facts({"met": {}}) == "no conditions"
    assert format_facts({"cosine": None}) == "factor similarity: user or job has no factors"
    assert format_facts({"cosine": 0.25}) == "factor similarity 0.25 (from -1 to 1)"


@pytest.mark.parametrize("clock", ["now", "10:00", "01/02/2025", "2025", "-5", "0001-01-01T00:00:00+14:00"])
def test_a_clock_is_a_day_or_nothing(scoring: Call, market: Path, clock: str) -> None:
    said = one_sentence(scoring("run", "--db", market, "--no-database", f"--as-of={clock}"), 1)
    assert said.startswith("error: as_of: ")


@pytest.mark.parametrize("code", ["import sys; sys.exit(0)", "raise BaseException('x')"])
def test_a_component_file_cannot_end_a_run_as_if_all_were_well(
    scoring: Call, market: Path, tmp_path: Path, code: str
) -> None:
    (tmp_path / "own.py").write_text(code)
    said = one_sentence(scoring("run", "--db", market, "--no-database", "--component", "own.py"), 1)
    assert said.startswith("error: --component own.py, line 1: ")


def test_a_component_cannot_end_a_run_as_if_all_were_well(scoring: Call, market: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        OWN_COMPONENT.replace("return Value(", "raise SystemExit(0)\n        return Value(")
    )
    (tmp_path / "own.yaml").write_text(OWN_MODEL)
    done = scoring("run", "--db", market, "--no-database", "--component", "own.py", "--model", "own.yaml")
    assert done.exit_code == 1
    assert "component lucky: its `terms` raised SystemExit" in done.stderr


def test_texts_of_the_data_command_neither_the_page_nor_the_terminal(scoring: Call, database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE jobs SET title = ?, company_name = ?", ("[/] \x1b[2J\u2028", "x" * 100_000))
    connection.close()
    done = scoring("explain", 1, 1, "--db", database)
    assert done.exit_code == 0, done.stderr
    assert "[/]" in done.stdout
    assert "\x1b" not in done.stdout
    assert len(done.stdout) < 10_000
    assert scoring("run", "--db", database, "--no-database").exit_code == 0


def test_a_database_that_refuses_to_publish_leaves_no_folder(scoring: Call, database: Path, tmp_path: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TRIGGER no BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'no way'); END")
    connection.close()
    done = scoring("run", "--db", database, "--out", "runs")
    assert done.exit_code == 1
    assert "no way" in done.stderr
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_explanation_ranks_and_compiles_nothing(
    scoring: Call, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a kernel was asked")

    monkeypatch.setattr("scoring.ranking.scorer.Scorer.top_k", refuse)
    assert scoring("explain", "1", "1", "--db", database).exit_code == 0


def test_one_of_a_thing_is_not_many(scoring: Call, tmp_path: Path) -> None:
    made = scoring("init", "--db", tmp_path / "one.db", "--users", 1, "--jobs", 1, "--actions", 0)
    assert "generating a market of 1 user and 1 job:" in made.stderr
    done = scoring("run", "--db", tmp_path / "one.db", "--no-database", "--top-k", 1)
    assert done.exit_code == 0, done.output
    assert "loading 1 user, 1 job, 0 actions:" in done.stderr
    assert not re.search(r"(?<![\d.,])(?<!of )1 (users|jobs|rows|actions)\b", done.stderr)


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt, 130), (TerminatedError, 143)])
def test_a_stop_before_the_command_is_at_work_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, stop: type[KeyboardInterrupt], code: int
) -> None:
    def begin(**_: object) -> None:
        raise stop

    monkeypatch.setattr(app_module, "app", begin)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("gc.set_threshold", lambda *_: None)
    monkeypatch.setattr("gc.freeze", lambda: None)
    with pytest.raises(SystemExit) as ended:
        main(["models"])
    assert ended.value.code == code
