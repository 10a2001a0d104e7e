"""Answers of commands that take several models."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from core.cli.answer import Answer

if TYPE_CHECKING:
    from core.report.document import Section


def of_models(answers: Mapping[str, Answer], section: "Callable[[], Section]") -> Answer:
    """Return one answer: a single model's own, or those of several as `models`.

    Args:
        answers: what there is to say of each model, by its name.
        section: makes all of it a section of a report.
    """
    if len(answers) == 1:
        (alone,) = answers.values()
        return replace(alone, section=section)
    return Answer(
        data={"models": [{"model": model, **one.data} for model, one in answers.items()]},
        text="\n\n".join(f"{model}\n\n{one.text}" for model, one in answers.items()),
        section=section,
    )
