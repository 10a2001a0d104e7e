"""`evaluate`: a model's errors on a data set."""

import time
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
import typer

from core.cli.answer import Answer, LabCommand, facts, progress_on_stderr
from core.cli.models.frame_errors import frame_errors_answer, frame_errors_section
from core.cli.options import Device, FramesDataset, JsonFlag, ModelArguments
from core.errors import LabError
from core.frames.registry import open_frame_set
from core.runs.record.named_models import checkpoint_for, split_for_model
from core.studies.models.compared import Question
from core.studies.models.error_groups import Grouping
from core.studies.models.labelled import MOST, mismatch
from core.training.settings.metrics import STABILITY_METRICS, TEST_METRICS
from core.training.settings.stability_text import stability_text
from core.transfer.source_model import SourceModel

app = typer.Typer()


@app.command("evaluate", cls=LabCommand)
def evaluate(
    models: ModelArguments,
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
    elements: Annotated[
        list[str] | None,
        typer.Option("--element", help="Only frames that contain this; may be repeated."),
    ] = None,
    any_of: Annotated[
        bool, typer.Option("--any", help="Frames that contain any of the elements, not all.")
    ] = False,
    most: Annotated[
        int | None,
        typer.Option("--frames", min=1, help="Frames at most; the materials take turns."),
    ] = None,
    by: Annotated[
        Grouping | None, typer.Option(help="Also the errors of groups of frames.")
    ] = None,
    worst: Annotated[int, typer.Option(min=0, help="Also so many frames of largest error.")] = 0,
    kind: Annotated[
        Literal["energy", "force", "stress", "magmom"],
        typer.Option(help="Whose errors --by, --worst and figures of a report tell."),
    ] = "energy",
    distance_by: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|MODEL",
            help="Of several models, the one from whose training frames --by distance measures.",
            show_default="the first",
        ),
    ] = None,
    device: Device = "auto",
    _json: JsonFlag = False,
) -> Answer:
    """Compare a model's predictions with the labels of a data set.

    Where stability cannot be judged, the errors are told without it, and why. With --element,
    --frames, --by, --worst or several models the predictions of single frames are kept, as on the
    page; several models are compared on the frames that all of them were asked for.
    """
    question = Question(
        models=list(dict.fromkeys(models)),
        card=open_frame_set(dataset).card,
        part=split,
        most=most or MOST,
        elements=tuple(elements or ()),
        any_of=any_of,
    )
    if elements or most or by or worst or len(question.models) > 1:
        if stability != "off":
            raise LabError(
                "--stability is of one model on all frames; leave it out, or further models, "
                "--element, --frames, --by, --worst."
            )
        return frame_errors_answer(
            question, by=by, n_worst=worst, kind=kind, distance_by=distance_by
        )
    (model,) = question.models
    frames = open_frame_set(dataset)
    chosen = checkpoint_for(model, frames.card.functional)
    # Importing torch takes seconds, so errors in the arguments are raised before.
    from core.checks.doctor import label_findings  # noqa: PLC0415
    from core.stability.of_model import ModelEnergies  # noqa: PLC0415
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
    scale = ModelEnergies(model=SourceModel(chosen), name=model).source
    problem = mismatch(frames.card, scale.functional, scale.corrections, chosen)
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
        problem,
        never_seen_text(unseen),
        *(finding.text for finding in findings),
    ]
    return Answer(
        data={
            **metrics,
            **({"stability": judged} if judged else {}),
            "mismatch": problem,
            "unseen_elements": unseen,
            "findings": [finding.as_dict() for finding in findings],
        },
        text="\n\n".join(filter(None, paragraphs)),
        # Of all frames, as the numbers are.
        section=partial(
            frame_errors_section,
            replace(question, most=max(MOST, len(indices))),
            kind=kind,
            notes=f"{told[0].upper()}{told[1:]}." if told else "",
        ),
    )
