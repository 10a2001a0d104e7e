"""All studies by kind, each imported on demand, because some import torch."""

from importlib import import_module
from typing import Any

from pydantic import ValidationError

from core.errors import LabError
from core.studies.study import Study

_CLASSES = {
    "check": "core.studies.check:CheckStudy",
    "corrections": "core.studies.corrections:CorrectionsStudy",
    "contents": "core.studies.contents:ContentsStudy",
    "atomref-intervals": "core.studies.atomref_intervals:AtomRefIntervals",
    "domain": "core.studies.models.trust:DomainStudy",
    "download": "core.studies.download:DownloadStudy",
    "correct": "core.studies.making:CorrectStudy",
    "export": "core.studies.making:ExportStudy",
    "equation-of-state": "core.studies.models.equation_of_state:EquationOfStateStudy",
    "few": "core.studies.data_efficiency:DataEfficiencyStudy",
    "import": "core.studies.imports:ImportStudy",
    "importance": "core.studies.importance:ImportanceStudy",
    "interaction": "core.studies.interaction:InteractionStudy",
    "join": "core.studies.making:JoinStudy",
    "labelled-distances": "core.studies.models.labelled:DistancesStudy",
    "labelled-errors": "core.studies.models.labelled:LabelledStudy",
    "next": "core.studies.acquisition:NextStudy",
    "offset": "core.studies.model_offset:OffsetStudy",
    "placement": "core.studies.models.placement:PlacementStudy",
    "prediction": "core.studies.models.prediction:PredictionStudy",
    "preflight": "core.studies.models.preflight:PreflightStudy",
    "prior-comparison": "core.studies.prior_comparison:PriorStudy",
    "relaxed-structure": "core.studies.models.relaxed_structure:RelaxedStructureStudy",
    "relaxation": "core.studies.models.relaxation:RelaxationStudy",
    "run-check": "core.studies.models.preflight:RunCheckStudy",
    "run-errors": "core.studies.run_errors:RunErrorsStudy",
    "stability": "core.studies.stability:StabilityStudy",
    "subset": "core.studies.making:SubsetStudy",
    "trust": "core.studies.models.trust:TrustStudy",
}


def study_of(kind: str, settings: dict[str, Any]) -> Study:
    """Return a study from its kind and settings.

    Args:
        kind: name of the study.
        settings: its fields, as `model_dump` returns them.

    Raises:
        LabError: if there is no such kind, or the settings do not fit it.
    """
    if kind not in _CLASSES:
        raise LabError(f"there is no study {kind!r}; choose one of: {', '.join(_CLASSES)}.")
    module, name = _CLASSES[kind].split(":")
    try:
        study: Study = getattr(import_module(module), name).model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise LabError(
            f"the settings of {kind} are not valid ({field}: {first['msg']}); start it again."
        ) from None
    return study
