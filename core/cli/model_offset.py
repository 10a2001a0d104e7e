"""`offset`: how much of a model's error is only an offset between energy scales."""

from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.answer import Answer, LabCommand, columns, facts, progress_on_stderr
from core.cli.options import DatasetArgument, EnergyColumn, JsonFlag, ModelOption, Seed
from core.reference.shifts.labelled import labelled_energies
from core.reference.shifts.model_offset import STEPS
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.model_offset import ModelOffset, OffsetStudy

if TYPE_CHECKING:
    from core.report.document import Section

app = typer.Typer()


@app.command("offset", cls=LabCommand)
def offset(
    dataset: DatasetArgument,
    *,
    model: ModelOption = "chgnet-0.3.0",
    column: EnergyColumn = None,
    rows: Annotated[int, typer.Option(help="Largest number of rows used.", min=5)] = 1000,
    strength: Annotated[
        float, typer.Option(help="Strength of the pull of the residual AtomRef to its prior.")
    ] = 1e-2,
    seed: Seed = 0,
    _json: JsonFlag = False,
) -> Answer:
    """Report a model's error as is, after a constant, after AtomRef, after residual AtomRef."""
    study = OffsetStudy(
        dataset=dataset, column=column, model=model, most=rows, seed=seed, strength=strength
    )
    result: ModelOffset = compute_here(Job.of(study), progress_on_stderr())
    errors = result.found
    chemistries = errors.chemistry_table()
    data = {
        "dataset": dataset,
        "model": model,
        "functional": result.functional,
        "labels": result.labels,
        "n": len(errors.rows),
        "n_materials": errors.n_materials,
        "n_without_structure": result.n_without_structure,
        "n_left_out": result.n_left_out,
        "mae_ev_per_atom": errors.mae,
        "share_that_is_offset": errors.share,
        "by_chemistry": chemistries.to_dict("records"),
        "by_element": errors.element_table().to_dict("records"),
        "unseen": errors.unseen,
        "prior": result.prior_used,
        "off_scale": errors.off_scale,
        "findings": result.findings,
    }
    text = facts(
        {
            "model": f"{model} ({result.model_functional})",
            "energies": f"{dataset}, {result.functional}, labels: {result.labels}",
            "rows": f"{len(errors.rows):,} of {errors.n_materials:,} materials",
            **{f"MAE {STEPS[key]}, eV/atom": value for key, value in errors.mae.items()},
            "share that is offset": f"{errors.share:.1%}",
        }
    )
    head = ("chemistry", *STEPS.values(), "rows")
    for finding in result.findings:
        text += f"\n\n{finding['message']}"
    lines = [list(row) for row in chemistries.itertuples(index=False)]

    def section() -> "Section":
        # Figures take a library that the numbers need not wait for.
        from core.report.offset import offset_section  # noqa: PLC0415

        return offset_section(study, labelled_energies(dataset, column).corrections, result)

    return Answer(data=data, text=f"{text}\n\n{columns(head, lines)}", section=section)
