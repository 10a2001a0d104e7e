"""All studies by kind, imported when they are asked for: not every one waits for torch."""

from importlib import import_module
from typing import Any

from pydantic import ValidationError

from core.errors import LabError
from core.studies.study import Study

_PLACES = {
    "corrections": "core.studies.corrections:CorrectionsStudy",
    "atomref-intervals": "core.studies.atomref_intervals:AtomRefIntervals",
    "few": "core.studies.data_efficiency:DataEfficiencyStudy",
    "importance": "core.studies.importance:ImportanceStudy",
    "interaction": "core.studies.interaction:InteractionStudy",
    "next": "core.studies.acquisition:NextStudy",
    "offset": "core.studies.model_offset:OffsetStudy",
    "prior-comparison": "core.studies.prior_comparison:PriorStudy",
    "run-errors": "core.studies.run_errors:RunErrorsStudy",
}


def study_of(kind: str, settings: dict[str, Any]) -> Study:
    """Return a study from its kind and settings.

    Args:
        kind: a name of the catalogue.
        settings: its fields, as `model_dump` gives them.

    Raises:
        LabError: no such kind, or settings that it does not have.
    """
    if kind not in _PLACES:
        raise LabError(f"there is no study {kind!r}; choose one of: {', '.join(_PLACES)}.")
    module, name = _PLACES[kind].split(":")
    try:
        study: Study = getattr(import_module(module), name).model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise LabError(
            f"the settings of {kind} are not valid ({field}: {first['msg']}); ask for it again."
        ) from None
    return study
