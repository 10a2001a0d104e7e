"""The scaling laws of a sweep's methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import LabError
from core.scaling.form_choice import AskedForm, asymptotic_from, law_of
from core.scaling.law import Law
from core.scaling.points import ScalingPoints
from core.scaling.sweep_results import SweepResults, list_results, load_results, open_results


@dataclass(kw_only=True, frozen=True, eq=False)
class SweepLaws:
    """Laws by method.

    Attributes:
        min_frames: smaller sizes were left out.
        points: what each law was fitted to, among others.
        laws: the laws.
        refused: why a method has none.
    """

    min_frames: int
    points: dict[str, ScalingPoints]
    laws: dict[str, Law]
    refused: dict[str, str]


def open_sweep(name: str | None) -> tuple[str, SweepResults]:
    """Return a sweep's name and what it found.

    Args:
        name: of an embedded sweep, the id of one of the lab's own, or a folder that `sweep export`
            wrote; None for the first there is.

    Raises:
        LabError: there is none, it cannot be read, or none of its runs has finished.
    """
    if name is None:
        name = next((one for one, _, _ in list_results()), None)
    if name is None:
        raise LabError("There is no sweep yet; `atomref sweep run` makes one.")
    folder = Path(name)
    results = load_results(folder) if folder.is_dir() else open_results(name)
    if not results.methods:
        raise LabError(f"{name}: no run of it has finished yet; wait, or resume it.")
    return name, results


def fit_laws(
    results: SweepResults,
    *,
    metric: str,
    split: str = "validation",
    form: AskedForm = "power",
    min_frames: int | None = None,
    methods: Sequence[str] | None = None,
) -> SweepLaws:
    """Fit a law to each method of a sweep.

    Args:
        results: what the sweep found.
        metric: key of METRICS.
        split: "validation" or "test".
        form: of the laws.
        min_frames: leave smaller sizes out; None for those below a sixteenth of the largest.
        methods: keys of METHODS; None for all that there are.
    """
    if min_frames is None:
        min_frames = asymptotic_from(np.array(results.sizes))
    found = SweepLaws(min_frames=min_frames, points={}, laws={}, refused={})
    for method in results.methods if methods is None else methods:
        try:
            found.points[method] = results.scaling_points(method, metric=metric, split=split)
            found.laws[method] = law_of(found.points[method], form, min_frames=min_frames)
        except LabError as error:
            found.refused[method] = str(error)
    return found
