"""`train`: make a run, or go on with one, in the foreground or as a process of its own."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, facts
from core.cli.options import JsonFlag
from core.errors import LabError
from core.runs.process.local import create, launch
from core.runs.process.worker import execute
from core.runs.record.directory import Run
from core.runs.record.events import errors_text
from core.runs.record.status import Status
from core.training.settings.config import BLOCKS, FLAGS, RunConfig
from core.training.settings.methods import DEFAULT, METHODS

app = typer.Typer()

_CANCELLED = 130


@app.command("train", cls=LabCommand)
def train(
    *,
    method: Annotated[
        str | None,
        typer.Option(FLAGS["method"], help=f"{', '.join(METHODS)}.", show_default=DEFAULT),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(FLAGS["dataset"], help="Data set of frames to learn from.")
    ] = None,
    source_model: Annotated[
        str | None,
        typer.Option(
            FLAGS["source_model"], help="chgnet-0.3.0, chgnet-r2scan or a checkpoint to start from."
        ),
    ] = None,
    frames: Annotated[
        int | None, typer.Option(FLAGS["frames"], help="Training frames.", show_default="all")
    ] = None,
    epochs: Annotated[int | None, typer.Option(FLAGS["epochs"])] = None,
    minutes: Annotated[
        float | None,
        typer.Option(FLAGS["minutes"], help="Training time; as many epochs as fit, at least one."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(FLAGS["patience"], help="End after so many epochs without improvement."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(FLAGS["batch_size"], help="Frames a step.")
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(FLAGS["optimizer"], help="adam, adamw or radam.")
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(FLAGS["learning_rate"])] = None,
    weight_decay: Annotated[
        float | None, typer.Option(FLAGS["weight_decay"], help="AdamW's.")
    ] = None,
    warmup_epochs: Annotated[
        float | None,
        typer.Option(FLAGS["warmup_epochs"], help="Epochs over which the rate rises from zero."),
    ] = None,
    keep_every: Annotated[
        int | None,
        typer.Option(FLAGS["keep_every"], help="Keep the model of every so many epochs."),
    ] = None,
    frozen: Annotated[
        str | None,
        typer.Option(FLAGS["frozen"], help=f"Blocks to keep, with commas: {', '.join(BLOCKS)}."),
    ] = None,
    block_rates: Annotated[
        str | None,
        typer.Option(
            FLAGS["block_rates"], help="Rates of blocks, as embedding=0.1,readout=2 times the rate."
        ),
    ] = None,
    loss_energy: Annotated[
        float | None, typer.Option(FLAGS["loss.energy"], help="Weight of energies in the loss.")
    ] = None,
    loss_force: Annotated[float | None, typer.Option(FLAGS["loss.force"])] = None,
    loss_stress: Annotated[float | None, typer.Option(FLAGS["loss.stress"])] = None,
    loss_magmom: Annotated[float | None, typer.Option(FLAGS["loss.magmom"])] = None,
    huber_delta: Annotated[
        float | None,
        typer.Option(FLAGS["loss.huber_delta"], help="Error where the loss turns linear."),
    ] = None,
    ridge_strength: Annotated[
        float | None,
        typer.Option(FLAGS["ridge_strength"], help="Pull of residual toward its prior."),
    ] = None,
    seed: Annotated[int | None, typer.Option(FLAGS["seed"])] = None,
    device: Annotated[
        str | None, typer.Option(FLAGS["device"], help="auto, cpu, cuda or mps.")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            FLAGS["processes"],
            help="Processes that share the work of each step.",
            show_default="one for each core or GPU, or 1 for a short run",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            FLAGS["threads"],
            help="CPU threads of each process.",
            show_default="the cores, divided by the processes",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(FLAGS["name"], help="Your own words.")] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option(help="A new run directory; or, alone, an existing one to go on with."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start it as a process of its own, and return.")
    ] = False,
    _json: JsonFlag = False,
) -> Answer:
    """Train. Ctrl-C stops with a checkpoint; `atomref runs resume` goes on from there."""
    options = {
        "method": method,
        "dataset": dataset,
        "source_model": source_model,
        "frames": frames,
        "epochs": epochs,
        "minutes": minutes,
        "patience": patience,
        "keep_every": keep_every,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "warmup_epochs": warmup_epochs,
        "frozen": frozen,
        "block_rates": block_rates,
        "loss.energy": loss_energy,
        "loss.force": loss_force,
        "loss.stress": loss_stress,
        "loss.magmom": loss_magmom,
        "loss.huber_delta": huber_delta,
        "ridge_strength": ridge_strength,
        "seed": seed,
        "device": device,
        "processes": processes,
        "threads": threads,
        "name": name,
    }
    given = {key: value for key, value in options.items() if value is not None}
    if run_dir is not None and (run_dir / "config.json").is_file():
        if given:
            raise LabError(
                f"{run_dir}: holds a run already; give --run-dir alone to go on with it, or name "
                "a new directory."
            )
        run = Run(run_dir.absolute())
    elif given:
        run = _new_run(RunConfig.from_options(given), run_dir)
    else:
        raise LabError("train: nothing to train; give at least --dataset, or --run-dir of a run.")
    if detach:
        launch(run)
        return _answer(run, run.status())
    status = execute(run.path, echo=lambda line: typer.echo(line, err=True))
    if status.state == "failed":
        raise LabError(status.message)
    return _answer(run, status)


def _new_run(config: RunConfig, path: Path | None) -> Run:
    """Make a run, unless a look at its data set already shows that it cannot be."""
    # The process that a launcher starts comes by this module and waits without pandas.
    from core.frames.registry import find_dataset  # noqa: PLC0415

    card = find_dataset(config.dataset).card
    if card.kind != "frames":
        raise LabError(
            f"{card.name}: holds pairs, and training needs frames; import the file again with "
            "--format frames."
        )
    return create(config, path)


def _answer(run: Run, status: Status) -> Answer:
    return Answer(
        data={
            "run": run.id,
            "run_dir": str(run.path),
            "state": status.state,
            "epochs": int(status.epoch),
            "validation": status.validation,
            "test": status.test,
        },
        text=facts(
            {
                "run": run.id,
                "directory": run.path,
                "state": status.state,
                "epochs": int(status.epoch),
                "best epoch": status.best_epoch,
                "validation": errors_text(status.validation) if status.validation else None,
                "test": errors_text(status.test) if status.test else None,
            }
        ),
        code=_CANCELLED if status.state == "cancelled" else 0,
    )
