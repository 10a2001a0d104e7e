"""Scaling laws E = a·N^−b + c: fits, their intervals, and requirements on the points."""

import zlib
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from core.errors import LabError
from core.scaling.least_squares import curve, fit_offset, fit_power, frames_at
from core.scaling.noise import frame_noise, size_noise
from core.scaling.points import ScalingPoints

Form = Literal["power", "offset"]
FORMS: tuple[Form, ...] = get_args(Form)
LEVEL = 0.95
"""Nominal coverage of the intervals."""

LEAST_SIZES: dict[Form, int] = {"power": 3, "offset": 5}
LEAST_RANGE: dict[Form, float] = {"power": 4, "offset": 10}
_NAMES: dict[Form, str] = {"power": "A power law", "offset": "A power law with a floor"}
_PARAMETERS: dict[Form, int] = {"power": 2, "offset": 3}
_FIT = {"power": fit_power, "offset": fit_offset}


@dataclass(kw_only=True, frozen=True, eq=False)
class Law:
    """A fitted scaling law E = a·N^−b + c.

    Attributes:
        form: "power" (c = 0) or "offset".
        amplitude: a, in `unit`.
        exponent: b; above 0 where the error falls.
        floor: c, the irreducible error in `unit`.
        r2: share of the variance of the log errors of all points that the curve explains.
        n: number of points fitted.
        n_sizes: number of sizes fitted.
        min_frames: smaller sizes were left out.
        smallest: smallest size fitted.
        largest: largest size fitted.
        unit: unit of the errors.
        replicates: bootstrap replicates of log a, b and c, (B, 3); the intervals are their
            quantiles.
    """

    form: Form
    amplitude: float
    exponent: float
    floor: float
    r2: float
    n: int
    n_sizes: int
    min_frames: int
    smallest: float
    largest: float
    unit: str
    replicates: np.ndarray

    @property
    def falls(self) -> bool:
        """Whether the error falls with more frames."""
        return self.exponent > 0

    @property
    def doubling(self) -> float:
        """Relative change of the error of a power law when the number of frames doubles."""
        return float(2**-self.exponent - 1)

    @property
    def smallest_error(self) -> float:
        """Error at the smallest size fitted, in `unit`."""
        return float(self.predict(np.array([self.smallest]))[0])

    def predict(self, n_frames: np.ndarray) -> np.ndarray:
        """Return the errors at numbers of frames (m,): (m,) in `unit`."""
        best = np.array([[np.log(self.amplitude), self.exponent, self.floor]])
        return np.asarray(curve(best, np.asarray(n_frames, float))[0])

    def band(self, n_frames: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and upper end of the curve's interval at numbers of frames (m,)."""
        low, high = ends(curve(self.replicates, np.asarray(n_frames, float)), level)
        return low, high

    def exponent_interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of b."""
        low, high = ends(self.replicates[:, 1], level)
        return float(low), float(high)

    def floor_interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of c, in `unit`; both ends 0 for a power law."""
        low, high = ends(self.replicates[:, 2], level)
        return float(low), float(high)

    def frames_for(self, error: float) -> float:
        """Return the number of frames that reach an error; infinity where none does."""
        best = np.array([[np.log(self.amplitude), self.exponent, self.floor]])
        return float(frames_at(best, error)[0])

    def frames_for_replicates(self, error: float) -> np.ndarray:
        """Return `frames_for` of each replicate (B,)."""
        return frames_at(self.replicates, error)

    def frames_interval(self, error: float, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of the number of frames that reach an error."""
        low, high = ends(self.frames_for_replicates(error), level)
        return float(low), float(high)

    def probability(self, n_frames: float, target: float) -> float:
        """Return the probability that the error with this many frames is at most a target."""
        return float((self.replicate_errors(n_frames) <= target).mean())

    def replicate_errors(self, n_frames: float) -> np.ndarray:
        """Return the error of each replicate (B,) with this many frames, in `unit`."""
        return np.asarray(curve(self.replicates, np.array([float(n_frames)]))[:, 0])


def fit_law(
    points: ScalingPoints,
    *,
    form: Form = "power",
    min_frames: int = 0,
    replicates: int = 1000,
    seed: int = 0,
) -> Law:
    """Fit a scaling law by least squares of the log errors of all points.

    Args:
        points: points of one method.
        form: "power" for a·N^−b, "offset" for a·N^−b + c with 0 ≤ c < the smallest error.
        min_frames: leave smaller sizes out.
        replicates: number of bootstrap replicates for the intervals.
        seed: seed of the replicates.

    Raises:
        LabError: if there are too few sizes, their range is too narrow, or an error is not above 0.
    """
    used = points.between(min_frames)
    sizes = _sizes(used, form=form, min_frames=min_frames)
    place = np.searchsorted(sizes, used.n_frames)
    weights = np.bincount(place).astype(float)
    log_frames, log_error = np.log(sizes), np.log(used.error)
    means = np.bincount(place, log_error) / weights
    best = _FIT[form](log_frames, means[None], weights)
    fitted = np.log(curve(best, sizes))[0]
    noise = size_noise(
        log_error,
        place=place,
        seed=used.seed,
        log_frames=log_frames,
        fitted=fitted,
        n_parameters=_PARAMETERS[form],
        replicates=replicates,
        rng=np.random.default_rng([seed, _checksum(log_error)]),
    )
    if used.totals is not None and used.counts is not None:
        noise += frame_noise(
            used.totals,
            used.counts,
            used.materials,
            place=place,
            replicates=replicates,
            rng=np.random.default_rng(seed),
        )
    drawn = fitted + noise
    curves = (
        fit_power(log_frames, drawn, weights)
        if form == "power"
        else fit_offset(log_frames, drawn, weights, start=best[0])
    )
    scatter = ((log_error - log_error.mean()) ** 2).sum()
    rest = ((log_error - fitted[place]) ** 2).sum()
    return Law(
        form=form,
        amplitude=float(np.exp(best[0, 0])),
        exponent=float(best[0, 1]),
        floor=float(best[0, 2]),
        r2=float(1 - rest / scatter) if scatter > 0 else float("nan"),
        n=len(used.error),
        n_sizes=len(sizes),
        min_frames=min_frames,
        smallest=float(sizes[0]),
        largest=float(sizes[-1]),
        unit=points.unit,
        replicates=curves,
    )


def _sizes(points: ScalingPoints, *, form: Form, min_frames: int) -> np.ndarray:
    """Return the sizes (k,).

    Raises:
        LabError: as `fit_law`.
    """
    if not np.all(np.isfinite(points.error) & (points.error > 0)):
        raise LabError(
            "A scaling law needs errors above 0, and one of these is 0, negative or missing; "
            "remove that point."
        )
    sizes = points.sizes
    above = f" from {min_frames:,} frames on" if min_frames else ""
    if len(sizes) < LEAST_SIZES[form]:
        raise LabError(
            f"{_NAMES[form]} needs {LEAST_SIZES[form]} sizes and there "
            f"{'is' if len(sizes) == 1 else 'are'} {len(sizes)}{above}; train at more sizes"
            f"{' or lower the smallest size that is fitted' if min_frames else ''}."
        )
    if sizes[-1] < LEAST_RANGE[form] * sizes[0]:
        raise LabError(
            f"{_NAMES[form]} needs sizes over a factor of {LEAST_RANGE[form]:g} and these span "
            f"{sizes[-1] / sizes[0]:.3g}{above} ({sizes[0]:,g} to {sizes[-1]:,g}); train at "
            "smaller or larger sizes."
        )
    return sizes


def _checksum(log_errors: np.ndarray) -> int:
    """Return a number that depends on the scatter of the points alone.

    Two laws that are compared share the draws of the evaluation frames, as they share the frames.
    They must not share the draws of the seeds, which would cancel in their ratio.
    """
    # Adding zero turns -0.0, which has other bytes, into 0.0.
    return zlib.crc32((np.sort(np.round(log_errors - log_errors.mean(), 6)) + 0.0).tobytes())


def whole_frames(frames: float) -> float:
    """Round up to whole frames, at least one, with a tolerance for rounding errors."""
    return max(1.0, float(np.ceil(frames * (1 - 1e-12))))


def ends(values: np.ndarray, level: float) -> np.ndarray:
    """Return the ends (2, …) of the interval of values (B, …), which may be infinite."""
    shares = [(1 - level) / 2, (1 + level) / 2]
    return np.asarray(np.quantile(values, shares, axis=0, method="inverted_cdf"))
