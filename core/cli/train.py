"""`train`: create a run or resume one, in the foreground or as a separate process."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.answer import Answer, LabCommand, facts, progress_on_stderr
from core.cli.options import JsonFlag, OnProfile
from core.errors import LabError
from core.process import own_command
from core.runs.process.lifecycle import lease_here
from core.runs.process.local import create, launch
from core.runs.process.worker import execute, exit_status
from core.runs.record.directory import Run
from core.runs.record.events import errors_text
from core.runs.record.following import follow
from core.runs.record.status import Status
from core.training.settings.config import BLOCKS, RunConfig
from core.training.settings.energies_only import before_text, drift_text, replay_text, teacher_text
from core.training.settings.flags import FLAGS
from core.training.settings.methods import DEFAULT, ENERGIES_ONLY, METHODS
from core.training.settings.report import rate_text, solved_text
from core.training.settings.stability_text import stability_text

app = typer.Typer()


def _option(key: str, help_text: str | None = None, default: str | None = None) -> Any:
    """Return the option of a setting, by its key in FLAGS."""
    return typer.Option(FLAGS[key], help=help_text, show_default=default or False)


@app.command("train", cls=LabCommand)
def train(
    *,
    method: Annotated[
        str | None,
        _option("method", ", ".join(METHODS), f"{DEFAULT}; of energies alone {ENERGIES_ONLY}"),
    ] = None,
    dataset: Annotated[
        str | None,
        _option(
            "dataset",
            "Data set of frames; for several functionals at once one of each, separated by commas, "
            "the one to judge by first.",
        ),
    ] = None,
    source_model: Annotated[
        str | None,
        _option("source_model", "Start from: chgnet-0.3.0, chgnet-r2scan or a file."),
    ] = None,
    frames: Annotated[int | None, _option("frames", "Training frames.", "all")] = None,
    epochs: Annotated[int | None, _option("epochs")] = None,
    minutes: Annotated[
        float | None, _option("minutes", "Training time; at least one epoch is trained.")
    ] = None,
    patience: Annotated[
        int | None, _option("patience", "Stop after this many epochs without improvement.")
    ] = None,
    batch_size: Annotated[int | None, _option("batch_size", "Frames per step.")] = None,
    optimizer: Annotated[str | None, _option("optimizer", "adam, adamw or radam.")] = None,
    learning_rate: Annotated[float | None, _option("learning_rate")] = None,
    rate_from: Annotated[
        str | None,
        _option(
            "rate_from",
            "found: find the learning rate first, in a hundred steps of a copy of the model, or "
            "given.",
            "given",
        ),
    ] = None,
    weight_decay: Annotated[float | None, _option("weight_decay", "Of AdamW.")] = None,
    warmup_epochs: Annotated[
        float | None, _option("warmup_epochs", "Epochs of rising learning rate.")
    ] = None,
    keep_every: Annotated[
        int | None, _option("keep_every", "Keep a model every so many epochs.")
    ] = None,
    frozen: Annotated[
        str | None,
        _option("frozen", f"Blocks to freeze: {', '.join(BLOCKS)}."),
    ] = None,
    block_rates: Annotated[
        str | None,
        _option("block_rates", "Multiples of the learning rate, such as embedding=0.1,readout=2."),
    ] = None,
    loss_energy: Annotated[
        float | None, _option("loss.energy", "Weight of the energy in the loss.")
    ] = None,
    loss_force: Annotated[float | None, _option("loss.force")] = None,
    loss_stress: Annotated[float | None, _option("loss.stress")] = None,
    loss_magmom: Annotated[float | None, _option("loss.magmom")] = None,
    loss_huber_delta: Annotated[
        float | None, _option("loss.huber_delta", "Error at which the loss becomes linear.")
    ] = None,
    later_epoch: Annotated[
        int | None, _option("later.epoch", "Epoch from which loss ratios change.", "never")
    ] = None,
    later_loss: Annotated[
        str | None, _option("later.loss", "The ratios that change, such as energy=30,force=1.")
    ] = None,
    frame_weights: Annotated[
        str | None,
        _option(
            "frame_weights",
            "Weights of frames in the loss: alike, materials (the same for every material) or a "
            "CSV file with the columns frame_id and weight.",
            "alike",
        ),
    ] = None,
    teacher_weight: Annotated[
        float | None,
        _option(
            "teacher.weight",
            "Weight of the pretrained model's own forces and stresses, where frames have no "
            "force labels.",
            "0",
        ),
    ] = None,
    teacher_copies: Annotated[
        int | None, _option("teacher.copies", "Displaced copies of each such frame.", "1")
    ] = None,
    teacher_displacement: Annotated[
        float | None,
        _option("teacher.displacement", "Size (standard deviation), Å.", "0.05"),
    ] = None,
    replay_dataset: Annotated[
        str | None,
        _option("replay.dataset", "Data set of the source functional to replay in every step."),
    ] = None,
    replay_labels: Annotated[
        str | None,
        _option(
            "replay.labels",
            "own, or pretrained: the pretrained model's predictions on any structures "
            "(pseudolabels, not DFT).",
            "own",
        ),
    ] = None,
    replay_ratio: Annotated[
        float | None, _option("replay.ratio", "Replayed frames per training frame.", "0.5")
    ] = None,
    replay_weight: Annotated[
        float | None, _option("replay.weight", "Weight of their loss.", "1")
    ] = None,
    functionals_weights: Annotated[
        str | None,
        _option(
            "functionals.weights",
            "Several functionals: weight of the loss of further data sets, such as "
            "mp-frames-gga=0.5.",
            "1",
        ),
    ] = None,
    functionals_ratios: Annotated[
        str | None,
        _option(
            "functionals.ratios",
            "Frames of further data sets per training frame of the first, such as mp-frames-gga=2.",
            "1",
        ),
    ] = None,
    functionals_pull: Annotated[
        float | None,
        _option(
            "functionals.pull",
            "Pull toward zero of what each functional adds to the atom embedding.",
            "0.001",
        ),
    ] = None,
    ema: Annotated[
        float | None,
        _option("ema", "Decay per step of a running average of the weights, such as 0.99.", "none"),
    ] = None,
    l2_sp: Annotated[
        float | None,
        _option("l2_sp", "Pull of the weights toward the pretrained ones (L2-SP).", "none"),
    ] = None,
    best_by: Annotated[
        str | None,
        _option(
            "best_by",
            "Label whose validation error tells the best epoch: energy, force, stress, magmom.",
            "energy",
        ),
    ] = None,
    atomref_after: Annotated[
        str | None,
        _option(
            "atomref_after",
            "solved: solve AtomRef again with the trained network, or kept.",
            "kept",
        ),
    ] = None,
    ridge_strength: Annotated[
        str | None,
        _option(
            "ridge_strength",
            "Pull of residual toward its prior: a number, or covariance, which pulls elements that "
            "are alike jointly.",
            "covariance",
        ),
    ] = None,
    atomref: Annotated[
        str | None,
        _option(
            "atomref",
            "Reference energies of your own: a saved AtomRef, a file (a dictionary by element in "
            "JSON, CSV, or what atomref --out wrote), or isolated, for the isolated atoms of the "
            "data set. scratch and frozen keep them, trainable trains them, residual is pulled "
            "toward them.",
            "the method's",
        ),
    ] = None,
    stability: Annotated[
        str | None,
        _option(
            "stability",
            "Also judge formation and decomposition energies of the test materials: off, static "
            "(structures as they are) or relaxed (by the trained model).",
            "off",
        ),
    ] = None,
    seed: Annotated[int | None, _option("seed")] = None,
    device: Annotated[str | None, _option("device", "auto, cpu, cuda or mps.")] = None,
    processes: Annotated[
        int | None,
        _option(
            "processes",
            "Processes that share each step.",
            "one per core or GPU; 1 for a short run",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        _option("threads", "CPU threads of each process.", "the cores divided by the processes"),
    ] = None,
    name: Annotated[str | None, _option("name", "Name of the run.")] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(help="A new run directory; or, alone, an existing one to resume."),
    ] = None,
    on: OnProfile = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start a separate process, and return.")
    ] = False,
    _json: JsonFlag = False,
) -> Answer:
    """Train. Ctrl-C stops with a checkpoint; `atomref runs resume` continues from there."""
    options = locals()
    given = {key: value for key in FLAGS if (value := options[key.replace(".", "_")]) is not None}
    if run_dir is not None and (run_dir / "config.json").is_file():
        if given or on:
            raise LabError(
                f"{run_dir}: already holds a run; give --run-dir alone to resume it, or name a "
                "new directory."
            )
        run = Run(run_dir.absolute())
    elif given:
        run = _new_run(RunConfig.from_options(_with_method(given)), run_dir, on)
    else:
        raise LabError("train: nothing to train; give at least --dataset, or --run-dir of a run.")
    if detach:
        launch(run)
        return _answer(run, run.status(), detached=True)
    if on is not None:
        launch(run)
        status = follow(run, lambda line: typer.echo(line, err=True))
    else:
        status = execute(run.path, echo=lambda line: typer.echo(line, err=True))
    if status.state == "failed":
        raise LabError(status.message)
    answer = _answer(run, status)
    # What a launcher has started writes into the run's log, which has said all of this.
    return replace(answer, text="") if own_command() or lease_here() else answer


def _with_method(given: dict[str, Any]) -> dict[str, Any]:
    """Return options with the data set's default method, where none is named."""
    dataset = given.get("dataset")
    if "method" in given or not dataset or "," in dataset:
        return given
    # The process that a launcher starts imports this module, and need not wait for pandas.
    from core.frames.registry import find_dataset  # noqa: PLC0415
    from core.training.settings.partition import usual_method  # noqa: PLC0415

    if find_dataset(dataset).card.kind != "frames":
        return given
    from core.frames.schema import LABELS  # noqa: PLC0415

    ratios = {kind: given[key] for kind in LABELS if (key := f"loss.{kind}") in given}
    return given | {"method": usual_method(dataset, ratios)}


def _new_run(config: RunConfig, path: Path | None, on: str | None) -> Run:
    """Create a run, unless its data set holds no frames."""
    # The process that a launcher starts imports this module, and need not wait for pandas.
    from core.frames.registry import find_dataset  # noqa: PLC0415

    card = find_dataset(config.dataset).card
    if card.kind != "frames":
        raise LabError(
            f"{card.name}: holds pairs, and training needs frames; import the file again with "
            "--format frames."
        )
    for text in _warnings(config):
        typer.echo(f"warning: {text}", err=True)
    return create(config, path, on=on)


def _warnings(config: RunConfig) -> list[str]:
    """Return what the user should know of the data before the run, one sentence each."""
    # As above.
    from core.frames.registry import open_frame_set  # noqa: PLC0415
    from core.studies.job.directory import Job  # noqa: PLC0415
    from core.studies.job.local import compute_here  # noqa: PLC0415
    from core.studies.models.preflight import run_checks, run_findings  # noqa: PLC0415
    from core.training.settings.partition import labels_among, partition  # noqa: PLC0415

    diagnoses = {
        name: compute_here(Job.of(study), progress_on_stderr())
        for name, study in run_checks(config).items()
    }
    findings = run_findings(config, diagnoses)
    found = [one.text for one in findings if one.severity != "info"]
    frames = open_frame_set(config.dataset)
    before = before_text(config, labels_among(frames, partition(config, frames).train))
    return [*found, before] if before else found


def _answer(run: Run, status: Status, *, detached: bool = False) -> Answer:
    drift = run.event("end").get("force_drift")
    source = run.event("start").get("source_functional")
    stability = stability_text(run.event("stability"))
    from core.runs.record.functionals import functionals_of  # noqa: PLC0415

    functionals = [one.as_dict() for one in functionals_of(run)]
    return Answer(
        data={
            "run": run.id,
            "run_dir": str(run.path),
            "state": status.state,
            **({"on": status.on, "job": status.job} if status.on else {}),
            "epochs": int(status.epoch),
            "validation": status.validation,
            "test": status.test,
            "force_drift": drift,
            **({"functionals": functionals} if functionals else {}),
        },
        text=facts(
            {
                "run": run.id,
                "directory": run.path,
                "state": status.state,
                **({"job": f"{status.job} on {status.on}"} if status.on else {}),
                "epochs": int(status.epoch),
                "best epoch": status.best_epoch,
                "validation": errors_text(status.validation) if status.validation else None,
                "test": errors_text(status.test) if status.test else None,
                **{
                    name: text
                    for name, text in {
                        "learning rate": rate_text(run.event("start").get("rate")),
                        "AtomRef solved again": solved_text(run.event("end").get("atomref_after")),
                        **{
                            f"test in {one['functional']}": errors_text(one["test"])
                            for one in functionals[1:]
                            if one["test"]
                        },
                        "teacher": teacher_text(source),
                        "replay": replay_text(source),
                    }.items()
                    if text
                },
                **({"without force labels": drift_text(drift)} if drift else {}),
                **({"stability": stability} if stability else {}),
            }
        ),
        code=0 if detached else exit_status(status),
    )
