"""Study: predictions of a run's model for its validation or test frames, beside their labels."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from core.errors import LabError
from core.frames.registry import find_dataset, open_frame_set
from core.frames.splits import Split, training_subset
from core.frames.store import FrameSet
from core.progress import Progress, part
from core.runs.record.directory import Run
from core.runs.record.functionals import RunFunctional, functional_named, split_for
from core.runs.record.listing import find_run
from core.studies.study import Study
from core.training.scoring.frame_errors import FrameErrors
from core.training.settings.functionals import file_of

MODELS = ("best", "last", "untrained")
"""Models of every run; others are named by their epoch, such as epoch-20."""

Part = Literal["test", "validation"]

_SECONDS = 3.0
_SECONDS_PER_FRAME = 0.01
_HELD_OUT = 0.1
"""Share of a data set's materials in its test part, and in its validation part."""


class RunErrorsStudy(Study):
    """Errors of a run's model frame by frame.

    Attributes:
        run: id of the run.
        checkpoint: "best" by validation energy, the "last" step's, "untrained" (the initial model
            with the run's AtomRef), or "epoch-N" if the run saved it.
        part: the held-out frames.
        functional: which of several functionals of the run; empty for the first.
        most: largest number of frames; a sample takes the materials in turn.
    """

    kind: ClassVar[str] = "run-errors"
    version: ClassVar[int] = 2
    result: ClassVar[type] = FrameErrors

    run: str
    checkpoint: str = Field(default="best", pattern=r"^(best|last|untrained|epoch-\d+)$")
    part: Part = "test"
    functional: str = ""
    most: int = Field(default=2000, ge=1)

    @property
    def datasets(self) -> list[str]:
        """The run's data sets, that of the functional first."""
        config = find_run(self.run).config
        names = [config.dataset, *config.functionals.datasets]
        chosen = self._of()
        return names if chosen is None else sorted(names, key=lambda name: name != chosen.dataset)

    def inputs(self) -> list[str]:
        """Return what identifies the data, the run's settings and its model.

        Raises:
            LabError: if there is no such run or data set, or no such checkpoint yet.
        """
        run = find_run(self.run)
        file = self._file(run)
        inputs = [*super().inputs(), run.config.model_dump_json()]
        if file.is_file():
            stat = file.stat()
            inputs.append(f"{stat.st_size}-{stat.st_mtime_ns}")
        return inputs

    def seconds(self) -> float:
        """Return roughly how long it takes once interaction energies are cached."""
        n = _HELD_OUT * find_dataset(self.datasets[0]).card.n
        return _SECONDS + _SECONDS_PER_FRAME * min(n, self.most)

    def compute(self, progress: Progress) -> FrameErrors:
        """Compute the predictions.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if the run, its data set or its model is gone, or there are no such frames.
        """
        # A page that only offers the study does without torch.
        from core.potential.models import load_model, resolve_device  # noqa: PLC0415
        from core.training.scoring.predictions import frame_errors, untrained_model  # noqa: PLC0415
        from core.transfer.uncertainty import uncertainty_of  # noqa: PLC0415

        run = find_run(self.run)
        data, split = self._data(run)
        rows = getattr(split, self.part)
        if not len(rows):
            raise LabError(
                f"{data.card.name}: has no {self.part} frames; choose a larger data set."
            )
        chosen = rows
        if len(rows) > self.most:
            chosen = training_subset(data.material_ids(), rows, self.most, seed=0)
        if self.checkpoint == "untrained":
            model = untrained_model(run.config, data, progress=part(progress, 0.0, 0.3))
            uncertainty = None
        else:
            model = load_model(self._file(run))
            uncertainty = uncertainty_of(str(self._file(run)), model)
        return frame_errors(
            model,
            data,
            chosen,
            n_available=len(rows),
            device=resolve_device("auto"),
            uncertainty=uncertainty,
            progress=part(progress, 0.3 if self.checkpoint == "untrained" else 0.0, 1.0),
        )

    def _of(self) -> RunFunctional | None:
        """Return the functional, if it is a further one of the run."""
        if not self.functional:
            return None
        found = functional_named(find_run(self.run), self.functional)
        return found if found.number else None

    def _data(self, run: Run) -> tuple[FrameSet, Split]:
        chosen = self._of()
        data = open_frame_set(run.config.dataset if chosen is None else chosen.dataset)
        return data, split_for(run, data)

    def _file(self, run: Run) -> Path:
        """Return the file of the model; a released model has none.

        Raises:
            LabError: if there is no such checkpoint yet.
        """
        chosen = self._of()
        if chosen is not None and self.checkpoint in {"last", "untrained"}:
            raise LabError(
                f"{run.id}: of {chosen.functional} the best model and kept epochs are saved; "
                "choose one of these."
            )
        if self.checkpoint == "untrained":
            return Path(run.config.source_model)
        if self.checkpoint.startswith("epoch-"):
            file = run.kept_checkpoint(int(self.checkpoint.removeprefix("epoch-")))
        else:
            file = run.best_checkpoint if self.checkpoint == "best" else run.last_checkpoint
        if chosen is not None:
            file = file.with_name(file_of(file.name, chosen.number))
        if not file.is_file():
            raise LabError(
                f"{run.id}: has no {self.checkpoint} checkpoint yet; let it train first."
            )
        return file
