"""What a trained model adds to weights that are fitted without it: `python -m benchmarks.learned_value`.

Without --db, each seed is a synthetic market, a split of its users into folds, and the training. With --db, the data is
that of the database, and a seed is a split and a training:

    python -m benchmarks.learned_value --seeds 1 2 3 4 5 6 7 8 9 10
    python -m benchmarks.learned_value --db data/views.db --model MODEL --component FILE --kind click --input NAME …

Each fold is the test of models made with the users of the other folds. With a trained model, half of these users are
those of the training, and weights are fitted to the other half. Without it, weights are fitted to all of them. The
settings are fixed. Printed are the mean of the seeds' differences with a 95 % interval (Student's t; the seeds are the
units), and the difference per user, averaged over the seeds, with a 95 % interval (the users are the units).
"""

from __future__ import annotations

import argparse
import runpy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.measurement import print_progress
from scoring import Dataset, ScoringModel, Statistics, load_model, make_market
from scoring.array_types import Floats
from scoring.components.learned import Learned
from scoring.database.database import Database
from scoring.evaluation import NDCG, Evaluator, Holdout, by_time, last_n
from scoring.evaluation.significance import Resamples
from scoring.model_catalog import load_components
from scoring.training import DEFAULT_INPUTS, TrainingFrame, frame, import_model
from scoring.tuning import Space
from scoring.tuning.logistic_fit import fit_pairwise

__all__ = ["Case", "Comparison", "compare", "summarize"]

USERS, JOBS, ACTIONS = 3_000, 6_000, 300_000
"""Of a synthetic market."""
FOLDS: Final = 5
TREES: Final[dict[str, Any]] = {
    "objective": "binary",
    "num_leaves": 7,
    "learning_rate": 0.05,
    "min_data_in_leaf": 100,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
N_TREES: Final = 60
NEGATIVES: Final = 100
_NETWORK: Final = Path(__file__).parents[1] / "notebooks" / "small_network.py"


@dataclass(frozen=True)
class Case:
    """A kind of trained model and its inputs."""

    name: str
    inputs: tuple[str, ...]
    is_network: bool = False


@dataclass(frozen=True)
class Comparison:
    """Values of a measure on the test users of all folds."""

    user_id: NDArray[np.int64]
    without: Floats  # (users,)
    with_model: dict[str, Floats]  # name of a case → (users,)


def compare(
    holdout: Holdout, base: ScoringModel, cases: Sequence[Case], metric: NDCG, seed: int, n_folds: int = FOLDS
) -> Comparison:
    """Return the measure of each user in the fold that tests it, without and with trained models."""
    ids, statistics = holdout.user_id, Statistics(holdout.data)
    fold = np.random.default_rng(seed).permutation(len(ids)) % n_folds
    without, found = np.full(len(ids), np.nan), {case.name: np.full(len(ids), np.nan) for case in cases}

    def make_evaluator(users: NDArray[np.int64]) -> Evaluator:
        return Evaluator(holdout, users=users, k=metric.k, metrics=[metric], statistics=statistics, workers=1)

    with tempfile.TemporaryDirectory(prefix="scoring-models-") as folder:
        for this in range(n_folds):
            others = np.random.default_rng([seed, this]).permutation(ids[fold != this])
            trained, tuned = np.sort(others[::2]), np.sort(others[1::2])
            test, fit = make_evaluator(ids[fold == this]), make_evaluator(tuned)
            fitted = fit_pairwise(Space(base), make_evaluator(np.sort(others)), seed=seed)
            without[fold == this] = _evaluate(test, fitted, metric)
            for case in cases:
                path = Path(folder) / f"{this}-{cases.index(case)}"
                component = _train(path, case, holdout, trained, base, statistics, seed)
                extended = base.with_component(component, "match", 0.1, name="trained")
                fitted = fit_pairwise(Space(extended), fit, seed=seed)
                found[case.name][fold == this] = _evaluate(test, fitted, metric)
    return Comparison(ids, without, found)


def _evaluate(test: Evaluator, model: ScoringModel, metric: NDCG) -> Floats:
    return np.asarray(test.evaluate(model).values[metric.name])


def _train(
    path: Path,
    case: Case,
    holdout: Holdout,
    users: NDArray[np.int64],
    base: ScoringModel,
    statistics: Statistics,
    seed: int,
) -> Learned:
    rows = frame(
        holdout,
        case.inputs,
        users=users,
        negatives=NEGATIVES,
        rules=base.eligibility,
        missing=-1.0 if case.is_network else float("nan"),
        seed=seed,
        statistics=statistics,
    )
    file = _save_network(path, rows, seed) if case.is_network else _save_trees(path, rows, seed)
    import_model(file, rows)
    return Learned(model=str(file))


def _save_trees(path: Path, rows: TrainingFrame, seed: int) -> Path:
    import lightgbm

    data = lightgbm.Dataset(rows.rows, rows.label > 0, feature_name=rows.names, categorical_feature=rows.categorical)
    file = path.with_suffix(".txt")
    lightgbm.train(TREES | {"seed": seed}, data, N_TREES).save_model(file)
    return file


def _save_network(path: Path, rows: TrainingFrame, seed: int) -> Path:
    """Train the network of notebook 11."""
    small: dict[str, Any] = runpy.run_path(str(_NETWORK))
    layers = small["train_network"](rows.rows, rows.label, seed=seed)
    return Path(small["save_onnx"](layers, path.with_suffix(".onnx")))


def summarize(name: str, comparisons: Sequence[Comparison]) -> str:
    """Return a line of means, differences and intervals."""
    differences = [found.with_model[name] - found.without for found in comparisons]
    per_seed = np.array([difference.mean() for difference in differences])
    mean, n = per_seed.mean(), len(per_seed)
    half = float(student.ppf(0.975, n - 1)) * per_seed.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    without = np.mean([found.without.mean() for found in comparisons])
    with_model = np.mean([found.with_model[name].mean() for found in comparisons])
    if all(np.array_equal(found.user_id, comparisons[0].user_id) for found in comparisons):
        before = np.mean([found.without for found in comparisons], axis=0)
        after = np.mean([found.with_model[name] for found in comparisons], axis=0)
        change = Resamples.of(comparisons[0].user_id).compare(before, after)
        users = f"users {change.difference:+.4f} ({change.low:+.4f} to {change.high:+.4f})"
    else:
        users = f"users {sum(map(len, differences)):,}"
    return (
        f"{name}: without {without:.4f}, with {with_model:.4f}, seeds {mean:+.4f} ({mean - half:+.4f} to "
        f"{mean + half:+.4f}), from {per_seed.min():+.4f} to {per_seed.max():+.4f}; {users}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(1, 11)))
    parser.add_argument("--db", help="a database; the last job of each user is held out")
    parser.add_argument("--model", default="standard", help="the model without a trained one")
    parser.add_argument("--component", action="append", default=[], help="a file of own components")
    parser.add_argument("--kind", default="application", help="the kind of action that makes a job relevant")
    parser.add_argument("--input", action="append", help="an input of the trees; may be repeated")
    parser.add_argument("--k", type=int, default=10, help="of NDCG")
    arguments = parser.parse_args()
    components = [each for file in arguments.component for each in load_components(file, source=file)]
    base, metric, found = load_model(arguments.model, components), NDCG(arguments.k), list[Comparison]()
    given = tuple(arguments.input or DEFAULT_INPUTS)
    of_jobs = tuple(name for name in given if name.startswith("job."))
    numbers = tuple(name for name in of_jobs if name not in ("job.occupation", "job.prefecture"))
    cases = [Case("trees, all inputs", given), Case("trees, inputs of jobs", of_jobs)]
    if arguments.db is None:
        cases.append(Case("network, inputs of jobs", numbers, is_network=True))
        data = None
    else:
        with Database.open(arguments.db) as database:
            data = Dataset.from_database(database.engine)
    for seed in arguments.seeds:
        print_progress(f"seed {seed}")
        if data is None:
            market = Dataset(make_market(USERS, JOBS, ACTIONS, seed=seed).tables)
            holdout = by_time(market, days=14, gains={arguments.kind: 1})
        else:
            holdout = last_n(data, gains={arguments.kind: 1}, window_days=7)
        found.append(compare(holdout, base, cases, metric, seed))
        for case in cases:
            print(summarize(case.name, found[-1:]), flush=True)
    print(f"{metric.name}, seeds {', '.join(map(str, arguments.seeds))}, {FOLDS} folds each")
    for case in cases:
        print(summarize(case.name, found))


if __name__ == "__main__":
    main()
