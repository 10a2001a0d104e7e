"""`offset`: how much of a model's error is only an offset between energy scales."""

from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import DatasetArgument, EnergyColumn, JsonFlag, ModelOption, Seed
from core.reference.shifts.model_offset import STEPS

app = typer.Typer()


@app.command("offset", cls=LabCommand)
def offset(
    dataset: DatasetArgument,
    *,
    model: ModelOption = "chgnet-0.3.0",
    column: EnergyColumn = None,
    rows: Annotated[int, typer.Option(help="Rows to look at, at most.", min=5)] = 1000,
    strength: Annotated[float, typer.Option(help="Pull of the residual AtomRef to its prior.")] = (
        1e-2
    ),
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> Answer:
    """Tell a model's error as it is, after a constant, after AtomRef, after residual AtomRef."""
    from core.studies.model_offset import OffsetStudy  # noqa: PLC0415  it waits for torch

    study = OffsetStudy(
        dataset=dataset, column=column, model=model, most=rows, seed=seed, strength=strength
    )
    result = study.compute(progress_on_stderr())
    found = result.found
    data = {
        "dataset": dataset,
        "model": model,
        "functional": result.functional,
        "labels": result.labels,
        "n": len(found.rows),
        "n_materials": found.n_materials,
        "n_without_structure": result.n_without_structure,
        "n_left_out": result.n_left_out,
        "mae_ev_per_atom": found.mae,
        "share_that_is_offset": found.share,
        "by_chemistry": found.chemistry_table().to_dict("records"),
        "by_element": found.element_table().to_dict("records"),
        "unseen": found.unseen,
        "prior": result.prior_used,
    }
    told = facts(
        {
            "model": f"{model} ({result.model_functional})",
            "energies": f"{dataset}, {result.functional}, labels: {result.labels}",
            "rows": f"{len(found.rows):,} of {found.n_materials:,} materials",
            **{f"MAE {STEPS[key]}, eV/atom": value for key, value in found.mae.items()},
            "only offset": f"{found.share:.1%}",
        }
    )
    head = ("chemistry", *STEPS.values(), "rows")
    rows_told = [list(row) for row in found.chemistry_table().itertuples(index=False)]
    return Answer(data=data, text=f"{told}\n\n{columns(head, rows_told)}")
