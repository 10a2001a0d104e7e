"""`plan` and `next`: how many calculations a target error takes, and which ones to do first."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import (
    Currency,
    FormOption,
    Hours,
    HoursPerAtom3,
    JsonFlag,
    MetricOption,
    MinFrames,
    PointsOption,
    PointsUnit,
    Price,
    SplitOption,
    SweepArgument,
)
from core.errors import LabError
from core.training.settings.metrics import LABEL_METRICS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from core.report.document import Section

app = typer.Typer()

By = Literal["composition", "features", "disagreement", "uncertainty", "balanced"]


@app.command("plan", cls=LabCommand)
def plan(
    sweep: SweepArgument = None,
    *,
    target: Annotated[
        float, typer.Option(help="Error to reach, in the metric's unit, such as meV/atom.")
    ],
    points: PointsOption = None,
    unit: PointsUnit = "",
    metric: MetricOption = "energy",
    split: SplitOption = "validation",
    form: FormOption = "power",
    min_frames: MinFrames = None,
    hours: Hours = None,
    atoms3: HoursPerAtom3 = None,
    atoms: Annotated[
        int, typer.Option(help="With --points and --atoms3: atoms per cell.", min=1)
    ] = 20,
    price: Price = None,
    currency: Currency = "",
    have: Annotated[int, typer.Option(help="Number of existing training frames.", min=0)] = 0,
    budget_hours: Annotated[
        float | None, typer.Option(help="Core-hours to spend, to see what error they buy.", min=0)
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Compute how many calculations a target error takes by method, and what they cost."""
    # Help texts do not wait for scipy.
    from core.scaling.analysis import analyse_sweep, analyse_table  # noqa: PLC0415
    from core.scaling.cost import Cost  # noqa: PLC0415
    from core.scaling.plan_text import (  # noqa: PLC0415
        budget_text,
        extrapolation_text,
        headline,
        plan_text,
    )
    from core.scaling.planner import DataPlan, training_atoms  # noqa: PLC0415
    from core.scaling.sweep_files import open_sweep  # noqa: PLC0415

    cost = Cost(hours=hours, per_atom3=atoms3, price=price, currency=currency)
    about = None
    if points is None:
        name, results = open_sweep(sweep)
        about = results.about
        analysis = analyse_sweep(
            name,
            results,
            metric=LABEL_METRICS[metric],
            split=split,
            form=form,
            min_frames=min_frames,
        )
        n_atoms: ArrayLike = training_atoms(about.sweep.base.dataset)
    elif sweep is not None:
        raise LabError(f"Give either the sweep {sweep} or --points {points}, not both.")
    else:
        analysis = analyse_table(points, unit=unit, form=form, min_frames=min_frames)
        n_atoms = [atoms]
    if not analysis.laws:
        raise LabError(next(iter(analysis.refused.values())))
    data_plan = DataPlan(
        laws=analysis.laws,
        target=target,
        cost=cost,
        n_atoms=n_atoms,
        have=have,
        untrained=analysis.untrained,
    )
    verdict = data_plan.verdict()
    tests = analysis.extrapolation_table()
    report: dict[str, Any] = {
        "sweep": analysis.name,
        "dataset": about and about.data.name,
        "labels": about and about.data.labels,
        "metric": analysis.metric or None,
        "unit": analysis.unit,
        "split": analysis.split or None,
        "target": target,
        "have": have,
        "core_hours_each": cost.mean_hours(n_atoms),
        "currency": currency,
        "methods": data_plan.table().set_index("method").to_dict("index"),
        "best": verdict.best,
        "need_more": verdict.others,
        "refused": analysis.refused,
        "extrapolation": {
            method: table.to_dict("records") for method, table in analysis.extrapolations.items()
        },
    }
    origin = "points" if about is None else f"on {about.data.name}, labels: {about.data.labels}"
    head = {
        "sweep": f"{analysis.name} {origin}",
        "target": f"{analysis.title} {target:g} {analysis.unit}",
        "smallest size fitted": ", ".join(
            f"{method} {law.smallest:,.0f}" for method, law in analysis.laws.items()
        ),
        "existing": f"{have:,} frames",
        "cost per calculation": f"{report['core_hours_each']:.4g} core-hours",
        **{f"refused: {method}": reason for method, reason in analysis.refused.items()},
    }
    parts = [
        facts(head),
        " ".join(headline(data_plan, analysis.unit)),
        columns(*_cells(plan_text(data_plan))),
        *analysis.start_notes,
    ]
    if budget_hours is not None:
        table = data_plan.budget(budget_hours)
        report["budget"] = table.set_index("method").to_dict("index")
        parts.append(
            f"With {budget_hours:,.4g} core-hours, {table['to_compute'].iloc[0]:,} calculations:\n"
            + columns(*_cells(budget_text(table, analysis.unit)))
        )
    parts.append(
        "Not tested: too few sizes to fit up to a quarter of the largest."
        if tests.empty
        else "What a plan from sizes up to a quarter would have predicted:\n"
        + columns(*_cells(extrapolation_text(tests, analysis.unit)))
    )

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.plan import Plan, plan_section  # noqa: PLC0415

        return plan_section(Plan(analysis=analysis, data=data_plan, hours=budget_hours or 0.0))

    return Answer(data=report, text="\n\n".join(parts), section=section)


@app.command("next", cls=LabCommand)
def next_(
    *,
    dataset: Annotated[str, typer.Option(help="Data set to extend.")],
    pool: Annotated[str, typer.Option(help="A data set with the structures to choose from.")] = (
        "mp-structures"
    ),
    n: Annotated[int, typer.Option(help="Number of materials to choose.", min=1, max=10_000)] = 50,
    by: Annotated[By, typer.Option(help="Criterion of the choice.")] = "composition",
    runs: Annotated[
        str,
        typer.Option(
            help="Runs on the data set, separated by commas: for errors and disagreement; for "
            "uncertainty one of the method linearised."
        ),
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="RUN|MODEL", help="Model whose crystal features are used.")
    ] = "chgnet-0.3.0",
    most_atoms: Annotated[int, typer.Option(help="Maximum number of atoms per cell.", min=1)] = 60,
    most: Annotated[
        int, typer.Option(help="Maximum number of materials that a network evaluates.", min=10)
    ] = 6000,
    hours: Hours = None,
    atoms3: HoursPerAtom3 = None,
    price: Price = None,
    currency: Currency = "",
    out: Annotated[
        Path | None, typer.Option(help="Write structures for VASP and pymatgen: FILE.zip.")
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Choose what to compute next from a pool, each with its reason."""
    from core.acquisition.structure_files import structures_zip  # noqa: PLC0415
    from core.files import whole_file  # noqa: PLC0415
    from core.frames.registry import open_dataset  # noqa: PLC0415
    from core.scaling.cost import Cost  # noqa: PLC0415
    from core.scaling.plan_text import money  # noqa: PLC0415
    from core.studies.acquisition import NextMaterials, NextStudy  # noqa: PLC0415
    from core.studies.job.directory import Job  # noqa: PLC0415
    from core.studies.job.local import compute_here  # noqa: PLC0415

    free = hours is None and atoms3 is None and price is None
    cost = None if free else Cost(hours=hours, per_atom3=atoms3, price=price, currency=currency)
    study = NextStudy(
        dataset=dataset,
        pool=pool,
        n=n,
        by=by,
        model=model,
        runs=tuple(run for run in runs.split(",") if run),
        cubic=by == "uncertainty" and atoms3 is not None,
        most_atoms=most_atoms,
        most=most,
    )
    result: NextMaterials = compute_here(Job.of(study), progress_on_stderr())
    table = result.table(cost)
    if out is not None:
        archive = structures_zip(open_dataset(pool).frames(result.rows), table)
        with whole_file(out) as file:
            file.write(archive)
    core_hours = math.nan if cost is None else float(table["core_hours"].sum())
    report: dict[str, Any] = {
        "dataset": dataset,
        "pool": pool,
        "by": by,
        "n": len(table),
        "n_there": result.n_training,
        "n_candidates": result.n_candidates,
        "n_looked_at": result.n_judged,
        "n_known": result.n_known,
        "n_too_large": result.n_too_large,
        "n_without_structure": result.n_without_structure,
        "core_hours": core_hours,
        "money": math.nan if cost is None else cost.money(core_hours),
        "materials": table.to_dict("records"),
        "elements": result.element_table().to_dict("records"),
        "chemistries": result.chemistry_table().to_dict("records"),
        "out": None if out is None else str(out),
    }
    head = {
        "data set": f"{dataset}, {result.n_training:,} materials to learn from",
        "candidates": study.describe_candidates(result),
        "worst covered": ", ".join(
            f"{row['symbol']} ({row['materials']})" for row in report["elements"][:10]
        ),
    }
    if cost is not None:
        head["core-hours"] = f"{core_hours:,.4g}"
        head |= {"money": money(report["money"], currency)} if price else {}
    if out is not None:
        head["written"] = str(out)

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.plan import next_section  # noqa: PLC0415

        return next_section(study, result, cost)

    return Answer(data=report, text=f"{facts(head)}\n\n{columns(*_cells(table))}", section=section)


def _cells(table: "pd.DataFrame") -> tuple[list[str], list[list[Any]]]:
    return list(table.columns), table.to_numpy(dtype=object).tolist()
