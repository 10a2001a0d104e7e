"""`runs list|show|verify|cancel|pause|resume|revive|export|delete` and `export`."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from core.cli.answer import Answer, LabCommand, columns, deletion, facts
from core.cli.options import JsonFlag, RunName, Yes
from core.errors import LabError
from core.progress import duration_text
from core.runs.export.checkpoint import export_checkpoint
from core.runs.export.hub import CARD, WEIGHTS, export_hub
from core.runs.export.trackers import PROJECT, Tracker, export_to_tracker
from core.runs.process import local
from core.runs.process.restart import restart_lost
from core.runs.record.directory import Run
from core.runs.record.events import errors_text
from core.runs.record.functionals import functional_named, functionals_of
from core.runs.record.listing import find_run, list_runs, queue_position, status_if_any, summary_row
from core.runs.record.named_models import run_and_functional
from core.runs.record.verifying import verify
from core.runs.results.comparison import no_gain
from core.runs.results.unseen import FILES, unseen_of
from core.training.settings.energies_only import drift_text, replay_text, teacher_text
from core.training.settings.flags import FLAGS
from core.training.settings.functionals import functionals_text
from core.training.settings.left_out import left_out_text
from core.training.settings.metrics import TEST_METRICS
from core.training.settings.report import forgotten_rows, rate_text, solved_text
from core.training.settings.stability_text import stability_text

app = typer.Typer()
runs = typer.Typer(help="Runs: one directory per training.")
app.add_typer(runs, name="runs")


_HEAD = ("run", "name", "state", "method", "dataset", "frames", "epochs")


@runs.command("list", cls=LabCommand)
def list_(*, _json: JsonFlag = False) -> Answer:
    """List all runs, newest first."""
    rows = [summary_row(run) for run in list_runs() if status_if_any(run) is not None]
    metrics = [f"test_{key}" for key in TEST_METRICS]
    head = [*_HEAD, *(f"test {info.label}, {info.unit}" for info in TEST_METRICS.values())]
    text = columns(head, [[row[key] for key in (*_HEAD, *metrics)] for row in rows])
    return Answer(data={"runs": rows}, text=text if rows else "No run yet: start one with train.")


@runs.command("show", cls=LabCommand)
def show(name: RunName, *, _json: JsonFlag = False) -> Answer:
    """Show a run's settings and its state."""
    run = find_run(name)
    status = run.status()
    start = run.event("start")
    functionals = functionals_of(run)
    left_out = start.get("left_out_why", {})
    drift = run.event("end").get("force_drift")
    data = {
        "run": run.id,
        "run_dir": str(run.path),
        "command": run.config.command,
        "config": run.config.model_dump(mode="json"),
        "queue_position": queue_position(run),
        **status.model_dump(mode="json"),
        "force_drift": drift,
        "forgotten": run.event("end").get("forgotten"),
        "source_functional": start.get("source_functional", {}),
        "functionals": [one.as_dict() for one in functionals],
        "stability": run.event("stability") or None,
        "no_gain": no_gain(run),
        "n_left_out": start.get("n_left_out", 0),
        "left_out": left_out,
        "unseen": {
            split: asdict(each)
            for split in FILES
            if status.state == "finished" and (each := unseen_of(run, split)) is not None
        },
    }
    lines = {
        "run": run.id,
        "warning": data["no_gain"],
        "directory": run.path,
        "command": data["command"],
        "state": status.state,
        "message": status.message,
        "place in the queue": data["queue_position"],
        "job": None if status.job is None else f"{status.job} on {status.on}",
        "processes": status.processes,
        "frames": left_out_text(left_out),
        "epochs": f"{status.epoch:.1f} of {status.epochs}",
        "time left": None if status.eta_s is None else duration_text(status.eta_s),
        "best epoch": status.best_epoch,
        "validation": errors_text(status.validation) if status.validation else None,
        "test": errors_text(status.test) if status.test else None,
        "several functionals": functionals_text(run.config.functionals, start.get("functionals")),
        **{
            f"{part} in {one.functional}": errors_text(errors)
            for one in functionals[1:]
            for part, errors in (("validation", one.validation), ("test", one.test))
            if errors
        },
        "teacher": teacher_text(start.get("source_functional")),
        "replay": replay_text(start.get("source_functional")),
        "without force labels": drift_text(drift),
        "stability": stability_text(run.event("stability")),
        **{
            f"forgotten: {row['measure']}, {row['on']}": f"{row['before']} → {row['after']}"
            for row in forgotten_rows(run.event("end").get("forgotten"))
        },
        "learning rate": rate_text(start.get("rate")),
        "AtomRef solved again": solved_text(run.event("end").get("atomref_after")),
        **{
            f"{split}, elements that training saw": (
                f"{errors_text(each['without'])}; without "
                f"{each['n']} of {each['of']} frames ({', '.join(each['elements'])})"
            )
            for split, each in data["unseen"].items()
        },
    }
    return Answer(
        data=data,
        text=facts({key: value for key, value in lines.items() if value not in {None, ""}}),
    )


@runs.command("cancel", cls=LabCommand)
def cancel(name: RunName, *, _json: JsonFlag = False) -> Answer:
    """Stop a run; a training run writes a checkpoint first."""
    run = find_run(name)
    local.cancel(run)
    return _done(run, "was asked to stop")


@runs.command("pause", cls=LabCommand)
def pause(name: RunName, *, _json: JsonFlag = False) -> Answer:
    """Stop a run with a checkpoint, to resume it later; other runs get the device meanwhile."""
    run = find_run(name)
    local.pause(run)
    return _done(run, "was asked to stop")


@runs.command("revive", cls=LabCommand)
def revive(*, _json: JsonFlag = False) -> Answer:
    """Restart all runs whose process was killed or gone with the machine."""
    started = [run.id for run in restart_lost()]
    text = f"Restarted: {', '.join(started)}." if started else "No run is lost."
    return Answer(data={"revived": started}, text=text)


@runs.command("resume", cls=LabCommand)
def resume(
    name: RunName,
    *,
    processes: Annotated[
        int | None,
        typer.Option(
            FLAGS["processes"], min=1, help="Training processes.", show_default="as before"
        ),
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Resume a stopped or failed run from its last checkpoint, in a detached process."""
    run = find_run(name)
    local.resume(run, processes=processes)
    return _done(run, "was resumed")


@runs.command("verify", cls=LabCommand)
def verify_(name: RunName, *, _json: JsonFlag = False) -> Answer:
    """Read every file of a run, and compare checkpoints and errors with their digests."""
    run = find_run(name)
    files, damaged = verify(run)
    if damaged:
        raise LabError(" ".join(damaged))
    names = [str(path.relative_to(run.path)) for path in files]
    return Answer(
        data={"run": run.id, "files": names, "damaged": []},
        text=f"{run.id} is sound: {len(names):,} files.",
    )


@runs.command("export", cls=LabCommand)
def export_records(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="RUN…", help="Runs; without any, all of them.")
    ] = None,
    *,
    to: Annotated[Tracker, typer.Option(help="The tracker.", show_default=False)],
    out: Annotated[Path, typer.Option(help="A new folder.", show_default=False)],
    _json: JsonFlag = False,
) -> Answer:
    """Write what runs recorded as an experiment tracker stores it, by its own library, offline.

    Settings, errors, losses, gradient norms and test errors by step, for TensorBoard, Weights &
    Biases or trackio. Their libraries are extras: pip install 'atomref-lab[tensorboard]'.
    """
    chosen = [find_run(name) for name in names or []] or list_runs()
    written = [run.id for run in export_to_tracker(chosen, to, out)]
    left_out = [run.id for run in chosen if run.id not in written]
    folder = shlex.quote(str(out))
    opened = {
        "tensorboard": f"tensorboard --logdir {folder}",
        "wandb": f"wandb sync {folder}/wandb/offline-run-*",
        "trackio": f"TRACKIO_DIR={folder} trackio show --project {PROJECT}",
    }[to]
    text = f"Wrote {len(written):,} runs to {out}. Open them with: {opened}"
    if left_out:
        text += f"\nNothing recorded yet: {', '.join(left_out)}."
    return Answer(
        data={"folder": str(out), "runs": written, "left_out": left_out, "open": opened}, text=text
    )


@runs.command("delete", cls=LabCommand)
def delete(name: RunName, *, yes: Yes = False, _json: JsonFlag = False) -> Answer:
    """Delete a run with its checkpoints, after asking."""
    run = find_run(name)
    what = f"run {run.id} and its checkpoints"
    return deletion(run.id, what, lambda: local.delete(run), yes=yes)


@app.command("export", cls=LabCommand)
def export(
    name: RunName,
    *,
    out: Annotated[Path | None, typer.Option(help="The file to write, as model.pth.tar.")] = None,
    hub: Annotated[
        Path | None,
        typer.Option(
            help="Instead: a new folder with weights, config and card, for the Hugging Face hub."
        ),
    ] = None,
    functional: Annotated[
        str | None, typer.Option(help="Of a run on several functionals: which. Default: the first.")
    ] = None,
    _json: JsonFlag = False,
) -> Answer:
    """Copy a run's best model to a file that stock CHGNet.from_file loads, with a model card."""
    run, named = run_and_functional(name)
    functional = functional or named
    publish = ""
    if hub is not None and out is None:
        export_hub(run, hub, functional)
        file, card = hub / WEIGHTS, hub / CARD
        publish = f" Publish the folder with: hf upload USER/NAME {shlex.quote(str(hub))}"
    elif out is not None and hub is None:
        file, card = out, export_checkpoint(run, out, functional)
    else:
        raise LabError("Give --out FILE, or --hub FOLDER.")
    start = run.event("start")
    if functional is not None:
        start |= functional_named(run, functional).facts
    unseen = start.get("atomref", {}).get("unseen", [])
    text = f"Wrote {file} and {card}.{publish}"
    if unseen:
        text += f" Training never saw {', '.join(unseen)}, which the data set holds."
    return Answer(
        data={
            "run": run.id,
            "functional": functional,
            "file": str(file),
            "card": str(card),
            "elements": start.get("elements", []),
            "unseen_elements": unseen,
        },
        text=text,
    )


def _done(run: Run, what: str) -> Answer:
    state = run.status().state
    return Answer(data={"run": run.id, "state": state}, text=f"{run.id} {what} ({state}).")
