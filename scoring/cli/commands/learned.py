"""`scoring learned`: rows to train a model on, and the import of the trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from scoring.argument_checks import MAX_SEED
from scoring.cli.holdout_options import CountsOption, CutOption, DaysOption, HoldoutOptions
from scoring.cli.input_loader import load_data, read_model
from scoring.cli.next_command import print_next
from scoring.cli.options import (
    DEFAULT_DB,
    DEFAULT_PROFILES,
    AsOfOption,
    ComponentOption,
    DbOption,
    FactorCacheOption,
    ModelOption,
    ProfileOption,
    ProfilesOption,
)
from scoring.cli.output_failures import note_stored

__all__ = ["app"]

app = typer.Typer(help="Train models and use them as components.")

DEFAULT_FRAME = Path("data/frame.parquet")
_FEW_POSITIVES = 100

_InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="NAME",
        show_default="23 inputs",
        help="An input of the catalogue, or jobs.NAME or users.NAME of an own column. May be repeated.",
    ),
]
_NegativesOption = Annotated[
    int, typer.Option("--negatives", metavar="N", min=1, help="Jobs without a counted action, drawn per user.")
]
_MissingOption = Annotated[
    float | None,
    typer.Option(
        "--missing",
        metavar="NUMBER",
        show_default="NaN",
        help="The number for missing inputs. Networks need one.",
    ),
]
_FrameSeedOption = Annotated[
    int,
    typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Seed of the user split and of the drawn jobs."),
]
_FrameOutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The file of the frame (Parquet).")]
_ModelArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="The trained model: LightGBM (.txt), ONNX (.onnx) or LiteRT (.tflite).")
]
_FrameOption = Annotated[Path, typer.Option("--frame", metavar="FILE", help="The frame that the model was trained on.")]
_LinkOption = Annotated[
    Literal["affine", "sigmoid"],
    typer.Option(
        "--link",
        help="How outputs become values. affine: the 0.1% and 99.9% quantiles become 0 and 100; sigmoid: 100 / "
        "(1 + exp(-output)).",
    ),
]
_LowOption = Annotated[
    float | None,
    typer.Option("--low", metavar="NUMBER", show_default="the 0.1% quantile", help="The output that becomes 0."),
]
_HighOption = Annotated[
    float | None,
    typer.Option("--high", metavar="NUMBER", show_default="the 99.9% quantile", help="The output that becomes 100."),
]
_ValueOption = Annotated[
    float,
    typer.Option("--missing", metavar="NUMBER", min=0, max=100, help="The value where the output is NaN."),
]


@app.command("frame")
def frame(
    db: DbOption = DEFAULT_DB,
    model: ModelOption = None,
    profile: ProfileOption = None,
    profiles: ProfilesOption = DEFAULT_PROFILES,
    days: DaysOption = 14,
    cut: CutOption = None,
    counts: CountsOption = None,
    input: _InputOption = None,
    negatives: _NegativesOption = 50,
    missing: _MissingOption = None,
    seed: _FrameSeedOption = 0,
    out: _FrameOutOption = DEFAULT_FRAME,
    as_of: AsOfOption = None,
    factor_cache: FactorCacheOption = None,
    component: ComponentOption = None,
) -> None:
    """Write rows to train a model on: inputs at the cut of a holdout, and labels from the actions after it.

    Rows are of half of the training users of --seed. `scoring tune` tunes weights on the other half. Rows have only
    jobs that the rules of --model or --profile allowed at the cut: give the scoring model that the trained model will
    be a component of.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.database.database import Database
    from scoring.errors import pluralize
    from scoring.statistics import Statistics, default_cache
    from scoring.telemetry import Stopwatch
    from scoring.training import DEFAULT_INPUTS
    from scoring.training import frame as make_frame

    options = HoldoutOptions("time", days, cut, counts=tuple(counts or ()))
    rules_of = read_model(model, None, component, profile=profile, profiles=profiles, db=db)
    progress = Progress()
    with Database.open(db) as database, progress.warnings():
        data = load_data(database, as_of, progress, Stopwatch())
    holdout = options.make_holdout(data)
    with progress.stage("computing the inputs"):
        found = make_frame(
            holdout,
            tuple(input) if input else DEFAULT_INPUTS,
            negatives=negatives,
            rules=rules_of.eligibility,
            missing=float("nan") if missing is None else missing,
            seed=seed,
            statistics=Statistics(holdout.data, factor_cache=factor_cache or default_cache()),
        )
    found.save(out)
    note_stored(f"The frame is written to {out}.")
    console = make_console()
    console.print(str(found), markup=False, soft_wrap=True)
    console.print(f"rules of the model {rules_of.name}", markup=False, soft_wrap=True)
    for note in holdout.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    if found.n_positives < _FEW_POSITIVES:
        text = f"warning: only {pluralize(found.n_positives, 'positive row')}, so a model of them is mostly chance."
        console.print(f"{text} Choose a longer holdout (--days), or count more actions (--counts).", soft_wrap=True)
    console.print(f"wrote {out}", markup=False, soft_wrap=True)


@app.command("import")
def import_(
    model: _ModelArgument,
    frame: _FrameOption = DEFAULT_FRAME,
    link: _LinkOption = "affine",
    low: _LowOption = None,
    high: _HighOption = None,
    missing: _ValueOption = 0.0,
) -> None:
    """Check a trained model and write its sidecar, which states its inputs and how its outputs become values.

    Prints the share of the frame's rows that the link clips. A share above 1%, and a constant model, are errors.
    """
    from scoring.cli.progress import make_console
    from scoring.cli.tables.learned import render_import
    from scoring.training import TrainingFrame, import_model

    if (low is None) != (high is None):
        raise typer.BadParameter("--low and --high must be given together.")
    bounds = None if low is None or high is None else (low, high)
    found = import_model(model, TrainingFrame.load(frame), link=link, bounds=bounds, missing=missing)
    note_stored(f"The sidecar {found.sidecar} is written.")
    console = make_console()
    console.print(render_import(found))
    console.print(f"wrote {found.sidecar}", markup=False, soft_wrap=True)
    print_next("models")
