"""`evaluate`: a model's errors on a data set."""

from typing import Annotated, Literal

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, facts, progress_on_stderr
from core.cli.options import Device, FramesDataset, JsonFlag, ModelArgument
from core.frames.registry import open_frame_set
from core.runs.record.named_models import checkpoint_of
from core.training.settings.metrics import METRICS
from core.transfer.source_model import SourceModel

app = typer.Typer()


@app.command("evaluate", cls=LabCommand)
def evaluate(
    model: ModelArgument,
    *,
    dataset: FramesDataset,
    split: Annotated[
        Literal["train", "validation", "test", "all"], typer.Option(help="Which of its frames.")
    ] = "test",
    device: Device = "auto",
    _json: JsonFlag = False,
) -> Answer:
    """Compare a model's predictions with the labels of a data set."""
    frames = open_frame_set(dataset)
    chosen = checkpoint_of(model)
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.training.scoring.evaluate import evaluate as errors_of  # noqa: PLC0415
    from core.transfer.label_check import check_labels  # noqa: PLC0415
    from core.transfer.seen_elements import never_seen, never_seen_text  # noqa: PLC0415

    indices = np.arange(len(frames)) if split == "all" else getattr(frames.split(), split)
    errors = errors_of(chosen, frames, indices, device=device, progress=progress_on_stderr())
    findings = check_labels(frames, SourceModel(chosen, device), rows=indices)
    unseen = never_seen(chosen, frames.fractions()[indices])
    lines = {
        "frames": f"{errors['n_frames']} ({split} of {dataset}, labels: {frames.card.labels})",
        **{
            f"{info.label}, {info.unit}": errors[key]  # type: ignore[literal-required]
            for key, info in METRICS.items()
        },
    }
    paragraphs = [facts(lines), never_seen_text(unseen), *(finding.text for finding in findings)]
    return Answer(
        data={
            **errors,
            "unseen_elements": unseen,
            "findings": [finding.as_dict() for finding in findings],
        },
        text="\n\n".join(filter(None, paragraphs)),
    )
