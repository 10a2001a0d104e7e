"""`check`: what would ruin a fine-tuning on a data set."""

from typing import Annotated, Any

import typer

from core.checks.diagnosis import Diagnosis
from core.cli.answer import Answer, LabCommand, progress_on_stderr
from core.cli.options import DatasetName, JsonFlag, ModelOption
from core.errors import LabError
from core.studies.check import CheckStudy, left_out
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
    names = [config.dataset, *config.functionals.datasets]
    if without and len(names) > 1:
        raise LabError("check: frames are left out of one data set; name one with --without.")
    about: list[dict[str, Any]] = []
    texts: list[str] = []
    for name in names:
        diagnosis: Diagnosis = compute_here(
            Job.of(CheckStudy(dataset=name, model=model)), progress_on_stderr()
        )
        findings = diagnosis.findings(
            method=config.method if method or len(names) > 1 else None,
            ratios=config.loss.model_dump(include=set(given)),
            huber_delta=LossRatios().huber_delta,
        )
        lines = [f"{one.severity}: {one.text}" for one in findings] or ["Nothing was found."]
        made = left_out(name, findings, without).name if without else ""
        about.append(
            {
                "dataset": name,
                "n": diagnosis.n,
                "n_energies": diagnosis.n_energies,
                "n_arrays": diagnosis.n_arrays,
                "findings": [
                    {**one.as_dict(), "n_frames": len(one.rows), "settings": dict(one.settings)}
                    for one in findings
                ],
                "mae_mev_per_atom": diagnosis.offset,
                "made": made or None,
            }
        )
        head = [f"{name}:"] if len(names) > 1 else []
        tail = [f"Made {made}."] if made else []
        texts += [*head, *lines, diagnosis.sample_text, *tail]
    data: dict[str, Any] = about[0]
    if len(names) > 1:
        every = [{"dataset": one["dataset"], **f} for one in about for f in one["findings"]]
        data = {"n": sum(one["n"] for one in about), "findings": every, "datasets": about}
    return Answer(data=data | {"model": model}, text="\n\n".join(texts))
