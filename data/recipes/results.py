"""Make data/results: what the pages show first of the embedded data, for which readers would wait.

Run ``python data/recipes/results.py`` in the repository root after the other recipes; it takes two
minutes. Each file is the result of a study under the name that `core.studies.job` looks for, which
changes with the data, the study's settings and its version.
"""

import shutil

from core.potential.released import MODELS
from core.progress import silent
from core.reference.shifts.pairs import default_columns
from core.studies.atomref_fit import AtomRefStudy
from core.studies.check import CheckStudy
from core.studies.importance import ImportanceStudy
from core.studies.interaction import InteractionStudy
from core.studies.job.directory import EMBEDDED_RESULTS, Job
from core.studies.model_offset import OffsetStudy
from core.studies.models.labelled import LabelledStudy
from core.studies.models.preflight import preflight_studies, run_checks
from core.studies.prior_comparison import PriorStudy
from core.studies.results import save_result
from core.studies.selection import PairSelection
from core.studies.stability import StabilityStudy
from core.studies.study import Study
from core.training.settings.config import RunConfig

PAIRS = "mp-structures"
FRAMES = ("mp-frames-r2scan", "mp-frames-gga")
FIRST_RUN = RunConfig(dataset=FRAMES[0], frames=300)
"""The run that the form of the Transfer page shows first."""


def studies() -> list[Study]:
    """Return what pages ask first.

    Feature importance asks with and without MP2020 corrections, Stability for the model that made
    the labels, the lesson for that model's error in the other functional, AtomRef whether the
    interaction energies are there, which `interaction.py` makes, Compare models for the errors of
    both models on test frames, Transfer and Data what is wrong with a data set, Transfer what a
    first run begins with, AtomRef which prior serves small data sets.
    """
    source, target = default_columns(PairSelection(dataset=PAIRS).card)
    pairs = PairSelection(dataset=PAIRS, source=source, target=target)
    return [
        *(ImportanceStudy(pairs=pairs, uncorrected=uncorrected) for uncorrected in (False, True)),
        StabilityStudy(dataset=PAIRS, model="chgnet-0.3.0", column=source),
        OffsetStudy(dataset=FRAMES[0], model="chgnet-0.3.0"),
        *(
            InteractionStudy(dataset=dataset, model=model)
            for dataset in (PAIRS, *FRAMES)
            for model in MODELS
        ),
        *(LabelledStudy(dataset=dataset, model=model) for dataset in FRAMES for model in MODELS),
        *(CheckStudy(dataset=dataset) for dataset in (*FRAMES, PAIRS)),
        *run_checks(FIRST_RUN).values(),
        # Methods that begin alike have one study.
        *dict.fromkeys(preflight_studies(FIRST_RUN).values()),
        PriorStudy.of(AtomRefStudy(pairs=pairs, method="ridge"), own_strength=True),
    ]


def main() -> None:
    """Compute the results again, in place of those that are there."""
    shutil.rmtree(EMBEDDED_RESULTS, ignore_errors=True)
    EMBEDDED_RESULTS.mkdir()
    for study in studies():
        path = EMBEDDED_RESULTS / f"{Job.of(study).path.name}.npz"
        save_result(path, study.compute(silent), compress=True)


if __name__ == "__main__":
    main()
