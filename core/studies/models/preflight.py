"""Studies of a run before it starts: what would ruin it, and what each method begins with."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

from pydantic import Field

from core.checks.diagnosis import Diagnosis
from core.frames.findings import Finding, by_severity
from core.frames.registry import find_dataset, open_frame_set
from core.frames.schema import LABELS
from core.progress import Progress
from core.runs.record.named_models import checkpoint_of
from core.studies.study import ModelStudy, atomref_inputs
from core.training.loop.method_preview import Preflight
from core.training.settings.config import LossRatios, RunConfig
from core.training.settings.methods import METHODS
from core.transfer.source_model import SourceModel

_SECONDS = 8.0
_SECONDS_PER_FRAME = 3e-5
_SECONDS_PER_PREDICTION = 0.03
_PREDICTED = 700
"""Frames that the network evaluates at most."""

_BEGINS_AS = {"trainable": "frozen", "linearised": "residual", "multifidelity": "residual"}
"""Methods that begin with the network and the AtomRef of another one."""


class _OfRun(ModelStudy):
    """What the frames of a run follow from.

    Attributes:
        dataset: the data set.
        frames: number of training frames; None for all.
        seed: of the run.
        labels: kinds of label that are trained on.
        device: where the network is evaluated; the result is the same anywhere.
        threads: CPU threads, likewise; None for the physical cores.
    """

    dataset: str
    frames: int | None = None
    seed: int = 0
    labels: tuple[str, ...] = LABELS
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", exclude=True)
    threads: int | None = Field(default=None, exclude=True)

    @classmethod
    def of(cls, config: RunConfig, **more: Any) -> Self:
        """Return the study of a run, for the settings that its result follows from.

        Args:
            config: the run's settings.
            **more: further fields of the study.
        """
        return cls(
            **{
                "dataset": config.dataset,
                "model": config.source_model,
                "frames": config.frames,
                "seed": config.seed,
                "labels": tuple(kind for kind in LABELS if getattr(config.loss, kind) > 0),
                "device": config.device,
                "threads": config.threads,
            }
            | more
        )

    @property
    def datasets(self) -> list[str]:
        """Name of the data set."""
        return [self.dataset]

    @property
    def source(self) -> SourceModel:
        """The model, to compute with.

        Raises:
            LabError: if there is no such model.
        """
        return SourceModel(checkpoint_of(self.model), self.device, self.threads)

    def inputs(self) -> list[str]:
        """Return what identifies the data set, what its card says, and the model."""
        return [*super().inputs(), find_dataset(self.dataset).card.model_dump_json()]

    def seconds(self) -> float:
        """Return roughly how long it takes if nothing is cached yet."""
        n = find_dataset(self.dataset).card.n
        return _SECONDS + _SECONDS_PER_FRAME * n + _SECONDS_PER_PREDICTION * min(n, _PREDICTED)

    def config(self, **more: Any) -> RunConfig:
        """Return settings of a run on these frames."""
        return RunConfig(
            dataset=self.dataset,
            source_model=checkpoint_of(self.model),
            frames=self.frames,
            seed=self.seed,
            loss=LossRatios(**{kind: float(kind in self.labels) for kind in LABELS}),
            device=self.device,
            threads=self.threads,
            **more,
        )


class RunCheckStudy(_OfRun):
    """What the doctor finds in the frames of a run."""

    kind: ClassVar[str] = "run-check"
    result: ClassVar[type] = Diagnosis

    def compute(self, progress: Progress) -> Diagnosis:
        """Look for it.

        Args:
            progress: receives the share that is done.

        Raises:
            LabError: if data set, model and settings do not fit together.
        """
        # Only the computation imports torch.
        from core.checks.doctor import RUN, diagnose  # noqa: PLC0415
        from core.training.loop.preflight import split_of  # noqa: PLC0415

        frames = open_frame_set(self.dataset)
        split, _ = split_of(self.config(), frames)
        return diagnose(frames, self.source, split=split, parts=RUN, progress=progress)


class PreflightStudy(_OfRun):
    """What a run by one method begins with.

    Attributes:
        method: the method; one that begins as another one does has the other's study.
        strength: pull toward the prior of `residual`.
        atomref: reference energies of the user's own; None for those of the method.
    """

    kind: ClassVar[str] = "preflight"
    result: ClassVar[type] = Preflight

    method: str
    strength: float | Literal["covariance"] = "covariance"
    atomref: str | None = None

    def inputs(self) -> list[str]:
        """Return what identifies the data set, its card, the model and the user's references."""
        return [*super().inputs(), *atomref_inputs(self.atomref or "")]

    def compute(self, progress: Progress) -> Preflight:
        """Predict some frames with the untrained model.

        Args:
            progress: reports the interaction energies computed.

        Raises:
            LabError: if data set, model and settings do not fit together.
        """
        # Only the computation imports torch.
        from core.training.loop.preflight import preflight  # noqa: PLC0415

        config = self.config(method=self.method, ridge_strength=self.strength, atomref=self.atomref)
        return preflight(config, progress=progress)


def preflight_studies(config: RunConfig) -> dict[str, PreflightStudy]:
    """Return the preflight of each method on the frames of a run, that of the run's method first.

    Args:
        config: the run's settings.
    """
    studies = {}
    for method in sorted(METHODS, key=lambda method: method != config.method):
        start = _BEGINS_AS.get(method, method)
        of_start: dict[str, Any] = {"atomref": None if start == "refit" else config.atomref}
        if start == "residual":
            of_start["strength"] = config.ridge_strength
        studies[method] = PreflightStudy.of(config, method=start, **of_start)
    return studies


def run_checks(config: RunConfig) -> dict[str, RunCheckStudy]:
    """Return the checks of a run's data sets by name, the one of `config.dataset` first."""
    further = {
        name: RunCheckStudy.of(config, dataset=name, frames=None)
        for name in config.functionals.datasets
    }
    return {config.dataset: RunCheckStudy.of(config), **further}


def run_findings(config: RunConfig, diagnoses: Mapping[str, Diagnosis]) -> list[Finding]:
    """Return what checks found in the data sets of a run, and say of its settings.

    Args:
        config: the run's settings.
        diagnoses: results of `run_checks` by data set.

    Returns:
        The findings, the most severe first; those in further data sets name them.
    """
    found = []
    for name, diagnosis in diagnoses.items():
        findings = diagnosis.findings(
            # References of the user's own are judged by the preview's errors.
            method=config.method if config.atomref is None else None,
            ratios=config.loss.model_dump(include=set(LABELS)),
            huber_delta=config.loss.huber_delta,
        )
        where = "" if name == config.dataset else f"{name}: "
        found += [replace(one, message=f"{where}{one.message}") for one in findings]
    return by_severity(found)
