"""What `evaluate` says of single frames: by group, and the worst ones."""

from functools import partial
from typing import TYPE_CHECKING, Any

from core.cli.answer import Answer, columns, facts, progress_on_stderr
from core.cli.models.several import of_models
from core.errors import LabError
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.models.compared import Compared, Question
from core.studies.models.error_groups import Grouping, by_group, worst
from core.studies.models.labelled import FrameDistances, ModelErrors
from core.training.scoring.frame_errors import KINDS, summary
from core.training.settings.metrics import LABEL_METRICS, METRICS

if TYPE_CHECKING:
    from core.report.document import Section


def frame_errors_answer(
    question: Question,
    *,
    by: Grouping | None,
    n_worst: int,
    kind: str,
    distance_by: str | None,
) -> Answer:
    """Return models' errors on frames, in groups of them, and on the worst ones.

    Args:
        question: models and frames.
        by: what makes a group; None for no groups.
        n_worst: how many frames of largest error.
        kind: whose errors groups and worst frames tell.
        distance_by: the model whose training frames distances are from; the first where it is None.

    Raises:
        LabError: if an element is none, no frame holds them, none has such a label, or distances
            are from a model that is not compared.
    """
    known_to = distance_by or question.models[0]
    if known_to not in question.models:
        raise LabError(f"--distance-by: {known_to} is none of the models; name one of them.")
    told = _told(question)
    found = Compared.of(question, told)
    if by or n_worst:
        found.check_kind(kind)
    distances: FrameDistances | None = None
    if by == "distance":
        far = question.distances_by(known_to)
        distances = compute_here(Job.of(far), progress_on_stderr())
    answers = {
        model: _answer(
            found, model, told[model], by=by, n_worst=n_worst, kind=kind, distances=distances
        )
        for model in question.models
    }
    section = partial(_section, found, told, by=by, n_worst=n_worst, kind=kind, distances=distances)
    return of_models(answers, section)


def frame_errors_section(question: Question, *, kind: str, notes: str) -> "Section":
    """Return the section of a report about models' errors on frames; arguments as above.

    Args:
        question: models and frames.
        kind: whose errors figures show.
        notes: a further paragraph.
    """
    told = _told(question)
    return _section(Compared.of(question, told), told, kind=kind, notes=notes)


def _section(found: Compared, told: dict[str, ModelErrors], *, kind: str, **more: Any) -> "Section":
    # Figures take a library that the numbers need not wait for.
    from core.report.models.compared import compared_section  # noqa: PLC0415

    found.check_kind(kind)
    return compared_section(found, told, kind=kind, **more)


def _told(question: Question) -> dict[str, ModelErrors]:
    return {
        model: compute_here(Job.of(question.errors_of(model)), progress_on_stderr())
        for model in question.models
    }


def _answer(
    found: Compared,
    model: str,
    told: ModelErrors,
    *,
    by: Grouping | None,
    n_worst: int,
    kind: str,
    distances: FrameDistances | None,
) -> Answer:
    """Return what there is to say of one of the models."""
    errors = found.errors[model]
    metrics: dict[str, float | None] = {
        LABEL_METRICS[one]: summary(errors.compared(one), one)["mae"]
        if one in errors.kinds
        else None
        for one in KINDS
    }
    data: dict[str, Any] = {
        "n_frames": len(errors.rows),
        **metrics,
        "mismatch": told.mismatch,
        "unseen_elements": told.unseen,
    }
    lines: dict[str, Any] = {
        "frames": f"{len(errors.rows):,} of {errors.n_available:,} ({found.question.part})"
    }
    lines |= {
        f"{METRICS[key].label}, {METRICS[key].unit}": value
        for key, value in metrics.items()
        if value is not None
    }
    paragraphs = [facts(lines), told.mismatch]
    unit = METRICS[LABEL_METRICS[kind]].unit
    if by:
        far = None if distances is None else distances.of(errors)
        table = by_group({"error": errors}, by, kind, distances=far)
        data["groups"] = table.to_dict("records")
        paragraphs.append(columns((by, "n", f"{kind} error, {unit}"), table.to_numpy().tolist()))
    if n_worst:
        frames = worst(errors, kind, n_worst).drop(columns="row")
        data["worst"] = frames.to_dict("records")
        head = ("frame", "formula", "atoms", f"{kind} error, {unit}")
        paragraphs.append(columns(head, frames.to_numpy().tolist()))
    return Answer(data=data, text="\n\n".join(filter(None, paragraphs)))
