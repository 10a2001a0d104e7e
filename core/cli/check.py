"""`check`: what would ruin a fine-tuning on a data set."""

from typing import Annotated

import numpy as np
import typer

from core.checks.diagnosis import Diagnosis
from core.cli.answer import Answer, LabCommand, progress_on_stderr
from core.cli.options import DatasetName, JsonFlag, ModelOption
from core.errors import LabError
from core.frames.registry import open_frame_set, write_subset
from core.studies.check import CheckStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.training.settings.config import LossRatios, RunConfig

app = typer.Typer()


@app.command("check", cls=LabCommand)
def check(
    dataset: DatasetName,
    *,
    model: ModelOption = "chgnet-0.3.0",
    method: Annotated[
        str | None, typer.Option(help="Method of a run, whose references are judged.")
    ] = None,
    loss_energy: Annotated[float | None, typer.Option(help="Loss ratios of the run.")] = None,
    loss_force: Annotated[float | None, typer.Option()] = None,
    loss_stress: Annotated[float | None, typer.Option()] = None,
    loss_magmom: Annotated[float | None, typer.Option()] = None,
    without: Annotated[
        str, typer.Option(metavar="NAME", help="Save the other frames, which no finding names.")
    ] = "",
    _json: JsonFlag = False,
) -> Answer:
    """Look for what would ruin a fine-tuning: units, references, leaks, duplicates and more."""
    given = {
        "energy": loss_energy,
        "force": loss_force,
        "stress": loss_stress,
        "magmom": loss_magmom,
    }
    loss = {kind: ratio for kind, ratio in given.items() if ratio is not None}
    # Wrong settings are told before the work.
    config = RunConfig.parse(
        {"dataset": dataset, "loss": loss} | ({"method": method} if method else {}), where="check"
    )
    study = CheckStudy(dataset=dataset, model=model)
    diagnosis: Diagnosis = compute_here(Job.of(study), progress_on_stderr())
    findings = diagnosis.findings(
        method=method,
        ratios=config.loss.model_dump(include=set(given)),
        huber_delta=LossRatios().huber_delta,
    )
    named = sorted({row for one in findings if one.severity != "info" for row in one.rows})
    made = _without(dataset, named, without) if without else ""
    lines = [f"{one.severity}: {one.text}" for one in findings] or ["Nothing was found."]
    return Answer(
        data={
            "dataset": dataset,
            "model": model,
            "n": diagnosis.n,
            "n_energies": diagnosis.n_energies,
            "n_arrays": diagnosis.n_arrays,
            "findings": [
                {**one.as_dict(), "n_frames": len(one.rows), "settings": dict(one.settings)}
                for one in findings
            ],
            "mae_mev_per_atom": diagnosis.offset,
            "made": made or None,
        },
        text="\n\n".join([*lines, diagnosis.sample_text, *([f"Made {made}."] if made else [])]),
    )


def _without(dataset: str, rows: list[int], name: str) -> str:
    """Make a data set without some rows of another one, and return its name."""
    if not rows:
        raise LabError(f"{dataset}: no finding names frames to leave out; nothing was made.")
    data = open_frame_set(dataset)
    kept = np.setdiff1d(np.arange(len(data)), rows)
    write_subset(
        data,
        kept,
        name=name,
        description=f"{dataset} without {len(rows):,} frames that atomref check named.",
    )
    return name
