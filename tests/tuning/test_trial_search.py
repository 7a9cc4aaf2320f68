"""Trials depend on the seed alone, survive failures, and are shared by the workers of a study."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from scoring.errors import ConfigurationError, OutputError, RunCancelledError
from scoring.evaluation.beyond_accuracy_metrics import Coverage, MeanFee
from scoring.evaluation.evaluator import Evaluator
from scoring.evaluation.metrics import NDCG
from scoring.evaluation.slices import Slicing
from scoring.tuning.goals import Floor, ListGoal, MetricGoal
from scoring.tuning.problem import Problem
from scoring.tuning.space import Parameter, Space
from scoring.tuning.trial_journal import open_journal
from scoring.tuning.trial_search import Sampler, load_finished, make_trial_model, run_trials, select_feasible
from tests.support.errors import raises_at, raises_with
from tests.support.forks import start_fork
from tests.support.search_worker import FIRST, die_with_lock, problem_of, search

SAMPLERS: list[Sampler] = ["tpe", "random", "nsga2"]


@pytest.fixture(scope="module")
def problem() -> Problem:
    return problem_of()


def tried(study: optuna.Study) -> list[tuple]:
    return [(*trial.params.values(), *trial.values) for trial in load_finished(study)]


# --- One process ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_trials_depend_on_seed(problem: Problem, sampler: Sampler) -> None:
    a, b, c = (run_trials(problem, 24, sampler=sampler, seed=seed) for seed in (1, 1, 2))
    assert tried(a) == tried(b)
    assert len(set(tried(a)) | set(tried(c))) == 48


def test_samplers_of_same_seed_draw_different_trials(problem: Problem) -> None:
    found = [set(tried(run_trials(problem, 15, sampler=sampler))) for sampler in SAMPLERS]
    assert len(set.union(*found)) == 45


def test_trial_value_equals_value_of_its_model(problem: Problem) -> None:
    study = run_trials(problem, 6, first=FIRST)
    for trial in load_finished(study):
        model = make_trial_model(problem, trial)
        assert trial.values == [problem.train.evaluate(model).values["NDCG@10"].mean()]
    for trial, model in zip(load_finished(study), FIRST, strict=False):
        np.testing.assert_allclose(make_trial_model(problem, trial).flat_weights, model.flat_weights, atol=1e-12)


def test_progress_is_reported_from_first_to_last_trial(problem: Problem, tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    run_trials(problem, 3, storage=tmp_path / "trials", progress=lambda *at: reports.append(at))
    run_trials(problem, 5, storage=tmp_path / "trials", progress=lambda *at: reports.append(at))
    run_trials(problem, 2, storage=tmp_path / "trials", progress=lambda *at: reports.append(at))
    assert reports == [(0, 3), (1, 3), (2, 3), (3, 3), (3, 5), (4, 5), (5, 5), (2, 2)]


def test_resumed_search_repeats_no_trial(problem: Problem, tmp_path: Path) -> None:
    for n in (4, 9, 14):
        study = run_trials(problem, n, sampler="random", storage=tmp_path / "trials", first=FIRST)
    assert len(tried(study)) == len(set(tried(study))) == 14
    assert len(study.trials) == 14


def test_cancelled_search_keeps_finished_trials(problem: Problem, tmp_path: Path) -> None:
    answers = iter([False, False, False, True])
    with raises_with(RunCancelledError, done=3, total=10):
        run_trials(problem, 10, storage=tmp_path / "trials", cancelled=lambda: next(answers))
    study = run_trials(problem, 3, storage=tmp_path / "trials")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3


class Broken(MetricGoal):
    """Raise an error in the third call."""

    evaluations = 0

    def of(self, evaluator: Evaluator, evaluation: object) -> float:
        type(self).evaluations += 1
        if self.evaluations == 3:
            raise ZeroDivisionError
        return super().of(evaluator, evaluation)  # type: ignore[arg-type]


def test_failing_trial_stops_search_and_is_not_counted(problem: Problem, tmp_path: Path) -> None:
    broken = Problem(problem.space, problem.train, (Broken(NDCG(10)),))
    with pytest.raises(ZeroDivisionError):
        run_trials(broken, 5, storage=tmp_path / "trials")
    study = run_trials(broken, 5, storage=tmp_path / "trials")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2 + ["FAIL"] + ["COMPLETE"] * 3


def test_floors_are_constraints_of_the_sampler(problem: Problem) -> None:
    users = problem.train.user_id
    halves = Slicing.of("half", users, ["a" if user % 2 else "b" for user in users.tolist()])
    floored = Problem(problem.space, problem.train, floors=(Floor(NDCG(10), halves, "a", 1.0),))
    study = run_trials(floored, 40, first=FIRST)
    base = problem.train.evaluate(problem.baseline).values["NDCG@10"][users % 2 == 1].mean()
    kept = {trial.number for trial in select_feasible(load_finished(study))}
    for trial in load_finished(study):
        evaluation = problem.train.evaluate(make_trial_model(floored, trial))
        short = base - evaluation.values["NDCG@10"][users % 2 == 1].mean()
        assert (trial.number in kept) == (short <= 0)
        if hasattr(trial, "constraints"):  # Optuna 5 only
            assert list(trial.constraints.values()) == [pytest.approx(short, abs=1e-15)]
    assert 0 < len(kept) < 40


def test_each_goal_has_its_direction(problem: Problem) -> None:
    goals = (MetricGoal(NDCG(10)), ListGoal(MeanFee(10), maximise=False), ListGoal(Coverage(10)))
    several = Problem(problem.space, problem.train, goals)
    study = run_trials(several, 5, sampler="nsga2")
    assert [one.name for one in study.directions] == ["MAXIMIZE", "MINIMIZE", "MAXIMIZE"]
    assert all(len(trial.values) == 3 for trial in load_finished(study))


@pytest.mark.parametrize("n_trials", [0, -1, 1.5, True, float("nan"), "5"])
def test_invalid_number_of_trials_raises(problem: Problem, n_trials: object) -> None:
    with raises_at(ConfigurationError, "n_trials"):
        run_trials(problem, n_trials)  # type: ignore[arg-type]


def test_invalid_settings_raise_before_any_write(problem: Problem, tmp_path: Path) -> None:
    for wrong in ({"sampler": "grid"}, {"seed": -1}, {"worker": -1}):
        with pytest.raises(ConfigurationError):
            run_trials(problem, 1, storage=tmp_path / "trials", **wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_optuna_verbosity_is_restored(problem: Problem, capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    run_trials(problem, 3)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


# --- The file ------------------------------------------------------------------------------------------------


def test_trial_file_contains_no_user(problem: Problem, tmp_path: Path) -> None:
    run_trials(problem, 5, storage=tmp_path / "trials", first=FIRST)
    content = (tmp_path / "trials").read_text()
    lines = [line for line in content.splitlines() if line]
    keys = set(re.findall(r'"(\w+)":', content))
    assert len(lines) > 20
    assert not {key for key in keys if "user" in key and not key.startswith("user_attr")}
    numbers = set(re.findall(r"(?<![\w.-])\d{3,}(?![\w.-])", content))  # trial numbers end at 5
    assert not numbers & {str(user) for user in problem.train.user_id.tolist() if user > 99}


def other_space(problem: Problem) -> Problem:
    return Problem(Space(problem.space.model, ("fee",)), problem.train)


def other_users(problem: Problem) -> Problem:
    return Problem(problem.space, Evaluator(problem.train.holdout, users=problem.train.user_id[1:], k=10))


def other_direction(problem: Problem) -> Problem:
    return Problem(problem.space, problem.train, (MetricGoal(NDCG(10), maximise=False),))


def other_parameters(problem: Problem) -> Problem:
    return Problem(Space(problem.space.model, (), (Parameter("fee", "low", 0, 900),)), problem.train)


def other_model(problem: Problem) -> Problem:
    return Problem(Space(problem.space.model.with_parameters("fee", low=400)), problem.train)


def floors(problem: Problem, label: Callable[[int], str] = lambda user: "a" if user % 2 else "b") -> Problem:
    users = problem.train.user_id
    halves = Slicing.of("half", users, [label(user) for user in users.tolist()])
    return Problem(problem.space, problem.train, floors=(Floor(NDCG(10), halves, "a", 0.5),))


@pytest.mark.parametrize(
    "other",
    [other_space, other_users, other_direction, other_parameters, other_model, floors],
    ids=lambda f: f.__name__,
)
def test_trials_of_another_problem_raise(problem: Problem, tmp_path: Path, other: Callable[[Problem], Problem]) -> None:
    run_trials(problem, 1, storage=tmp_path / "trials", name="mine")
    with raises_at(ConfigurationError, "storage"):
        run_trials(other(problem), 2, storage=tmp_path / "trials", name="mine")
    assert len(run_trials(problem, 1, storage=tmp_path / "trials", name="mine").trials) == 1
    run_trials(other(problem), 1, storage=tmp_path / "trials")  # under the default name, which differs


def test_floor_of_other_users_is_another_problem(problem: Problem) -> None:
    assert floors(problem).digest == floors(problem).digest
    assert floors(problem).digest != floors(problem, lambda user: "a" if user % 3 else "b").digest


def test_study_of_other_program_raises(problem: Problem, tmp_path: Path) -> None:
    other_study = optuna.create_study(study_name="theirs", storage=open_journal(tmp_path / "trials"))
    other_study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with raises_at(ConfigurationError, "storage"):
        run_trials(problem, 2, storage=tmp_path / "trials", name="theirs")


@pytest.mark.parametrize(
    "content",
    [
        b"user,job\n1,2\n",
        b"half a line of something",
        b"\x00\xff\xfe\x93\n\n",
        b"[]\n",
        b'{"op_code":99}\n{"a":1}\n',
        b'{"op_code":0,"study_name":3',
    ],
    ids=["table", "text", "bytes", "list", "steps", "half a step"],
)
def test_file_without_trials_raises_and_is_unchanged(problem: Problem, tmp_path: Path, content: bytes) -> None:
    storage = tmp_path / "trials"
    storage.write_bytes(content)
    if content.startswith(b'{"op_code":0'):  # the first line of a killed process
        assert len(load_finished(run_trials(problem, 1, storage=storage))) == 1
        return
    with raises_at(ConfigurationError, path=str(storage)):
        run_trials(problem, 1, storage=storage)
    assert storage.read_bytes() == content


def test_damaged_line_raises_and_partial_line_is_ignored(problem: Problem, tmp_path: Path) -> None:
    storage = tmp_path / "trials"
    run_trials(problem, 4, storage=storage)
    whole = storage.read_bytes()
    middle = whole.index(b"\n", len(whole) // 2) + 1
    storage.write_bytes(whole[:middle] + b"!!" + whole[middle:])
    with raises_at(ConfigurationError, path=str(storage)):
        run_trials(problem, 4, storage=storage)
    for lost in (1, 2, 30, len(whole) - whole[:-1].rfind(b"\n") - 2):
        storage.write_bytes(whole[: len(whole) - lost])
        for n in (4, 6):
            assert len(load_finished(run_trials(problem, n, storage=storage))) == n
    storage.write_bytes(whole)
    assert tried(run_trials(problem, 4, storage=storage)) == tried(run_trials(problem, 4, storage=storage))


def test_unwritable_storage_raises_output_error(problem: Problem, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "deeper" / "trials", tmp_path, Path("/proc/nowhere/trials")):
        with raises_with(OutputError, path=str(place)):
            run_trials(problem, 1, storage=place)
    assert len(load_finished(run_trials(problem, 1, storage=tmp_path / "new" / "folder" / "trials"))) == 1


# --- Several processes ---------------------------------------------------------------------------------------


def begin(pipe: Connection) -> None:
    """Start the search when the process is ready."""
    while pipe.recv() != "ready":
        pass
    pipe.send("go")


def received(pipe: Connection) -> Iterator[object]:
    """Yield what the process sends until it ends."""
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return


def test_killed_search_is_resumed(problem: Problem, tmp_path: Path) -> None:
    storage = tmp_path / "trials"
    process, pipe = start_fork(search, storage, 100_000, 0, ["random"], 0.0)
    begin(pipe)
    while pipe.recv() != 12:
        assert process.is_alive()
    process.kill()
    process.join()
    before = optuna.load_study(study_name=f"random-{problem.digest[:8]}", storage=open_journal(storage))
    done, kept = len(load_finished(before)), tried(before)
    assert done >= 12
    study = run_trials(problem, done + 8, sampler="random", storage=storage, first=FIRST)
    assert tried(study)[:done] == kept
    assert len(tried(study)) == len(set(tried(study))) == done + 8
    others = [trial.state for trial in study.trials if trial.state is not TrialState.COMPLETE]
    assert others in ([], [TrialState.RUNNING])


def test_processes_share_trials(problem: Problem, tmp_path: Path) -> None:
    storage, n, workers = tmp_path / "trials", 24, 3
    started = [start_fork(search, storage, n, number, ["random", "tpe"], 0.02) for number in range(workers)]
    for _ in range(2):  # samplers
        for _, pipe in started:
            begin(pipe)
    for process, pipe in started:
        trials = list(received(pipe))
        process.join(120)
        assert process.exitcode == 0
        assert len(trials) >= 2
    for sampler in ("random", "tpe"):
        study = run_trials(problem, n, sampler=sampler, storage=storage)
        assert n <= len(load_finished(study)) <= n + workers - 1
        assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
        assert len({trial[:-1] for trial in tried(study)}) == len(load_finished(study))
        once_each(problem, study)


def once_each(problem: Problem, study: optuna.Study) -> None:
    """Check that each of the first models was tried once."""
    weights = [make_trial_model(problem, trial).flat_weights for trial in load_finished(study)]
    for model in FIRST:
        assert sum(np.allclose(model.flat_weights, one, atol=1e-9) for one in weights) == 1


def test_interrupted_first_model_is_tried_again(problem: Problem, tmp_path: Path) -> None:
    storage = tmp_path / "trials"
    with pytest.raises(RunCancelledError):
        run_trials(problem, 4, storage=storage, name="s", first=FIRST, cancelled=lambda: True)
    dying = optuna.load_study(study_name="s", storage=open_journal(storage))
    problem.space.suggest(dying.ask())  # starts the trial of FIRST[0] and never finishes it
    study = run_trials(problem, 4, storage=storage, name="s", first=FIRST)
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING, *[TrialState.COMPLETE] * 4]
    once_each(problem, study)


def test_only_worker_0_adds_first_models(problem: Problem, tmp_path: Path) -> None:
    """Only worker 0 adds the first models; otherwise several workers would add the same ones."""
    storage = tmp_path / "trials"
    assert len(load_finished(run_trials(problem, 3, storage=storage, worker=1, first=FIRST))) == 3
    study = run_trials(problem, 6, storage=storage, worker=0, first=FIRST)
    once_each(problem, study)
    assert [bool(trial.user_attrs.get("first")) for trial in load_finished(study)] == [False] * 3 + [True] * 2 + [False]


def test_lock_of_dead_process_blocks_no_other(problem: Problem, tmp_path: Path) -> None:
    """Optuna's own lock would block for 30 s."""
    storage = tmp_path / "trials"
    process, _ = start_fork(die_with_lock, storage)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["trials"]
    assert len(load_finished(run_trials(problem, 2, storage=storage))) == 2
