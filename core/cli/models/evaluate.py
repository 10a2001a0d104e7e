"""`evaluate`: a model's errors on a data set."""

import time
from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, facts, progress_on_stderr
from core.cli.options import Device, FramesDataset, JsonFlag, ModelArgument
from core.errors import LabError
from core.frames.registry import open_frame_set
from core.runs.record.named_models import checkpoint_for, split_for_model
from core.training.settings.metrics import STABILITY_METRICS, TEST_METRICS
from core.training.settings.stability_text import stability_text
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
    stability: Annotated[
        Literal["off", "static", "relaxed"],
        typer.Option(
            help="Also compare formation and decomposition energies, of the structures as they "
            "are, or relaxed by the model."
        ),
    ] = "off",
    device: Device = "auto",
    _json: JsonFlag = False,
) -> Answer:
    """Compare a model's predictions with the labels of a data set.

    Where stability cannot be judged, the errors are told without it, and why.
    """
    frames = open_frame_set(dataset)
    chosen = checkpoint_for(model, frames.card.functional)
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.checks.doctor import label_findings  # noqa: PLC0415
    from core.training.scoring.evaluate import evaluate as errors_of  # noqa: PLC0415
    from core.training.scoring.stability import stability_errors  # noqa: PLC0415
    from core.transfer.seen_elements import never_seen, never_seen_text  # noqa: PLC0415

    indices = np.arange(len(frames))
    if split != "all":
        indices = getattr(split_for_model(model, frames), split)
    errors = errors_of(chosen, frames, indices, device=device, progress=progress_on_stderr())
    judged: dict[str, Any] = {}
    of_stability: dict[str, float | None] = {}
    if stability != "off":
        began, of_stability = time.monotonic(), dict.fromkeys(STABILITY_METRICS)
        try:
            found = stability_errors(
                chosen,
                frames,
                indices,
                relaxed=stability == "relaxed",
                device=device,
                progress=progress_on_stderr(),
            )
        except LabError as error:
            judged = {"why": str(error)}
        else:
            judged, of_stability = {"why": "", **asdict(found)}, dict(found.errors)
        judged["seconds"] = time.monotonic() - began
    metrics = {**errors, **of_stability}
    findings = label_findings(frames, SourceModel(chosen, device), indices)
    unseen = never_seen(chosen, frames.fractions()[indices])
    lines = {
        "frames": f"{errors['n_frames']} ({split} of {dataset}, labels: {frames.card.labels})",
        **{
            f"{info.label}, {info.unit}": metrics[key]
            for key, info in TEST_METRICS.items()
            if key in metrics
        },
    }
    told = stability_text(judged)
    paragraphs = [
        facts(lines),
        f"{told[0].upper()}{told[1:]}." if told else "",
        never_seen_text(unseen),
        *(finding.text for finding in findings),
    ]
    return Answer(
        data={
            **metrics,
            **({"stability": judged} if judged else {}),
            "unseen_elements": unseen,
            "findings": [finding.as_dict() for finding in findings],
        },
        text="\n\n".join(filter(None, paragraphs)),
    )
