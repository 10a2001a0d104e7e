"""The equation of state: a model's energies of a cell at several volumes, and the fit to them.

The cell keeps its shape. The volumes lie around the model's own equilibrium, which is found on the
way, so that a structure from elsewhere need not be relaxed before. The form is that of Birch and
Murnaghan, third order (Birch, Phys. Rev. 71, 809 (1947), doi:10.1103/PhysRev.71.809), fitted by
pymatgen.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import LabError
from core.frames.schema import Frame
from core.progress import Progress, part, silent

MOST_ROUNDS = 10
"""How many times the volumes are moved at most."""

_FINE = 101
"""Points of a curve that is drawn."""

_CENTERED = 0.25
"""Share of the span within which the equilibrium is in the middle of the volumes."""

Energies = Callable[[Sequence[Frame], Progress], NDArray[np.float64]]
"""Energies of structures, eV/atom; NaN where there is none."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class EquationOfState:
    """Energies at m volumes, and the curve through them.

    Attributes:
        volumes: (m,) Å³ per atom, ascending.
        energies: (m,) eV/atom.
        volume: volume of lowest energy, Å³ per atom.
        energy: lowest energy, eV/atom.
        bulk_modulus: GPa.
        derivative: of the bulk modulus by pressure.
        rms: root mean square of what the curve leaves, eV/atom.
        given_volume: that of the structure as given, Å³ per atom.
    """

    volumes: NDArray[np.float64]
    energies: NDArray[np.float64]
    volume: float
    energy: float
    bulk_modulus: float
    derivative: float
    rms: float
    given_volume: float

    def table(self) -> pd.DataFrame:
        """Return volume_per_atom (Å³), energy_per_atom and fitted (eV/atom), one row each."""
        return pd.DataFrame(
            {
                "volume_per_atom": self.volumes,
                "energy_per_atom": self.energies,
                "fitted": self.curve(self.volumes),
            }
        )

    def fine(self) -> pd.DataFrame:
        """Return the curve: volume_per_atom (Å³) and above_mev_per_atom, above its lowest point."""
        volumes = np.linspace(self.volumes[0], self.volumes[-1], _FINE)
        above = 1000 * (self.curve(volumes) - self.energy)
        return pd.DataFrame({"volume_per_atom": volumes, "above_mev_per_atom": above})

    def points(self) -> pd.DataFrame:
        """Return the energies computed, in the columns of `fine`."""
        above = 1000 * (self.energies - self.energy)
        return pd.DataFrame({"volume_per_atom": self.volumes, "above_mev_per_atom": above})

    def curve(self, volumes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the energy at volumes (k,) in Å³ per atom, (k,) eV/atom."""
        from ase.units import GPa  # noqa: PLC0415

        modulus = self.bulk_modulus * GPa
        squeeze = (self.volume / volumes) ** (2 / 3)
        return np.asarray(
            self.energy
            + 9
            * self.volume
            * modulus
            / 16
            * ((squeeze - 1) ** 3 * self.derivative + (squeeze - 1) ** 2 * (6 - 4 * squeeze))
        )


def equation_of_state(
    frame: Frame,
    energies: Energies,
    *,
    span: float = 0.06,
    points: int = 11,
    progress: Progress = silent,
) -> EquationOfState:
    """Compute the equation of state of a structure.

    Args:
        frame: the structure, periodic in every direction.
        energies: returns a model's energies of structures, with the atoms relaxed or not.
        span: largest departure of the volumes from the equilibrium's, as a share of it.
        points: number of volumes, at least 5.
        progress: receives the share that is done.

    Raises:
        LabError: if the structure is not periodic, the model has no energy at a volume, or no
            volume of lowest energy is found.
    """
    if not all(frame.pbc):
        raise LabError(
            "An equation of state needs a structure that is periodic in every direction."
        )
    given = abs(float(np.linalg.det(frame.lattice))) / len(frame)
    center = given
    for number in range(MOST_ROUNDS):
        volumes = center * np.linspace(1 - span, 1 + span, points)
        scaled = [_scaled(frame, volume / given) for volume in volumes]
        share = part(progress, number / MOST_ROUNDS, (number + 1) / MOST_ROUNDS)
        found = energies(scaled, share)
        if not np.isfinite(found).all():
            raise LabError(
                "The model has no energy at some of the volumes; take a smaller span, or look at "
                "the structure."
            )
        lowest = int(np.argmin(found))
        if lowest in {0, points - 1}:
            center = float(volumes[lowest])
            continue
        fitted = fit(volumes, found, given_volume=given)
        if abs(fitted.volume / center - 1) <= _CENTERED * span:
            progress(1.0, "Equation of state")
            return fitted
        center = float(np.clip(fitted.volume, volumes[0], volumes[-1]))
    raise LabError(
        f"No volume of lowest energy lies between {(1 - span) ** MOST_ROUNDS:.0%} and "
        f"{(1 + span) ** MOST_ROUNDS:.0%} of the structure's; relax the structure first, or take a "
        "larger span."
    )


def fit(
    volumes: NDArray[np.float64], energies: NDArray[np.float64], *, given_volume: float
) -> EquationOfState:
    """Fit the curve to energies.

    Args:
        volumes: (m,) Å³ per atom.
        energies: (m,) eV/atom, the lowest one within them.
        given_volume: that of the structure as given, Å³ per atom.

    Raises:
        LabError: if the energies have no such curve.
    """
    # Its import takes a second.
    from pymatgen.analysis.eos import EOS, EOSError  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = EOS("birch_murnaghan").fit(volumes.tolist(), energies.tolist())
        values = [float(value) for value in (found.v0, found.e0, found.b0_GPa, found.b1)]
    except (EOSError, RuntimeError, ValueError) as error:
        raise LabError(
            "The energies by volume have no equation of state; look at the structure."
        ) from error
    volume, energy, modulus, derivative = values
    if not (np.isfinite(values).all() and volume > 0 and modulus > 0):
        raise LabError("The energies by volume have no equation of state; look at the structure.")
    state = EquationOfState(
        volumes=volumes,
        energies=energies,
        volume=volume,
        energy=energy,
        bulk_modulus=modulus,
        derivative=derivative,
        rms=0.0,
        given_volume=given_volume,
    )
    left = state.curve(volumes) - energies
    return replace(state, rms=float(np.sqrt((left**2).mean())))


def all_tables(found: Mapping[str, EquationOfState]) -> pd.DataFrame:
    """Return the tables of several models, with a column model."""
    tables = [state.table().assign(model=model) for model, state in found.items()]
    return pd.concat(tables, ignore_index=True)


def _scaled(frame: Frame, ratio: float) -> Frame:
    """Return a structure with another volume and the same shape and fractions."""
    return replace(frame, lattice=frame.lattice * ratio ** (1 / 3))
