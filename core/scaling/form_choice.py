"""Form of a scaling law: the one that predicts the larger sizes better."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.errors import LabError
from core.scaling.law import FORMS, Form, Law, fit_law
from core.scaling.points import ScalingPoints

FormOption = Literal["power", "offset", "auto"]
"""A form of a law, or "auto" for the one that held-out sizes choose."""

_CLEARLY = 0.9
"""A floor must lower the error at held-out sizes to this part of the power law's. On generated
power laws of six sizes it is then chosen in 18 % of sweeps, of eight in 9 %, instead of 38 % and
43 %."""

_ROUNDING = 1e-9
"""Errors up to here are rounding: points that lie on a power law need no floor."""

_ASYMPTOTIC = 16
"""Factor of sizes below the largest over which a law is fitted by default. Where few frames leave
elements out, errors fall for another reason than later; and a law fitted to sizes up to a quarter
of the largest still has a factor of four to be fitted on."""


def asymptotic_from(sizes: Sequence[float]) -> int:
    """Return the smallest size to which a law is fitted by default; 0 without sizes.

    The paper fits above 1,000 of 190,000 frames.

    Args:
        sizes: numbers of training frames, (k,).
    """
    return int(np.ceil(max(sizes, default=0) / _ASYMPTOTIC))


@dataclass(kw_only=True, frozen=True)
class FormChoice:
    """A form and the errors that chose it.

    Attributes:
        form: "offset" if it predicted the larger sizes clearly better than "power".
        errors: by form, root mean square of predicted less actual log errors at the held-out sizes.
        held_out: sizes left out of the fits.
        refused: by form, why it was not tried.
    """

    form: Form
    errors: dict[Form, float]
    held_out: tuple[float, ...]
    refused: dict[Form, str]

    @property
    def better(self) -> Form | None:
        """The form that predicted the larger sizes better; None where not both were tried."""
        return None if self.refused else self.form


def choose_form(points: ScalingPoints, *, min_frames: int = 0) -> FormChoice:
    """Fit each form to the smaller sizes and judge it on the larger ones.

    The largest third of the sizes is held out, or fewer where a form would be refused on the rest.

    Args:
        points: points of one method.
        min_frames: leave smaller sizes out.

    Raises:
        LabError: if a power law cannot be fitted even to all points.
    """
    # Raises where no form can be fitted.
    fit_law(points, form="power", min_frames=min_frames, replicates=1)
    sizes = points.between(min_frames).sizes
    for n_held in range(max(1, len(sizes) // 3), 0, -1):
        held_out = sizes[-n_held:]
        laws, refused = _fits(points.between(0, sizes[-n_held - 1]), min_frames)
        if not refused:
            break
    judged = points.between(held_out[0])
    errors = {form: _rms_error(law, judged) for form, law in laws.items()}
    best: Form = "power"
    if "offset" in errors and errors["offset"] < _CLEARLY * errors["power"] - _ROUNDING:
        best = "offset"
    return FormChoice(form=best, errors=errors, held_out=tuple(held_out.tolist()), refused=refused)


def law_of(points: ScalingPoints, form: FormOption, *, min_frames: int) -> Law:
    """Fit a law of a form, or of the form that held-out sizes choose.

    Args:
        points: points of one method.
        form: form of the law.
        min_frames: leave smaller sizes out.

    Raises:
        LabError: as `fit_law`.
    """
    chosen = choose_form(points, min_frames=min_frames).form if form == "auto" else form
    return fit_law(points, form=chosen, min_frames=min_frames)


def _fits(points: ScalingPoints, min_frames: int) -> tuple[dict[Form, Law], dict[Form, str]]:
    """Return the laws by form, and why other forms are refused."""
    laws: dict[Form, Law] = {}
    refused: dict[Form, str] = {}
    for form in FORMS:
        try:
            laws[form] = fit_law(points, form=form, min_frames=min_frames, replicates=1)
        except LabError as error:
            refused[form] = f"Without the held-out sizes: {error}"
    return laws, refused


def _rms_error(law: Law, points: ScalingPoints) -> float:
    """Return the root mean square over sizes of the law's log error less the mean over seeds."""
    place = np.searchsorted(points.sizes, points.n_frames)
    means = np.bincount(place, np.log(points.error)) / np.bincount(place)
    return float(np.sqrt(np.mean((means - np.log(law.predict(points.sizes))) ** 2)))
