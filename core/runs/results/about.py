"""One run in words: what it does, what is to be known of it, and where its numbers come from."""

from pathlib import Path

from core.frames.provenance import Provenance
from core.frames.registry import list_datasets
from core.runs.record.directory import Run
from core.runs.results.comparison import method_label
from core.training.settings.config import RunConfig
from core.training.settings.energies_only import drift_text, replay_text, teacher_text
from core.training.settings.functionals import functionals_text
from core.training.settings.left_out import left_out_text
from core.training.settings.methods import METHODS
from core.training.settings.report import (
    later_text,
    rate_text,
    solved_text,
    uncertainty_text,
    weights_text,
)
from core.training.settings.stability_text import stability_text


def description(run: Run) -> str:
    """Return what a run does and what is to be known of it, in sentences."""
    config = run.config
    by = run.status().launched_by
    epochs = "1 epoch" if config.epochs == 1 else f"{config.epochs:,} epochs"
    text = f"{method_label(config.method)}, from {_start(config)}, {epochs}"
    text += f", launched by {by}." if by else "."
    return " ".join([text, *notes(run)])


def notes(run: Run) -> list[str]:
    """Return sentences on frames left out, on forces without labels, and on stability."""
    config, start = run.config, run.event("start")
    left_out = left_out_text(start.get("left_out_why", {}))
    drift = drift_text(run.event("end").get("force_drift"))
    taught = teacher_text(start.get("source_functional"))
    stability = stability_text(run.event("stability"))
    sentences = [
        left_out and f"{left_out}.",
        taught and f"Teacher: {taught}.",
        drift and f"Trained on energies alone: {drift}.",
        stability and f"{stability[:1].upper()}{stability[1:]}.",
    ]
    if several := functionals_text(config.functionals, start.get("functionals")):
        sentences.append(f"Several functionals at once: {several}.")
    if replayed := replay_text(start.get("source_functional")):
        sentences.append(f"Replay: {replayed}.")
    if later := later_text(config.later):
        sentences.append(f"Loss ratios: {later}.")
    if weights := weights_text(start.get("frame_weights")):
        sentences.append(f"Weights of frames: {weights}.")
    if rate := rate_text(start.get("rate")):
        sentences.append(f"Learning rate: {rate}.")
    if solved := solved_text(run.event("end").get("atomref_after")):
        sentences.append(f"AtomRef solved again: {solved}.")
    if certain := uncertainty_text(run.event("end").get("uncertainty")):
        sentences.append(f"Uncertainty of energies: {certain}.")
    return list(filter(None, sentences))


def _start(config: RunConfig) -> str:
    if METHODS[config.method].start == "random":
        return "random weights"
    path = Path(config.source_model)
    return f"run {path.parents[1].name}" if path.parent.name == "checkpoints" else path.name


def provenance_of(*runs: Run) -> Provenance:
    """Return which data the numbers of runs come from, and who made their labels."""
    labels = {run.status().labels or _labels_of(run.config.dataset) for run in runs}
    counts = sorted({run.status().frames or run.config.frames or 0 for run in runs})
    numbers = ", ".join(f"{count:,}" if count else "all" for count in counts) or "no"
    return Provenance(
        data=", ".join(sorted({run.config.dataset for run in runs})) or "no runs",
        labels=sorted(filter(None, labels)),
        details=f"{numbers} training frames.",
    )


def _labels_of(dataset: str) -> str | None:
    cards = (info.card for info in list_datasets())
    return next((card.labels for card in cards if card.name == dataset), None)
