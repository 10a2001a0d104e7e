"""Results of a sweep: the errors of its finished runs, in all and per evaluation frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import LabError
from core.frames.registry import find_dataset, open_frame_set
from core.frames.schema import DFT, Card
from core.frames.store import FrameSet
from core.runs.groups.sweep import Sweep
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Status
from core.scaling.form_choice import asymptotic_from
from core.scaling.points import ScalingPoints
from core.training.scoring import error_rows
from core.training.scoring.error_rows import ErrorRows
from core.training.settings.metrics import METRICS, SCALES

STAGES = {
    error_rows.UNTRAINED: ("untrained", "validation"),
    error_rows.VALIDATION: ("trained", "validation"),
    error_rows.TEST: ("trained", "test"),
}
"""Stage and split of each file in which a run saves errors per frame."""

_SETTLED = 1.1
"""An untrained error at most a tenth above that at the largest size has settled."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FrameTotals:
    """Errors of the models of r runs on the same m frames; the last axis follows METRICS.

    Attributes:
        runs: ids of the runs, (r,).
        rows: rows of the data set, (m,).
        materials: material ids of the rows, (m,).
        totals: summed absolute errors in the units of the metrics, (r, m, 4).
        counts: number of values in each sum, (m, 4); zero without a label.
    """

    runs: NDArray[np.str_]
    rows: NDArray[np.integer]
    materials: NDArray[np.str_]
    totals: NDArray[np.float32]
    counts: NDArray[np.int32]


class SweepAbout(BaseModel):
    """Origin of a sweep's results.

    Attributes:
        sweep: settings of the sweep, with its machine and software versions.
        title: title that readers see; may be empty.
        data: card of the data set, as it was when the results were read.
        seconds: wall time from the first start to the last end of its runs; None while a run
            waits or trains.
        n_train: number of training frames of the data set.
        n_validation: number of validation frames.
        n_test: number of test frames.
        embedded: whether it was saved without its models.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sweep: Sweep
    title: str = ""
    data: Card
    seconds: float | None
    n_train: int
    n_validation: int
    n_test: int
    embedded: bool = False

    @property
    def is_model_labelled(self) -> bool:
        """Whether a model made the labels."""
        return self.data.labels != DFT


@dataclass(kw_only=True, frozen=True, eq=False)
class SweepResults:
    """Errors of the finished runs of a sweep.

    Attributes:
        about: origin of the results.
        points: columns run, method, n_frames, seed, stage ("untrained": with the method's AtomRef
            before the first step; "trained": the model of the best epoch), split ("validation";
            of trained models also "test") and the keys of METRICS, NaN without labels.
        frames: errors per evaluation frame, by stage and split.
        left_out: by run id, why a finished run is not among the points.
    """

    about: SweepAbout
    points: pd.DataFrame
    frames: Mapping[tuple[str, str], FrameTotals]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """Sizes with a finished run, ascending."""
        return sorted({int(size) for size in self.points["n_frames"]})

    @property
    def methods(self) -> list[str]:
        """Methods with a finished run, in the order of the sweep."""
        finished = set(self.points["method"])
        return [method for method in self.about.sweep.methods if method in finished]

    @property
    def metrics(self) -> list[str]:
        """Keys of METRICS for which the frames have labels."""
        return [metric for metric in METRICS if self.points[metric].notna().any()]

    def scaling_points(
        self, method: str, *, metric: str = "energy_mae_mev_per_atom", split: str = "validation"
    ) -> ScalingPoints:
        """Return the errors of a method's trained models, ready for a fit.

        Args:
            method: key of METHODS.
            metric: key of METRICS.
            split: "validation" or "test"; untrained models have validation errors only.

        Raises:
            LabError: if no finished run has such an error.
        """
        table = self._errors(method, metric, stage="trained", split=split)
        if table.empty:
            raise LabError(
                f"{self.about.sweep.id}: has no {METRICS[metric].label} of {method} on {split} "
                "frames yet; let its runs finish, or choose another quantity."
            )
        totals = self.frames["trained", split]
        column = list(METRICS).index(metric)
        labelled = totals.counts[:, column] > 0
        places = pd.Index(totals.runs).get_indexer(pd.Index(table["run"]))
        zero = self.zero_point(method, metric)["error"].to_numpy(dtype=float)
        return ScalingPoints(
            n_frames=table["n_frames"].to_numpy(dtype=float),
            error=table[metric].to_numpy(dtype=float),
            seed=table["seed"].to_numpy(),
            unit=METRICS[metric].unit,
            totals=totals.totals[places][:, labelled, column].astype(float),
            counts=totals.counts[labelled, column].astype(float),
            materials=pd.factorize(totals.materials[labelled])[0],
            zero=zero if split == "validation" else zero[:0],
        )

    def settled_from(self, method: str, metric: str) -> int | None:
        """Return the size from which more frames hardly improve the method's AtomRef.

        From there on the error of the untrained model is at most a tenth above that at the
        largest size. Below it the error comes from elements that no training frame contains, and a
        law would describe how these enter the training set rather than what training learns.

        Args:
            method: key of METHODS.
            metric: key of METRICS.

        Returns:
            The size; None without such errors.
        """
        means = self._errors(method, metric, stage="untrained").groupby("n_frames")[metric].mean()
        if means.empty:
            return None
        poor = means.index[means > _SETTLED * means.iloc[-1]]
        return int(min(means.index[means.index > max(poor, default=0)]))

    def fitted_from(self, method: str, metric: str) -> int:
        """Return the size from which a law is fitted by default.

        That is where the untrained model has settled, and at the earliest a sixteenth of the
        largest size.

        Args:
            method: key of METHODS.
            metric: key of METRICS.
        """
        return max(asymptotic_from(self.sizes), self.settled_from(method, metric) or 0)

    def zero_point(self, method: str, metric: str) -> pd.DataFrame:
        """Return the validation errors of the untrained model with the method's AtomRef.

        The AtomRef is the one fitted to the training frames of the largest size, the method's best.

        Args:
            method: key of METHODS.
            metric: key of METRICS.

        Returns:
            Columns seed, n_frames (to which that AtomRef was fitted) and error; one row per seed.
        """
        table = self._errors(method, metric, stage="untrained")
        last = table.drop_duplicates("seed", keep="last")
        return last[["seed", "n_frames", metric]].rename(columns={metric: "error"})

    def _errors(
        self, method: str, metric: str, *, stage: str, split: str = "validation"
    ) -> pd.DataFrame:
        """Return the rows of `points` that have such an error, by size and seed."""
        table = self.points
        chosen = (
            (table["method"] == method)
            & (table["stage"] == stage)
            & (table["split"] == split)
            & table[metric].notna()
        )
        return table[chosen].sort_values(["n_frames", "seed"])


def results_of(sweep: Sweep) -> SweepResults:
    """Read the results of the finished runs of a sweep.

    Raises:
        LabError: if the data set is gone or no longer holds frames.
    """
    data = open_frame_set(sweep.base.dataset)
    runs = sweep.existing_runs()
    finished: list[Status] = []
    errors: dict[Run, dict[str, ErrorRows]] = {}
    left_out: dict[str, str] = {}
    for run in runs:
        status = status_if_any(run)
        if status is None or status.state != "finished":
            continue
        finished.append(status)
        try:
            errors[run] = _load_errors(run, data)
        except LabError as error:
            left_out[run.id] = str(error)
    split = data.split()
    seconds = None
    if runs and len(finished) == len(runs):
        start = min(status.started or status.created for status in finished)
        seconds = max(status.ended or status.created for status in finished) - start
    about = SweepAbout(
        sweep=sweep,
        data=find_dataset(sweep.base.dataset).card,
        seconds=seconds,
        n_train=len(split.train),
        n_validation=len(split.validation),
        n_test=len(split.test),
    )
    rows = [
        _point(run, *stage, errors[run][file]) for file, stage in STAGES.items() for run in errors
    ]
    names = ["run", "method", "n_frames", "seed", "stage", "split", *METRICS]
    table = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(METRICS, float))
    ids = data.material_ids()
    frames = {
        stage: _totals({run.id: errors[run][file] for run in errors}, ids)
        for file, stage in STAGES.items()
        if errors
    }
    return SweepResults(about=about, points=table, frames=frames, left_out=left_out)


def _load_errors(run: Run, data: FrameSet) -> dict[str, ErrorRows]:
    """Return the errors per frame that a finished run saved, by file.

    Raises:
        LabError: if a file is missing or damaged, or the errors are of other data.
    """
    errors = {file: ErrorRows.load(run.checkpoints / file) for file in STAGES}
    if any(rows.fingerprint != data.fingerprint for rows in errors.values()):
        raise LabError(
            f"{run.id}: was trained on other data under the name {data.card.name}; delete the run "
            "and train it again."
        )
    return errors


def _point(run: Run, stage: str, split: str, rows: ErrorRows) -> dict[str, Any]:
    config = run.config
    keys = {"run": run.id, "method": config.method, "n_frames": config.frames, "seed": config.seed}
    # The metrics have a number of frames too: of those evaluated.
    return {**rows.metrics(), **keys, "stage": stage, "split": split}


def _totals(errors: Mapping[str, ErrorRows], ids: NDArray[np.str_]) -> FrameTotals:
    """Return the errors of runs, by run id, on the same frames as one array."""
    n = len(METRICS)
    rows = next(iter(errors.values())).rows
    scales = [1.0, *SCALES.values(), *[1.0] * n]
    values = np.stack(
        [(run_errors.sums * scales).astype(np.float32) for run_errors in errors.values()]
    )
    return FrameTotals(
        runs=np.array(list(errors)),
        rows=rows,
        materials=ids[rows].astype(str),
        totals=values[..., 1 : 1 + n],
        counts=values[0, :, 1 + n :].astype(np.int32),
    )
