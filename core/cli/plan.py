"""`plan` and `next`: how many calculations a target error takes, and which ones to do first."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from core.cli.answer import (
    Answer,
    LabCommand,
    columns,
    facts,
    progress_on_stderr,
    rounded,
)
from core.cli.options import (
    FormOption,
    FramesDataset,
    Hours,
    HoursPerAtom3,
    JsonFlag,
    MetricOption,
    MinFrames,
    SplitOption,
    SweepArgument,
)
from core.errors import LabError
from core.training.settings.metrics import LABEL_METRICS, METRICS

app = typer.Typer()

By = Literal["composition", "features", "disagreement", "balanced"]
Price = Annotated[float | None, typer.Option(help="Price of a core-hour.")]


@app.command("plan", cls=LabCommand)
def plan(
    sweep: SweepArgument = None,
    *,
    target: Annotated[
        float, typer.Option(help="Error to reach, in the metric's unit, as meV/atom.")
    ],
    metric: MetricOption = "energy",
    split: SplitOption = "validation",
    form: FormOption = "power",
    min_frames: MinFrames = None,
    hours: Hours = None,
    atoms3: HoursPerAtom3 = None,
    price: Price = None,
    currency: Annotated[str, typer.Option(help="Of the price.")] = "",
    have: Annotated[int, typer.Option(help="Training frames that are there.", min=0)] = 0,
    budget_hours: Annotated[
        float | None, typer.Option(help="Core-hours to spend: what error do they buy?", min=0)
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Tell how many calculations a target error takes by method, their cost and its probability."""
    from core.scaling import planner  # noqa: PLC0415  they wait for scipy
    from core.scaling.analysis import analyse_sweep  # noqa: PLC0415
    from core.scaling.sweep_files import open_sweep  # noqa: PLC0415

    cost = planner.Cost(hours=hours, per_atom3=atoms3, price=price, currency=currency)
    name, results = open_sweep(sweep)
    key = LABEL_METRICS[metric]
    found = analyse_sweep(name, results, metric=key, split=split, form=form, min_frames=min_frames)
    laws, refused = found.laws, found.refused
    if not laws:
        raise LabError(next(iter(refused.values())))
    tested: dict[str, list[dict[str, Any]]] = {}
    for method, law in laws.items():
        tests = planner.hindsight(found.points[method], form=law.form, min_frames=law.min_frames)
        tested[method] = [_finite(test) for test in tests.to_dict("records")]
    n_atoms = planner.training_atoms(results.about.sweep.base.dataset)
    table = planner.plan(laws, target=target, cost=cost, n_atoms=n_atoms, have=have)
    unit = METRICS[key].unit
    data: dict[str, Any] = {
        "sweep": name,
        "dataset": results.about.data.name,
        "labels": results.about.data.labels,
        "metric": key,
        "unit": unit,
        "split": split,
        "target": target,
        "have": have,
        "core_hours_each": cost.mean_hours(n_atoms),
        "currency": currency,
        "methods": {row["method"]: _finite(row) for row in table.to_dict("records")},
        "refused": refused,
        "extrapolation": tested,
    }
    told = facts(
        {
            "sweep": f"{name} on {data['dataset']}, labels: {data['labels']}",
            "target": f"{METRICS[key].label} {target:g} {unit} on {split} frames",
            "fitted from": f"{found.min_frames:,} frames on",
            "there already": f"{have:,} frames",
            "a calculation": f"{data['core_hours_each']:.4g} core-hours",
            **{f"refused: {method}": reason for method, reason in refused.items()},
        }
    )
    parts = [told, _plan_text(table), _tests_text(tested)]
    if budget_hours is not None:
        bought = planner.budget(
            laws, hours=budget_hours, cost=cost, n_atoms=n_atoms, have=have, target=target
        )
        data["budget"] = {row["method"]: _finite(row) for row in bought.to_dict("records")}
        parts.insert(2, f"With {budget_hours:,.4g} core-hours:\n{_budget_text(bought, unit)}")
    return Answer(data=data, text="\n\n".join(parts))


@app.command("next", cls=LabCommand)
def next_(
    *,
    dataset: FramesDataset,
    pool: Annotated[str, typer.Option(help="A data set with the structures to choose from.")] = (
        "mp-structures"
    ),
    n: Annotated[int, typer.Option(help="Materials to choose.", min=1, max=10_000)] = 50,
    by: Annotated[By, typer.Option(help="What a material is to add.")] = "composition",
    runs: Annotated[
        str, typer.Option(help="Runs on the data set, with commas: their errors, where they differ")
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="RUN|MODEL", help="Whose crystal features.")
    ] = "chgnet-0.3.0",
    most_atoms: Annotated[int, typer.Option(help="In a cell, at most.", min=1)] = 60,
    most: Annotated[
        int, typer.Option(help="Materials that a network looks at, at most.", min=10)
    ] = 6000,
    hours: Hours = None,
    atoms3: HoursPerAtom3 = None,
    out: Annotated[
        Path | None, typer.Option(help="Write structures for VASP and pymatgen: FILE.zip.")
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Choose what to compute next from a pool, each with its reason."""
    from core.acquisition.structure_files import structures_zip  # noqa: PLC0415  both wait for scipy
    from core.files import whole_file  # noqa: PLC0415
    from core.frames.registry import open_dataset  # noqa: PLC0415
    from core.scaling.planner import Cost  # noqa: PLC0415
    from core.studies.acquisition import NextStudy  # noqa: PLC0415

    cost = None if hours is None and atoms3 is None else Cost(hours=hours, per_atom3=atoms3)
    found = NextStudy(
        dataset=dataset,
        pool=pool,
        n=n,
        by=by,
        model=model,
        runs=tuple(one for one in runs.split(",") if one),
        most_atoms=most_atoms,
        most=most,
    ).compute(progress_on_stderr())
    table = found.table()
    if cost is not None:
        table["core_hours"] = cost.hours_each(found.n_atoms)
    if out is not None:
        archive = structures_zip(open_dataset(pool).frames(found.rows), table, cost=cost)
        with whole_file(out) as file:
            file.write(archive)
    elements = found.element_table()
    data = {
        "dataset": dataset,
        "pool": pool,
        "by": by,
        "n": len(table),
        "n_there": found.n_there,
        "n_candidates": found.n_candidates,
        "n_looked_at": found.n_looked_at,
        "n_known": found.n_known,
        "n_too_large": found.n_too_large,
        "n_without_structure": found.n_without_structure,
        "core_hours": None if cost is None else float(table["core_hours"].sum()),
        "materials": table.to_dict("records"),
        "elements": elements.to_dict("records"),
        "chemistries": found.chemistry_table().to_dict("records"),
        "out": None if out is None else str(out),
    }
    told = {
        "there": f"{found.n_there:,} materials of {dataset} to learn from",
        "candidates": f"{found.n_looked_at:,} of {found.n_candidates:,} of {pool} looked at; not "
        f"candidates: {found.n_known:,} already in {dataset}, {found.n_too_large:,} with more than "
        f"{most_atoms} atoms, {found.n_without_structure:,} without a structure",
        "worst covered": ", ".join(
            f"{row.symbol} ({row.materials})" for row in elements.head(10).itertuples()
        ),
    }
    if cost is not None:
        told["core-hours"] = f"{data['core_hours']:,.4g}"
    if out is not None:
        told["written"] = str(out)
    listed = columns(list(table.columns), table.to_numpy(dtype=object).tolist())
    return Answer(data=data, text=f"{facts(told)}\n\n{listed}")


def _finite(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row for JSON, which knows no infinity: never is null."""
    own = {str(key): value for key, value in row.items() if key != "method"}
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in own.items()
    }


def _plan_text(table: Any) -> str:
    head = (
        *("method", "frames", "95 % low", "95 % high", "90 % sure", "to compute", "core-hours"),
        *("money", "probability", "× largest", "note"),
    )
    names = (
        *("method", "frames", "frames_low", "frames_high", "frames_likely", "to_compute"),
        *("core_hours", "money", "probability", "extrapolated", "note"),
    )
    return columns(
        head, [[rounded(row[name]) for name in names] for row in table.to_dict("records")]
    )


def _budget_text(table: Any, unit: str) -> str:
    head = ("method", "to compute", "frames", f"error, {unit}", "low", "high", "probability")
    names = ("method", "to_compute", "frames", "error", "error_low", "error_high", "probability")
    return columns(
        head, [[rounded(row[name]) for name in names] for row in table.to_dict("records")]
    )


def _tests_text(tested: dict[str, list[dict[str, Any]]]) -> str:
    """Say how wrong such predictions were on the sweep itself."""
    names = ("n_frames", "seen", "predicted", "low", "high", "frames", "frames_low", "frames_high")
    rows = [
        [method, *(rounded(test[name]) for name in names)]
        for method, tests in tested.items()
        for test in tests
    ]
    if not rows:
        return "Not tested: too few sizes to fit up to a quarter of the largest."
    head = (
        "method",
        "frames",
        "error seen",
        "predicted",
        "low",
        "high",
        "frames for it",
        "low",
        "high",
    )
    return "What a plan from sizes up to a quarter would have said:\n" + columns(head, rows)
