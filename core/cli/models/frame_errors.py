"""What `evaluate` says of single frames: by group, and the worst ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.cli.answer import Answer, columns, facts, progress_on_stderr
from core.elements import INDEX
from core.errors import LabError
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.error_groups import Grouping, by_group, containing, worst
from core.studies.models.labelled import DistancesStudy, FrameDistances, LabelledStudy, ModelErrors
from core.training.scoring.frame_errors import KINDS, FrameErrors, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS


def frame_errors_answer(
    study: LabelledStudy,
    elements: Sequence[str],
    *,
    any_of: bool,
    by: Grouping | None,
    n_worst: int,
    kind: str,
) -> Answer:
    """Return a model's errors on frames, in groups of them, and on the worst ones.

    Args:
        study: the model and the frames.
        elements: only frames that contain these.
        any_of: whether one of them is enough.
        by: what makes a group; None for no groups.
        n_worst: how many frames of largest error.
        kind: whose errors groups and worst frames tell.

    Raises:
        LabError: if an element is none, no frame holds them, or none has such a label.
    """
    for symbol in elements:
        if symbol not in INDEX:
            raise LabError(f"{symbol} is not an element from H to Pu; give symbols such as Fe.")
    whole: ModelErrors = compute_here(Job.of(study), progress_on_stderr())
    flags = containing(whole.frames, tuple(elements), any_of=any_of)
    if not flags.any():
        words = " or ".join(elements) if any_of else ", ".join(elements)
        raise LabError(f"{study.dataset}: none of these frames contains {words}.")
    errors = whole.frames.only(flags)
    if (by or n_worst) and kind not in errors.kinds:
        raise LabError(
            f"{study.dataset}: these frames have no labels of {KINDS[kind][0].lower()}; choose "
            f"--kind {' or '.join(errors.kinds)}."
        )
    metrics: dict[str, float | None] = {
        LABEL_METRICS[one]: summary(errors.compared(one), one)["mae"]
        if one in errors.kinds
        else None
        for one in KINDS
    }
    data: dict[str, Any] = {
        "n_frames": len(errors.rows),
        **metrics,
        "mismatch": whole.mismatch,
        "unseen_elements": whole.unseen,
    }
    lines: dict[str, Any] = {
        "frames": f"{len(errors.rows):,} of {errors.n_available:,} ({study.part})"
    }
    lines |= {
        f"{METRICS[key].label}, {METRICS[key].unit}": value
        for key, value in metrics.items()
        if value is not None
    }
    paragraphs = [facts(lines), whole.mismatch]
    unit = METRICS[LABEL_METRICS[kind]].unit
    if by:
        table = by_group({"error": errors}, by, kind, distances=_distances(study, errors, by))
        data["groups"] = table.to_dict("records")
        paragraphs.append(columns((by, "n", f"{kind} error, {unit}"), table.to_numpy().tolist()))
    if n_worst:
        frames = worst(errors, kind, n_worst).drop(columns="row")
        data["worst"] = frames.to_dict("records")
        head = ("frame", "formula", "atoms", f"{kind} error, {unit}")
        paragraphs.append(columns(head, frames.to_numpy().tolist()))
    return Answer(data=data, text="\n\n".join(filter(None, paragraphs)))


def _distances(study: LabelledStudy, errors: FrameErrors, by: Grouping) -> np.ndarray | None:
    if by != "distance":
        return None
    far = DistancesStudy(**study.model_dump())
    known: FrameDistances = compute_here(Job.of(far), progress_on_stderr())
    return known.of(errors)
