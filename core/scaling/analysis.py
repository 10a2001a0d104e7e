"""Scaling analysis: the points of a sweep or a table, their laws, and the tests of these laws.

The Scaling page and the commands `scaling` and `plan` ask the same object.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from core.boxed import reading
from core.errors import LabError
from core.scaling.extrapolation import FACTOR, extrapolation
from core.scaling.form_choice import FormChoice, FormOption, choose_form, law_of
from core.scaling.law import Law
from core.scaling.points import ScalingPoints, read_points
from core.scaling.savings import PAIRS, crossing, frames_saved, is_determined
from core.training.settings.metrics import METRICS

if TYPE_CHECKING:
    # A table of points does not wait for what reads runs.
    from core.scaling.sweep_results import SweepResults

TABLE = "points"
"""Stands for the method of a table of points, which names none."""

Pair = tuple[str, str]

_GRID = 81
_ERRORS = 61
_DOUBLINGS = 5

_STARTS = {
    True: "The law includes such sizes, so it describes how elements enter the training set as "
    "well: leave them out to see what training adds.",
    False: "The law leaves such sizes out.",
}


class ExtrapolationSummary(NamedTuple):
    """How well laws predict sizes at least FACTOR times those they were fitted to.

    Attributes:
        median: median of the absolute relative errors.
        largest: largest absolute relative error.
        n_held: predictions whose 95 % band contains the actual error.
        n: predictions.
    """

    median: float
    largest: float
    n_held: int
    n: int


@dataclass(kw_only=True, frozen=True, eq=False)
class ScalingAnalysis:
    """Points by method and the laws fitted to them.

    Attributes:
        name: name of the sweep, or of the file with the table.
        table: file of the points; None for a sweep.
        results: results of the sweep; None for a table.
        metric: key of METRICS; empty for a table.
        split: "validation" or "test"; empty for a table.
        unit: unit of the errors.
        form: form of the laws as asked for.
        min_frames: smaller training sets were left out of the fits; None where each method begins
            at its own size, `fitted_from`.
        fitted_from: by method, the size from which its law is fitted.
        points: errors by method; TABLE is the only method of a table.
        laws: laws of the methods that could be fitted.
        refused: by method, why it has no law.
    """

    name: str
    table: Path | None = None
    results: "SweepResults | None" = None
    metric: str = ""
    split: str = ""
    unit: str
    form: FormOption
    min_frames: int | None
    fitted_from: Mapping[str, int]
    points: Mapping[str, ScalingPoints]
    laws: Mapping[str, Law]
    refused: Mapping[str, str]

    @property
    def title(self) -> str:
        """Name of the error, without its unit."""
        if not self.metric:
            return "Error"
        label = METRICS[self.metric].label
        return f"{self.split.capitalize()} {label[0].lower()}{label[1:]}"

    @property
    def arguments(self) -> list[str]:
        """Arguments of the commands `scaling` and `plan` for the same laws."""
        words = [self.name] if self.table is None else ["--points", str(self.table)]
        if self.table is not None and self.unit:
            words += ["--unit", self.unit]
        if self.metric and self.metric != next(iter(METRICS)):
            words += ["--metric", self.metric.partition("_")[0]]
        if self.split == "test":
            words += ["--split", "test"]
        if self.form != "power":
            words += ["--form", self.form]
        if self.min_frames is not None:
            words += ["--min-frames", str(self.min_frames)]
        return words

    @property
    def command(self) -> str:
        """The command that fits the same laws."""
        return shlex.join(["atomref", "scaling", *self.arguments])

    def zero(self, method: str) -> pd.DataFrame:
        """Return the errors of a method's untrained models: columns seed and error."""
        errors = self.points[method].zero
        if self.results is None or not len(errors):
            return pd.DataFrame({"seed": np.arange(len(errors)), "error": errors})
        return self.results.zero_point(method, self.metric)[["seed", "error"]]

    @property
    def untrained(self) -> dict[str, float]:
        """By method, the mean error of its untrained models, where it is known."""
        return {
            method: float(points.zero.mean())
            for method, points in self.points.items()
            if len(points.zero)
        }

    def trained(self, method: str) -> pd.DataFrame:
        """Return the errors of a method's trained models: columns n_frames, seed and error."""
        points = self.points[method]
        return pd.DataFrame(
            {"n_frames": points.n_frames, "seed": points.seed, "error": points.error}
        )

    def points_table(self) -> pd.DataFrame:
        """Return all points, those of untrained models with n_frames 0, with error and unit."""
        tables = [self.trained(method).assign(method=method) for method in self.points]
        tables += [self.zero(method).assign(method=method, n_frames=0) for method in self.points]
        table = pd.concat([table for table in tables if len(table)])
        columns = ["method", "n_frames", "seed", "error"]
        return table[columns].assign(what=self.title, unit=self.unit)

    def curve(self, method: str) -> pd.DataFrame:
        """Return a method's law from its smallest size fitted to FACTOR times the largest.

        Returns:
            Columns n_frames, error, and low and high of the 95 % band; empty without a law.
        """
        if method not in self.laws:
            return pd.DataFrame(columns=["n_frames", "error", "low", "high"], dtype=float)
        law = self.laws[method]
        grid = np.geomspace(law.smallest, FACTOR * law.largest, _GRID)
        n_frames = np.unique([*grid, law.smallest, law.largest])
        low, high = law.band(n_frames)
        return pd.DataFrame(
            {"n_frames": n_frames, "error": law.predict(n_frames), "low": low, "high": high}
        )

    @cached_property
    def forms(self) -> dict[str, FormChoice]:
        """By method, which form predicts its larger sizes better."""
        choices = {}
        for method, points in self.points.items():
            try:
                choices[method] = choose_form(points, min_frames=self.fitted_from[method])
            except LabError:
                continue  # `refused` says why nothing fits
        return choices

    @cached_property
    def extrapolations(self) -> dict[str, pd.DataFrame]:
        """By method, how well its larger sizes are predicted from sizes up to a quarter."""
        return {
            method: extrapolation(
                self.points[method], form=law.form, min_frames=self.fitted_from[method]
            )
            for method, law in self.laws.items()
        }

    def extrapolation_table(self) -> pd.DataFrame:
        """Return `extrapolations` as one table, with a column method."""
        tables = self.extrapolations.items()
        return pd.concat(
            [table.assign(method=method) for method, table in tables], ignore_index=True
        )

    @cached_property
    def extrapolation_summary(self) -> ExtrapolationSummary | None:
        """All `extrapolations` in four numbers; None where no size can be predicted."""
        table = self.extrapolation_table()
        if table.empty:
            return None
        errors = table["relative_error"].abs()
        inside = table["seen"].between(table["low"], table["high"])
        return ExtrapolationSummary(errors.median(), errors.max(), int(inside.sum()), len(table))

    @cached_property
    def settled_from(self) -> dict[str, int]:
        """By method, the size from which the untrained model has settled, where that is known."""
        if self.results is None:
            return {}
        sizes = {method: self.results.settled_from(method, self.metric) for method in self.points}
        return {method: size for method, size in sizes.items() if size is not None}

    @property
    def start_notes(self) -> list[str]:
        """Sentences on sizes at which more frames improve the AtomRef alone, fitted or not."""
        by_case: dict[tuple[int, bool], list[str]] = {}
        for method, size in self.settled_from.items():
            start = self.laws[method].smallest if method in self.laws else size
            if self.points[method].sizes.min() < size and start <= size:
                by_case.setdefault((size, start < size), []).append(method)
        return [
            f"{', '.join(methods)}: with fewer than {size:,} frames the untrained model improves "
            "too, through its AtomRef alone, because smaller training sets lack some elements: its "
            "error is more than a tenth above that with the largest training set. "
            + _STARTS[is_lower]
            for (size, is_lower), methods in by_case.items()
        ]

    @property
    def pairs(self) -> list[Pair]:
        """Pairs of methods to compare, the one that should need fewer frames first."""
        return [pair for pair in PAIRS if set(pair) <= set(self.laws)]

    def saved(self, pair: Pair, errors: Sequence[float] | np.ndarray) -> pd.DataFrame:
        """Return `core.scaling.savings.frames_saved` of a pair at some errors."""
        better, worse = pair
        return frames_saved(self.laws[better], self.laws[worse], np.asarray(errors, dtype=float))

    def saved_at_doublings(self, pair: Pair) -> pd.DataFrame:
        """Return the same at the errors that the second method reaches as its frames double."""
        law = self.laws[pair[1]]
        sizes = law.largest / 2.0 ** np.arange(_DOUBLINGS)[::-1]
        return self.saved(pair, law.predict(sizes[sizes >= law.smallest]))

    @cached_property
    def error_range(self) -> tuple[float, float]:
        """Smallest and largest error at the fitted sizes of the methods of `pairs`."""
        compared = {method for pair in self.pairs for method in pair}
        errors = np.concatenate(
            [self.points[method].between(self.laws[method].smallest).error for method in compared]
        )
        return float(errors.min()), float(errors.max())

    @cached_property
    def savings(self) -> dict[Pair, pd.DataFrame]:
        """By pair, the frames saved over the whole range of errors."""
        errors = np.geomspace(*self.error_range, _ERRORS)
        return {pair: self.saved(pair, errors) for pair in self.pairs}

    def savings_table(self) -> pd.DataFrame:
        """Return `savings` as one table, with columns better and worse for the pair."""
        return pd.concat(
            table.dropna(subset="ratio").assign(better=better, worse=worse)
            for (better, worse), table in self.savings.items()
        )

    @cached_property
    def typical_error(self) -> float:
        """An error at which most savings are determined, best without extrapolation."""
        everything = pd.concat(self.savings.values())
        known = everything[is_determined(everything)]
        for errors in (known.loc[known["inside"], "error"], known["error"]):
            if len(errors):
                return float(errors.median())
        return float(np.sqrt(np.prod(self.error_range)))

    @cached_property
    def crossings(self) -> dict[Pair, pd.DataFrame]:
        """By pair, the sizes at which the two laws cross, where both hold."""
        return {pair: crossing(self.laws[pair[0]], self.laws[pair[1]]) for pair in self.pairs}


def analyse_sweep(
    name: str,
    results: "SweepResults",
    *,
    metric: str,
    split: str = "validation",
    form: FormOption = "power",
    min_frames: int | None = None,
    methods: Sequence[str] | None = None,
) -> ScalingAnalysis:
    """Fit a law to each method of a sweep.

    Args:
        name: name under which the sweep was opened.
        results: results of the sweep.
        metric: key of METRICS.
        split: "validation" or "test".
        form: form of the laws.
        min_frames: leave smaller sizes out; None for those at which the untrained model has not
            settled, and those below a sixteenth of the largest.
        methods: keys of METHODS; None for all methods of the sweep.
    """
    points: dict[str, ScalingPoints] = {}
    missing: dict[str, str] = {}
    for method in results.methods if methods is None else methods:
        try:
            points[method] = results.scaling_points(method, metric=metric, split=split)
        except LabError as error:
            missing[method] = str(error)
    fitted_from = {
        method: results.fitted_from(method, metric) if min_frames is None else min_frames
        for method in points
    }
    return _fit(
        points, form, fitted_from, missing, min_frames=min_frames,
        name=name, results=results, metric=metric, split=split, unit=METRICS[metric].unit,
    )  # fmt: skip


def analyse_table(
    path: Path, *, unit: str = "", form: FormOption = "power", min_frames: int | None = None
) -> ScalingAnalysis:
    """Fit a law to a table of points.

    Args:
        path: CSV or Parquet file, as `core.scaling.points.read_points` reads it.
        unit: unit of the errors, for display.
        form: form of the law.
        min_frames: leave smaller sizes out; None for none.

    Raises:
        LabError: if the table cannot be read.
    """
    with reading(path):
        points = {TABLE: read_points(path, unit=unit)}
    return _fit(
        points, form, {TABLE: min_frames or 0}, {}, min_frames=min_frames or None,
        name=path.name, table=path.absolute(), unit=unit,
    )  # fmt: skip


def _fit(
    points: Mapping[str, ScalingPoints],
    form: FormOption,
    fitted_from: Mapping[str, int],
    missing: Mapping[str, str],
    **origin: Any,
) -> ScalingAnalysis:
    """Fit a law to each method; `missing` says why other methods have no points."""
    laws: dict[str, Law] = {}
    refused = dict(missing)
    for method, method_points in points.items():
        try:
            laws[method] = law_of(method_points, form, min_frames=fitted_from[method])
        except LabError as error:
            refused[method] = str(error)
    return ScalingAnalysis(
        form=form, fitted_from=fitted_from, points=points, laws=laws, refused=refused, **origin
    )
