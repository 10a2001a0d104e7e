"""How structures are relaxed, and what comes of it; imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.frames.schema import Frame

State = Literal["converged", "not converged", "exploded", "refused"]


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Trajectory:
    """The geometries of a relaxation of n atoms, from the given one to the last: t of them.

    Attributes:
        energies: eV/atom, (t,).
        max_forces: what is compared with ``fmax``, eV/Å, (t,).
        frac_coords: fractional coordinates, (t, n, 3).
        lattices: lattice vectors as rows, (t, 3, 3) Å.
    """

    energies: NDArray[np.float64]
    max_forces: NDArray[np.float64]
    frac_coords: NDArray[np.float32]
    lattices: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of geometries."""
        return len(self.energies)

    def table(self) -> pd.DataFrame:
        """Return one row per geometry.

        Columns: step, energy_per_atom (eV/atom), change_mev_per_atom (from the first geometry),
        max_force (eV/Å) and volume_per_atom (Å³).
        """
        n_atoms = self.frac_coords.shape[1]
        return pd.DataFrame(
            {
                "step": np.arange(len(self)),
                "energy_per_atom": self.energies,
                "change_mev_per_atom": 1000 * (self.energies - self.energies[0]),
                "max_force": self.max_forces,
                "volume_per_atom": np.abs(np.linalg.det(self.lattices)) / n_atoms,
            }
        )

    def frame(self, given: Frame, step: int) -> Frame:
        """Return the geometry of a step, without labels.

        Args:
            given: the structure that was relaxed.
            step: number of the geometry, from 0.
        """
        return replace(
            given,
            frac_coords=self.frac_coords[step].astype(np.float64),
            lattice=self.lattices[step],
            energy_per_atom=None,
            forces=None,
            stress=None,
            magmoms=None,
        )


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Relaxed:
    """The end of one structure's relaxation.

    Attributes:
        state: "converged"; "not converged" in the steps allowed; "exploded": left the geometries
            in which the model has a meaning; "refused": the model cannot represent it at all.
        reason: why it is not converged, or why its cell was kept, in one sentence; else empty.
        structure: the last structure with its energy, forces and stress; as given, without labels,
            if it exploded or was refused.
        steps: steps taken.
        max_force: what is compared with ``fmax``, eV/Å; NaN if refused.
        volume_change: volume over the given one, minus 1.
        trajectory: the way there, if it was asked for.
    """

    state: State
    reason: str
    structure: Frame
    steps: int = 0
    max_force: float = float("nan")
    volume_change: float = 0.0
    trajectory: Trajectory | None = None

    @property
    def converged(self) -> bool:
        """Whether no force is larger than ``fmax``."""
        return self.state == "converged"

    @property
    def energy(self) -> float:
        """Energy in eV/atom; NaN if it exploded or was refused."""
        energy = self.structure.energy_per_atom
        return float("nan") if energy is None else energy

    @property
    def forces(self) -> NDArray[np.float64] | None:
        """Forces in eV/Å, (n, 3), None without energy."""
        return self.structure.forces

    @property
    def stress(self) -> NDArray[np.float64] | None:
        """Stress in GPa with chgnet's sign, (3, 3), None without energy."""
        return self.structure.stress


def all_steps(ways: Mapping[str, Trajectory]) -> pd.DataFrame:
    """Return the tables of several models' trajectories, with a column model."""
    tables = [way.table().assign(model=model) for model, way in ways.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
