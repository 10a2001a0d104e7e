"""One run in words: its settings, its data, and the commands that do the same."""

from pathlib import Path

from core.frames.registry import list_datasets
from core.runs.record.directory import Run
from core.runs.record.status import Status
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS
from pages.parts.shared.datasets import origin
from pages.parts.shared.page import plain


def commands(run: Run, status: Status) -> str:
    """Return the commands that start the same run, and that act on this one in its state."""
    lines = [run.config.command, f"atomref runs show {run.id}"]
    if status.is_active:
        return "\n".join([*lines, f"atomref runs cancel {run.id}"])
    if status.state != "finished":
        lines.append(f"atomref runs resume {run.id}")
    lines += [
        f"atomref evaluate {run.id} --dataset {run.config.dataset} --split test",
        f"atomref export {run.id} --out model.pth.tar",
        f"atomref runs delete {run.id}",
    ]
    return "\n".join(lines)


def about(run: Run) -> str:
    """Return one line on what a run does, as Markdown."""
    config = run.config
    start = f"{method_label(config.method)}, from {_start(config)}, {config.epochs} epochs."
    return f"{plain(start)} {source_of(run)}"


def _start(config: RunConfig) -> str:
    if METHODS[config.method].start == "random":
        return "random weights"
    path = Path(config.source_model)
    return f"run {path.parents[1].name}" if path.parent.name == "checkpoints" else path.name


def source_of(*runs: Run) -> str:
    """Return which data the numbers of runs come from and the origin of the labels, as Markdown."""
    return plain(" ".join(sorted({_source(run) for run in runs})))


def _source(run: Run) -> str:
    config, status = run.config, run.status()
    frames = status.frames or config.frames
    count = f"{frames:,}" if frames else "all"
    labels = status.labels or _labels_of(config.dataset)
    made_by = f" Labels: {origin(labels)}." if labels else ""
    return f"Data: {config.dataset}, {count} training frames.{made_by}"


def labels_of(*runs: Run) -> str:
    """Return the data sets and the origin of the labels of runs, for figures and files."""
    if not runs:
        return ""
    data = ", ".join(sorted({run.config.dataset for run in runs}))
    made_by = {run.status().labels or _labels_of(run.config.dataset) for run in runs}
    return f"Data: {data}. Labels: {', '.join(sorted(origin(name) for name in made_by if name))}"


def _labels_of(dataset: str) -> str | None:
    cards = (info.card for info in list_datasets())
    return next((card.labels for card in cards if card.name == dataset), None)
