"""Labels against a pretrained model's predictions: which unit and which sign they look like.

Another functional moves energies, forces and stresses by some tens of percent, and more near the
edge of what a model knows; a wrong unit moves all of them by one known factor. So the slope of
labels on predictions is compared with the factors of the units that the import can convert, and
nothing is concluded unless the predictions explain the labels well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from core.frames.findings import Finding, Severity
from core.frames.units import EV_PER_A3, Extent, Label, Unit, base_unit, unit_named, units_of

_RELATED = 0.2
"""Share of the labels' size that predictions must explain before a unit is named: that of two
functionals for the stresses of strained crystals, where it is lowest, is 0.3; of unrelated numbers
it is 0.01."""

_EXPLAINED = 0.5
"""The same where no unit fits."""

_SURE = 0.75
"""The same for a finding without doubt."""

_USUAL = 2.5
"""Slopes between this and its inverse occur between functionals, and for models far from home."""

_NEAR: dict[Label, float] = {"energy": 1.4, "forces": 1.4, "stress": 2.0}
"""Ratio of a slope to a unit's factor within which the unit is named. Units of stress are further
apart, and noise of small stresses lowers their slope."""

_TWINS = 1.12
"""Ratio of two units' factors below which both are named."""

_BETTER = 0.2
"""How much more another reading must explain than the plain one."""

_DIVERSE = 5
"""Elements, or compositions, below which one ratio of all energies may be chance."""

_TIGHT = 0.3
"""Typical distance of ratios, as logarithms, from the middle one in two functionals, at most."""

_TIGHTER = 2.0
"""How many times nearer the ratios must be for totals of the cell."""

FEWEST = {"energy": 10, "forces": 30, "stress": 18}
"""Values below which nothing is concluded."""

_LEAST = {"energy": 2e-3, "forces": 0.02, "stress": 0.1}
"""Size of the predictions (eV/atom, eV/Å, GPa) below which nothing is concluded."""

_NAMES: dict[Label, tuple[str, str, str]] = {
    "energy": ("energies", "energy_unit", "energy"),
    "forces": ("forces", "force_unit", "forces"),
    "stress": ("stresses", "stress_unit", "stress"),
}
"""In words, kind of the finding, and label of the flag."""

_MORE: dict[Label, tuple[str, ...]] = {
    "energy": (),
    "forces": ("Ha/Å", "kJ/mol/Å", "kJ/mol/nm", "eV/nm", "-Ry/bohr"),
    "stress": ("MPa", "Pa"),
}
"""Units beside those that a form lists."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A line through the origin by least absolute deviations.

    Attributes:
        value: label per prediction.
        explained: 1 − Σ|label − value · prediction| / Σ|label|, from 0 to 1.
        n: number of values.
        size: root mean square of the predictions.
    """

    value: float
    explained: float
    n: int
    size: float


def slope(labels: np.ndarray, predicted: np.ndarray) -> Slope:
    """Fit labels = value · predictions, robustly.

    Args:
        labels: any shape; NaN where missing.
        predicted: the same shape.
    """
    y, x = np.ravel(labels).astype(float), np.ravel(predicted).astype(float)
    valid = np.isfinite(y) & np.isfinite(x)
    y, x = y[valid], x[valid]
    moving = x != 0
    size = float(np.sqrt((x**2).mean())) if len(x) else 0.0
    if not moving.any() or not y.any():
        return Slope(0.0, 0.0, len(x), size)
    # Σ|y − b x| = Σ|x| |y/x − b| is least at the weighted median of the ratios.
    ratio, weight = y[moving] / x[moving], np.abs(x[moving])
    order = np.argsort(ratio)
    share = np.cumsum(weight[order])
    value = float(ratio[order][np.searchsorted(share, share[-1] / 2)])
    explained = 1 - float(np.abs(y - value * x).sum() / np.abs(y).sum())
    return Slope(value, max(explained, 0.0), len(x), size)


def energy_finding(
    fractions: np.ndarray,
    n_atoms: np.ndarray,
    energies: np.ndarray,
    interaction: np.ndarray,
) -> Finding | None:
    """Compare energies with a network's interaction energies, both without what composition gives.

    Args:
        fractions: composition fractions (n, 94).
        n_atoms: number of atoms in the cell, (n,).
        energies: labels, (n,) eV/atom if all is well.
        interaction: interaction energies of the network, (n,) eV/atom.
    """
    valid = np.isfinite(energies) & np.isfinite(interaction)
    X, atoms = fractions[valid], n_atoms[valid]
    y, f = energies[valid], interaction[valid]
    if not len(y):
        return None
    left, singular, _ = np.linalg.svd(X, full_matrices=False)
    basis = left[:, singular > singular[0] * max(X.shape) * np.finfo(float).eps]
    if len(y) - basis.shape[1] < FEWEST["energy"]:
        return None

    def beside_composition(values: np.ndarray) -> np.ndarray:
        return np.asarray(values - basis @ (basis.T @ values))

    explains = beside_composition(f)
    plain = slope(beside_composition(y), explains)
    per_cell = slope(beside_composition(y / atoms), explains)
    if not _telling(plain, "energy"):
        return None
    constant = bool((atoms == atoms[0]).all())
    is_total = per_cell.explained > plain.explained + _BETTER or (
        constant
        and atoms[0] > 1
        and _distance(per_cell.value, 1.0)
        < min(_NEAR["energy"], _nearest(plain.value, _units("energy"))[0])
    )
    if is_total and per_cell.explained > _EXPLAINED:
        extents = [unit for unit in units_of("energy") if unit.per == "cell"]
        return _finding("energy", per_cell, extents, usual=extents[0])
    return _finding("energy", plain, _units("energy"))


def ratio_finding(
    fractions: np.ndarray,
    n_atoms: np.ndarray,
    energies: np.ndarray,
    expected: np.ndarray,
    *,
    beside: str = "the pretrained model's",
) -> Finding | None:
    """Compare energies of few frames of many elements with a network's, by their ratio.

    Where there are no more frames than elements, nothing is left beside composition; but a unit, or
    the number of atoms, multiplies total energies of all elements alike, as another zero does not.

    Args:
        fractions: composition fractions (n, 94).
        n_atoms: number of atoms in the cell, (n,).
        energies: labels, (n,) eV/atom if all is well.
        expected: total energies of the network, (n,) eV/atom.
        beside: whose these are, in the message.
    """
    valid = np.isfinite(expected) & np.isfinite(energies) & (expected * energies != 0)
    X, atoms, ratio = fractions[valid], n_atoms[valid], energies[valid] / expected[valid]
    if np.linalg.matrix_rank(X) < _DIVERSE or (
        len(ratio) and (ratio < 0).any() and (ratio > 0).any()
    ):
        return None
    sign = "" if ratio[0] > 0 else "-"
    logs = {"atom": np.log(np.abs(ratio)), "cell": np.log(np.abs(ratio) / atoms)}
    spread = {per: float(np.median(np.abs(log - np.median(log)))) for per, log in logs.items()}
    per: Extent = "cell" if spread["cell"] < spread["atom"] / _TIGHTER else "atom"
    if spread[per] > _TIGHT:
        return None
    value = float(np.exp(np.median(logs[per])))
    units = [unit for unit in units_of("energy") if unit.per == per]
    misses, unit = _nearest(value, units)
    if misses > _NEAR["energy"] or (per == "atom" and not sign and 1 / _USUAL < value < _USUAL):
        return None
    if 1 / _USUAL < value < _USUAL:
        unit = units[0]
    unit = unit_named("energy", f"{sign}{unit.name}")
    times = " times the number of atoms" if per == "cell" else ""
    return Finding(
        kind="energy_unit",
        severity="error",
        message=f"Divided by {beside}, the energies are {sign}{value:.3g}{times} in "
        f"all materials alike, as if they were in {unit.name} instead of eV/atom.",
        remedy=f"If so, import them with --unit energy={unit.name}.",
    )


def array_finding(
    label: Label, labels: np.ndarray, predicted: np.ndarray, volumes: np.ndarray | None = None
) -> Finding | None:
    """Compare forces or stresses with predictions.

    Args:
        label: "forces" or "stress".
        labels: forces (n, 3) in eV/Å, or stresses (m, 3, 3) in GPa, if all is well.
        predicted: the same shape.
        volumes: of the cells (m,) in Å³, for stresses.
    """
    fit = _stress_slope if label == "stress" else slope
    plain = fit(labels, predicted)
    if not _telling(plain, label):
        return None
    found = _finding(label, plain, _units(label))
    if volumes is None:
        return found
    virial = fit(labels * (EV_PER_A3 / volumes)[:, None, None], predicted)
    more = plain.explained if found else max(_EXPLAINED, plain.explained + _BETTER)
    virials = [unit_named("stress", text) for text in ("eV virial", "-eV virial")]
    as_virial = _finding("stress", virial, virials, factors=[-1.0, 1.0], usual=None)
    if virial.explained > more and as_virial is not None:
        return as_virial
    return _order_finding(labels, predicted) or found


def _stress_slope(labels: np.ndarray, predicted: np.ndarray) -> Slope:
    """Fit stresses, (m, 3, 3), as they are or less their usual pressure, whichever explains more.

    In cells that are relaxed in one functional, another one has the same pressure nearly
    everywhere.
    """

    def less_pressure(stress: np.ndarray) -> np.ndarray:
        pressure = np.nanmedian(np.trace(stress, axis1=1, axis2=2)) / 3
        return np.asarray(stress - pressure * np.eye(3))

    plain = slope(labels, predicted)
    varying = slope(less_pressure(labels), less_pressure(predicted))
    # What is left beside one pressure must be more than numerical noise.
    return max([plain] + [varying] * _telling(varying, "stress"), key=lambda it: it.explained)


def _units(label: Label) -> list[Unit]:
    if label == "energy":
        units = [unit for unit in units_of("energy") if unit.per == "atom"]
        return [*units, *(unit_named("energy", f"-{unit.name}") for unit in units)]
    listed = [*units_of(label), *(unit_named(label, text) for text in _MORE[label])]
    return [unit for unit in listed if not unit.is_virial]


def _telling(line: Slope, label: Label) -> bool:
    return line.n >= FEWEST[label] and line.size >= _LEAST[label]


def _distance(value: float, factor: float) -> float:
    """Return by which ratio, at least 1, a slope misses a factor; infinite for the wrong sign."""
    if value * factor <= 0:
        return float("inf")
    return float(np.exp(abs(np.log(value / factor))))


def _nearest(value: float, units: Sequence[Unit]) -> tuple[float, Unit]:
    """Return the unit whose labels have the nearest slope, and by which ratio it misses."""
    return min(
        ((_distance(value, 1 / unit.factor), unit) for unit in units), key=lambda entry: entry[0]
    )


def _finding(
    label: Label,
    line: Slope,
    units: Sequence[Unit],
    *,
    factors: Sequence[float] | None = None,
    usual: Unit | None = None,
) -> Finding | None:
    """Return the finding of a slope; None if it is that of the lab's unit.

    Args:
        label: what is compared.
        line: its slope.
        units: units that it may be in.
        factors: slope of labels in each unit; None for the inverse of their factors.
        usual: unit that a slope near one stands for; None for the lab's, which is no finding.
    """
    if line.explained < _RELATED:
        return None
    slopes = [1 / unit.factor for unit in units] if factors is None else factors
    misses = [_distance(line.value, expected) for expected in slopes]
    best = int(np.argmin(misses))
    words, kind, flag = _NAMES[label]
    base = base_unit(label)
    seen = f"Compared with the pretrained model's, the {words} have the slope {line.value:.3g}"
    severity: Severity = "error" if line.explained > _SURE else "warning"
    usual_slope = 1 / _USUAL < line.value < _USUAL
    if misses[best] > _NEAR[label]:
        is_usual = usual_slope and usual is None and factors is None
        if is_usual or line.explained < _EXPLAINED:
            return None
        return Finding(
            kind=kind,
            severity="warning",
            message=f"{seen} instead of about 1, and no known unit explains it.",
            remedy=f"Check their unit and sign: {base.name} is expected.",
        )
    unit = units[best]
    if unit.name == base.name or (usual_slope and usual is None and factors is None):
        return None
    twins = [
        other.name
        for other, expected in zip(units, slopes, strict=True)
        if other is not unit and _distance(expected, slopes[best]) < _TWINS
    ]
    looks = " or ".join([unit.name, *twins])
    return Finding(
        kind=kind,
        severity=severity,
        message=f"{seen} instead of about 1, as if they were in {looks}{_sign(label, unit)} "
        f"instead of {base.name}.",
        remedy=f"If so, import them with --unit {flag}={unit.name}.",
    )


def _sign(label: Label, unit: Unit) -> str:
    if unit.factor > 0:
        return ""
    return " (gradients)" if label == "forces" else " (the other sign)"


_SHEARS: Mapping[str, tuple[int, int]] = {"yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}


def _order_finding(labels: np.ndarray, predicted: np.ndarray) -> Finding | None:
    """Return a finding if the shear components stand in another order."""
    names = list(_SHEARS)
    shears = [np.stack([values[:, i, j] for i, j in _SHEARS.values()], axis=1)
              for values in (labels, predicted)]  # fmt: skip
    if np.sqrt((shears[1] ** 2).mean()) < _LEAST["stress"]:
        return None
    found = {
        order: slope(shears[0], shears[1][:, list(order)]).explained
        for order in permutations(range(3))
    }
    best = max(found, key=found.__getitem__)
    if best == (0, 1, 2) or found[best] < max(_EXPLAINED, found[0, 1, 2] + _BETTER):
        return None
    told = ", ".join(f"{names[place]} holds {names[other]}" for place, other in enumerate(best)
                     if place != other)  # fmt: skip
    return Finding(
        kind="stress_order",
        severity="warning",
        message=f"The shear stresses agree with the pretrained model's in another order: {told}.",
        remedy="VASP writes xx yy zz xy yz zx, ASE xx yy zz yz xz xy; state the order of the six "
        "numbers when you import them.",
    )
