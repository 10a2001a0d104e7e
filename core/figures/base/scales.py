"""The range a colour scale covers, and what its colour bar says."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.figures.base.text import compact, minus

_ROBUST_PERCENTILE: Final = 98.0
_ENOUGH_VALUES: Final = 50
"""Among fewer values the percentile is hardly more than the largest one: nothing saturates."""

_WORTH_SATURATING: Final = 1.25
"""The largest value must exceed the percentile by this factor before colours saturate."""

_BAND_REACHES: Final = 3.0


@dataclass(kw_only=True, frozen=True, slots=True)
class ColorRange:
    """How numbers become colours.

    Attributes:
        low: number (or its decadic logarithm) at the low end of the scale.
        high: the same at the high end.
        log: whether colours follow the logarithm.
        ticks: positions on the colour bar, in the units of `low` and `high`.
        labels: text of each tick; the ends say ≤ or ≥ where values lie beyond them.
    """

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def positions(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where values lie on the scale, 0 at the low end and 1 at the high end.

        Args:
            values: (n,) in their own unit.
        """
        return np.clip((self.transform(values) - self.low) / (self.high - self.low), 0.0, 1.0)

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the numbers that the colour axis sees: the values or their logarithm.

        Args:
            values: (n,) in their own unit.
        """
        return np.log10(values) if self.log else values


def color_range(
    values: NDArray[np.float64], *, diverging: bool, log: bool, cutoff: float | None = None
) -> ColorRange:
    """Choose the range of a colour scale for finite values, robust against a few extremes.

    Args:
        values: (n,) with n ≥ 1; positive if `log`.
        diverging: balance the range at zero.
        log: colour by the logarithm; nothing saturates but what lies below `cutoff`.
        cutoff: of a logarithmic scale: values up to this one have the lowest colour.
    """
    if log:
        if cutoff is None or float(values.min()) >= cutoff:
            return _log_range(values)
        return _cut_off(_log_range(np.maximum(values, cutoff)), cutoff)
    if diverging:
        limit = _robust_end(np.abs(values)) or 1.0
        low, high = -limit, limit
    else:
        low, high = -_robust_limit(-values), _robust_limit(values)
        if high == low:
            low, high = low - 0.5, high + 0.5
    below, above = float(values.min()) < low, float(values.max()) > high
    ticks = _nice_ticks(low, high)
    if below or above:
        # Room for the labels at the ends, which are wider for their sign.
        room = 0.12 * (high - low)
        first, last = low + room * below, high - room * above
        ticks = [tick for tick in ticks if first <= tick <= last]
    labels = [_tick_text(tick, ticks) for tick in ticks]
    if below:
        ticks, labels = [low, *ticks], [f"≤ {_end_text(low)}", *labels]
    if above:
        ticks, labels = [*ticks, high], [*labels, f"≥ {_end_text(high)}"]
    return ColorRange(low=low, high=high, log=False, ticks=tuple(ticks), labels=tuple(labels))


def _robust_limit(values: NDArray[np.float64]) -> float:
    """Return the upper end of a scale, from the distances to the median."""
    middle, largest = float(np.median(values)), float(values.max())
    reach = _robust_end(values - middle)
    return largest if reach >= largest - middle else middle + reach


def _robust_end(distances: NDArray[np.float64]) -> float:
    """Return the largest distance, or a rounded 98th percentile if that is much smaller."""
    largest = max(0.0, float(distances.max()))
    usual = float(np.percentile(distances, _ROBUST_PERCENTILE, method="lower"))
    few = len(distances) < _ENOUGH_VALUES
    if few or usual <= 0 or largest <= _WORTH_SATURATING * usual:
        return largest
    step = 10.0 ** (math.floor(math.log10(usual)) - 1)
    return min(largest, math.ceil(usual / step) * step)


def _nice_ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


def _tick_text(tick: float, ticks: list[float]) -> str:
    if tick == 0:
        return "0"
    step = min((b - a for a, b in pairwise(ticks)), default=abs(tick))
    if step >= 1000:
        return compact(tick)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals and not math.isclose(step * 10**decimals, round(step * 10**decimals)):
        decimals += 1
    return minus(f"{tick:.{decimals}f}")


def _end_text(value: float) -> str:
    return minus(f"{value:.3g}") if abs(value) < 1000 else compact(value)


def _log_range(values: NDArray[np.float64]) -> ColorRange:
    low, high = (float(np.log10(end)) for end in (values.min(), values.max()))
    if high - low < 0.3:
        low, high = low - 0.15, high + 0.15
    factors = (1,) if high - low >= 2 else (1, 2, 5)
    candidates = [
        factor * 10.0**power
        for power in range(math.floor(low), math.ceil(high) + 1)
        for factor in factors
    ]
    inside = [value for value in candidates if low - 1e-9 <= math.log10(value) <= high + 1e-9]
    return ColorRange(
        low=low,
        high=high,
        log=True,
        ticks=tuple(math.log10(value) for value in inside),
        labels=tuple(_log_text(value) for value in inside),
    )


def _cut_off(span: ColorRange, cutoff: float) -> ColorRange:
    """Return a logarithmic range whose low end says that lower values are there too."""
    # Room for the label at the low end, which is wider for its sign.
    first = span.low + 0.12 * (span.high - span.low)
    kept = [(t, text) for t, text in zip(span.ticks, span.labels, strict=True) if t > first]
    return replace(
        span,
        ticks=(span.low, *(tick for tick, _ in kept)),
        labels=(f"≤ {_log_text(cutoff)}", *(text for _, text in kept)),
    )


def _log_text(value: float) -> str:
    if value < 0.01:
        return f"{value:.2g}"
    return compact(value).replace(".0k", "k").replace(".0M", "M")


def decade_ticks(lowest: int, highest: int) -> dict[str, object]:
    """Return the ticks of an axis or a colour bar of decadic logarithms: one per decade.

    Args:
        lowest: the first power of ten.
        highest: the last power of ten.
    """
    powers = list(range(lowest, highest + 1))
    return {"tickvals": powers, "ticktext": [f"{10.0**power:g}" for power in powers]}


def log_limits(values: np.ndarray, lows: np.ndarray, highs: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest value of a logarithmic axis of curves with bands.

    A band widens the axis by at most a factor of three beyond the curves; the rest is cut off.

    Args:
        values: what must be visible, above 0.
        lows: lower edges of the bands; those that are not above 0 do not count.
        highs: upper edges of the bands; those that are not finite do not count.
    """
    low, high = float(values.min()), float(values.max())
    lowest = float(lows[lows > 0].min(initial=low))
    highest = float(highs[np.isfinite(highs)].max(initial=high))
    return max(low / _BAND_REACHES, lowest), min(high * _BAND_REACHES, highest)


def log_range(low: float, high: float) -> list[float]:
    """Return the `range` of a logarithmic axis with some room around two values."""
    margin = 0.05 * max(np.log10(high / low), 0.3)
    return [float(np.log10(low) - margin), float(np.log10(high) + margin)]


def log_ticks(values: np.ndarray) -> dict[str, object]:
    """Return the ticks of a logarithmic axis: full-sized labels at 1, 2 and 5 of each decade.

    plotly's own labels between decades are too small to read. Over many decades only they are
    labelled; where the values span too little for two labels, plotly's own fit better.

    Args:
        values: what the axis shows; those that are not finite or not above 0 do not count.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive):
        return {}
    powers = range(
        math.floor(np.log10(positive.min())) - 1, math.ceil(np.log10(positive.max())) + 2
    )
    factors = (1, 2, 5) if len(powers) <= 7 else (1,)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    if sum(positive.min() <= tick <= positive.max() for tick in ticks) < 2:
        return {}
    return {"tickvals": ticks, "ticktext": [f"{tick:,.10g}" for tick in ticks]}
