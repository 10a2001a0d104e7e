"""What a sweep found: the errors of its runs by size, and frame by frame.

A sweep of this lab is read from its run directories, as far as they are. A finished one can be kept
without its models as a folder of three files, as the embedded one is:

card.json    what was asked for, on which data, when, on what machine, with which versions
points.csv   one row a run, stage and split
frames.npz   errors of single frames
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import LabError
from core.files import disk_errors
from core.frames.registry import find_dataset, open_dataset
from core.frames.schema import DFT, Card
from core.frames.store import FrameSet
from core.home import CHECKOUT
from core.runs.groups.sweep import Sweep
from core.runs.record.directory import Run
from core.runs.record.listing import status_if_any
from core.runs.record.status import Status
from core.scaling.points import ScalingPoints
from core.training.scoring import error_rows
from core.training.scoring.error_rows import ErrorRows
from core.training.settings.metrics import METRICS, SCALES

STAGES = {
    error_rows.UNTRAINED: ("untrained", "validation"),
    error_rows.VALIDATION: ("trained", "validation"),
    error_rows.TEST: ("trained", "test"),
}
"""Stage and split of each file that a run keeps errors of frames in."""

_SETTLED = 1.25

_EMBEDDED = CHECKOUT / "data" / "sweeps"


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class FrameTotals:
    """Errors of r runs' models on the same m frames; the last axis is that of METRICS.

    Attributes:
        runs: ids of the runs, (r,).
        rows: rows of the data set, (m,).
        materials: ids of their materials, (m,).
        totals: summed absolute errors in the metrics' units, (r, m, 4).
        counts: how many values each sums up, (m, 4); zero where there is no label.
    """

    runs: NDArray[np.str_]
    rows: NDArray[np.integer]
    materials: NDArray[np.str_]
    totals: NDArray[np.float32]
    counts: NDArray[np.int32]


class SweepAbout(BaseModel):
    """What a sweep is.

    Attributes:
        sweep: what was asked for, on what machine and with which versions.
        title: what readers are told it is; may be empty.
        data: card of the data set, as it was when the results were read.
        seconds: wall time from the first start to the last end of its runs; None while one waits
            or trains.
        n_train: training frames that there are.
        n_validation: validation frames.
        n_test: test frames.
        embedded: whether it came with the lab.
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
    """What a sweep found so far.

    Attributes:
        about: what it is.
        points: columns run, method, n_frames, seed, stage ("untrained": with the method's AtomRef
            before the first step; "trained": the best epoch's model), split ("validation"; of
            trained models also "test") and the keys of METRICS, NaN without labels.
        frames: errors of single frames by stage and split.
        left_out: finished runs that are not among the points, and why, by their ids.
    """

    about: SweepAbout
    points: pd.DataFrame
    frames: Mapping[tuple[str, str], FrameTotals]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """Sizes that a run has finished of, from small to large."""
        return sorted({int(size) for size in self.points["n_frames"]})

    @property
    def methods(self) -> list[str]:
        """Methods that a run has finished of, in the order of the sweep."""
        done = set(self.points["method"])
        return [method for method in self.about.sweep.methods if method in done]

    def scaling_points(
        self,
        method: str,
        *,
        metric: str = "energy_mae_mev_per_atom",
        split: str = "validation",
        stage: str = "trained",
    ) -> ScalingPoints:
        """Return a method's errors by size, ready for a fit; zero points are validation errors.

        Args:
            method: key in METHODS.
            metric: key of METRICS.
            split: "validation" or "test".
            stage: "trained" or "untrained".

        Raises:
            LabError: no finished run has such an error.
        """
        table = self.points
        chosen = table[
            (table["method"] == method)
            & (table["split"] == split)
            & (table["stage"] == stage)
            & table[metric].notna()
        ].sort_values(["n_frames", "seed"])
        if chosen.empty:
            raise LabError(
                f"{self.about.sweep.id}: has no {METRICS[metric].label} of {method} on {split} "
                "frames yet; let its runs finish, or choose another quantity."
            )
        single = self.frames[stage, split]
        column = list(METRICS).index(metric)
        known = single.counts[:, column] > 0
        places = {run: place for place, run in enumerate(single.runs.tolist())}
        own = [places[run] for run in chosen["run"]]
        return ScalingPoints(
            n_frames=chosen["n_frames"].to_numpy(dtype=float),
            error=chosen[metric].to_numpy(dtype=float),
            seed=chosen["seed"].to_numpy(),
            unit=METRICS[metric].unit,
            totals=single.totals[own][:, known, column].astype(float),
            counts=single.counts[known, column].astype(float),
            materials=pd.factorize(single.materials[known])[0],
            zero=self.zero_point(method, metric)["error"].to_numpy(dtype=float)
            if split == "validation"
            else np.empty(0),
        )

    def settled_from(self, method: str, metric: str) -> int | None:
        """Return the size from which more frames no longer better the method's AtomRef by much.

        From there on the untrained model's error is at most a quarter above that at the largest
        size. Below it, elements that no training frame holds make the error, and a law would
        describe how these come in rather than what training learns.

        Args:
            method: key in METHODS.
            metric: key of METRICS.

        Returns:
            The size; None without such errors.
        """
        table = self.points
        own = table[(table["method"] == method) & (table["stage"] == "untrained")]
        means = own.groupby("n_frames")[metric].mean().dropna()
        if means.empty:
            return None
        poor = means.index[means > _SETTLED * means.iloc[-1]]
        return int(min(means.index[means.index > max(poor, default=0)]))

    def zero_point(self, method: str, metric: str) -> pd.DataFrame:
        """Return the errors of the untrained model with the method's AtomRef, on validation frames.

        The AtomRef is the one that was fitted to the largest size's training frames: the method's
        best.

        Args:
            method: key in METHODS.
            metric: key of METRICS.

        Returns:
            Columns seed, n_frames (that AtomRef was fitted to) and error; one row a seed.
        """
        table = self.points
        own = table[(table["method"] == method) & (table["stage"] == "untrained")]
        own = own[own[metric].notna()].sort_values("n_frames").drop_duplicates("seed", keep="last")
        return own[["seed", "n_frames", metric]].rename(columns={metric: "error"})


def results_of(sweep: Sweep) -> SweepResults:
    """Read what the finished runs of a sweep found.

    Raises:
        LabError: the data set is gone or no longer holds frames.
    """
    data = open_dataset(sweep.base.dataset)
    if not isinstance(data, FrameSet):
        raise LabError(f"{sweep.base.dataset}: holds pairs now; import the frames again.")
    runs = sweep.existing_runs()
    statuses: list[Status] = []
    kept: dict[str, list[tuple[Run, ErrorRows]]] = {file: [] for file in STAGES}
    left_out: dict[str, str] = {}
    for run in runs:
        status = status_if_any(run)
        if status is None or status.state != "finished":
            continue
        statuses.append(status)
        try:
            errors = _errors(run, data)
        except LabError as error:
            left_out[run.id] = str(error)
            continue
        for file, rows in errors.items():
            kept[file].append((run, rows))
    split = data.split()
    about = SweepAbout(
        sweep=sweep,
        data=find_dataset(sweep.base.dataset).card,
        seconds=_wall_time(statuses, of=len(runs)),
        n_train=len(split.train),
        n_validation=len(split.validation),
        n_test=len(split.test),
    )
    ids = data.material_ids()
    names = ["run", "method", "n_frames", "seed", "stage", "split", *METRICS]
    points = [
        _point(run, *stage, rows) for file, stage in STAGES.items() for run, rows in kept[file]
    ]
    table = pd.DataFrame(points, columns=names).astype(dict.fromkeys(METRICS, float))
    frames = {stage: _totals(kept[file], ids) for file, stage in STAGES.items() if kept[file]}
    return SweepResults(about=about, points=table, frames=frames, left_out=left_out)


def _errors(run: Run, data: FrameSet) -> dict[str, ErrorRows]:
    """Read the errors of single frames that a finished run kept, by file.

    Raises:
        LabError: one is missing or damaged, or they are of other data.
    """
    found = {file: ErrorRows.load(run.checkpoints / file) for file in STAGES}
    if any(one.fingerprint != data.fingerprint for one in found.values()):
        raise LabError(
            f"{run.id}: was trained on other data under the name {data.card.name}; delete the run "
            "and train it again."
        )
    return found


def _wall_time(ended: Sequence[Status], *, of: int) -> float | None:
    """Return the seconds from the first start to the last end, once all have ended."""
    if not ended or len(ended) < of:
        return None
    first = min(status.started or status.created for status in ended)
    return max(status.ended or status.created for status in ended) - first


def _point(run: Run, stage: str, split: str, errors: ErrorRows) -> dict[str, Any]:
    config, found = run.config, errors.metrics()
    told = {"run": run.id, "method": config.method, "n_frames": config.frames, "seed": config.seed}
    errs = {key: found[key] for key in METRICS}  # type: ignore[literal-required]
    return {**told, "stage": stage, "split": split, **errs}


def _totals(kept: Sequence[tuple[Run, ErrorRows]], ids: NDArray[np.str_]) -> FrameTotals:
    """Put the errors of all runs on the same frames into one array."""
    n = len(METRICS)
    rows = kept[0][1].rows
    scales = [1.0, *SCALES.values(), *[1.0] * n]
    values = np.stack([(errors.sums * scales).astype(np.float32) for _, errors in kept])
    return FrameTotals(
        runs=np.array([run.id for run, _ in kept]),
        rows=rows,
        materials=ids[rows].astype(str),
        totals=values[..., 1 : 1 + n],
        counts=values[0, :, 1 + n :].astype(np.int32),
    )


def list_results() -> list[tuple[str, str, bool]]:
    """Return the name and the title of all sweeps, and whether each is embedded.

    Embedded ones come first, then the lab's own, newest first.
    """
    found = [
        (path.name, _about(path).title or path.name, True)
        for path in sorted(_EMBEDDED.glob("*"))
        if (path / "card.json").is_file()
    ]
    return found + [(one.id, one.name or one.id, False) for one in Sweep.load_all()]


def open_results(name: str) -> SweepResults:
    """Return what a sweep found.

    Args:
        name: of an embedded sweep, or the id of one of the lab's own.

    Raises:
        LabError: there is none, or it cannot be read.
    """
    folder = _EMBEDDED / name
    if name and folder.parent == _EMBEDDED and (folder / "card.json").is_file():
        return load_results(folder)
    known = [one for one, _, _ in list_results()]
    if name not in known:
        raise LabError(f"{name}: no such sweep; there are: {', '.join(known) or 'none yet'}.")
    return results_of(Sweep.load(name))


def save_results(results: SweepResults, folder: Path, *, title: str = "") -> None:
    """Write results as a folder of three files, which appears whole or not at all.

    Args:
        results: of a finished sweep.
        folder: where; must not exist.
        title: what readers are told it is.

    Raises:
        LabError: the sweep has not finished, the folder exists, or cannot be written.
    """
    if results.about.seconds is None:
        raise LabError(f"{results.about.sweep.id}: has not finished; resume it, or wait for it.")
    if folder.exists():
        raise LabError(f"{folder}: exists already; name a new folder.")
    about = results.about.model_copy(update={"title": title, "embedded": True})
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            (draft / "card.json").write_text(about.model_dump_json(indent=2) + "\n")
            results.points.to_csv(draft / "points.csv", index=False)
            arrays = {
                f"{stage} {split} {field.name}": getattr(one, field.name)
                for (stage, split), one in results.frames.items()
                for field in fields(FrameTotals)
            }
            np.savez_compressed(draft / "frames.npz", **arrays)
            draft.chmod(0o755)
            draft.replace(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


def load_results(folder: Path) -> SweepResults:
    """Read what `save_results` wrote.

    Raises:
        LabError: a file is missing or holds something else.
    """
    try:
        with np.load(folder / "frames.npz", allow_pickle=False) as kept:
            frames = {
                (stage, split): FrameTotals(
                    **{one.name: kept[f"{stage} {split} {one.name}"] for one in fields(FrameTotals)}
                )
                for stage, split in STAGES.values()
            }
        points = pd.read_csv(folder / "points.csv")
    except error_rows.UNREADABLE as error:
        raise LabError(f"{folder}: cannot be read as a sweep's results ({error}).") from error
    return SweepResults(about=_about(folder), points=points, frames=frames)


def _about(folder: Path) -> SweepAbout:
    path = folder / "card.json"
    try:
        return SweepAbout.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise LabError(f"{path}: cannot be read as a sweep's card ({error}).") from error
