"""One run in words: what it does, on which data, and the commands that do the same."""

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
    """Return what makes a run like this one, and what can be done with this one as it stands."""
    lines = [run.config.command(), f"atomref runs show {run.id}"]
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
    """Say in one line what a run does."""
    config = run.config
    begin = f"{method_label(config.method)}, from {_start(config)}, {config.epochs} epochs."
    return plain(f"{begin} {source_line(run)}")


def _start(config: RunConfig) -> str:
    if METHODS[config.method].start == "random":
        return "random weights"
    path = Path(config.source_model)
    return f"run {path.parents[1].name}" if path.parent.name == "checkpoints" else path.name


def source_line(run: Run) -> str:
    """Say which data a run's numbers come from, and who made their labels."""
    config, status = run.config, run.status()
    frames = status.frames or config.frames
    count = f"{frames:,}" if frames else "all"
    labels = status.labels or _labels_of(config.dataset)
    made = f" Labels: {origin(labels)}." if labels else ""
    return f"Data: {config.dataset}, {count} training frames.{made}"


def labels_of(*runs: Run) -> str:
    """Say in few words which data and labels runs rest on, for figures and files."""
    data = ", ".join(sorted({run.config.dataset for run in runs}))
    made = {run.status().labels or _labels_of(run.config.dataset) for run in runs}
    return f"Data: {data}. Labels: {', '.join(sorted(origin(one) for one in made if one))}"


def _labels_of(dataset: str) -> str | None:
    cards = (info.card for info in list_datasets())
    return next((card.labels for card in cards if card.name == dataset), None)
