"""FIRE, the fast inertial relaxation engine, for many structures at once.

Bitzek, Koskinen, Gähler, Moseler, Gumbsch, Phys. Rev. Lett. 97, 170201 (2006),
DOI 10.1103/PhysRevLett.97.170201, with the constants and the order of operations of ASE's ``FIRE``,
so that each structure takes the steps that it would take there on its own.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core.potential.relaxation.cell import Matrices, deformations

_TIME_STEP, _LONGEST_TIME_STEP = 0.1, 1.0
_LONGEST_STEP = 0.2
"""Å, of all coordinates of a structure together."""
_MIXING, _MIXING_DECAY = 0.1, 0.99
_GROWTH, _SHRINKAGE = 1.1, 0.5
_PATIENCE = 5
"""Steps downhill before the time step grows."""

_PER_ATOM = {"positions", "velocities"}
"""Fields with a row per atom; the others have one per structure."""


@dataclass(kw_only=True, slots=True, eq=False)
class Walkers:
    """Coordinates, velocities and time steps of B structures of N atoms in all.

    Attributes:
        sizes: atoms of each structure, (B,).
        positions: atoms in the undeformed cell, (N, 3) Å.
        cells: the undeformed cells, (B, 3, 3) Å.
        logarithms: logarithm of each deformation gradient, (B, 3, 3).
        velocities: of the positions, (N, 3).
        cell_velocities: of n times the logarithms, (B, 3, 3).
        time_steps: (B,).
        mixing: share of the force's direction in the next velocity, (B,).
        downhill: steps downhill since the last step uphill, (B,).
        steps: steps taken, (B,).
    """

    sizes: NDArray[np.int64]
    positions: NDArray[np.float64]
    cells: Matrices
    logarithms: Matrices
    velocities: NDArray[np.float64]
    cell_velocities: Matrices
    time_steps: NDArray[np.float64]
    mixing: NDArray[np.float64]
    downhill: NDArray[np.int64]
    steps: NDArray[np.int64]

    @classmethod
    def none(cls) -> Self:
        """Return no structures."""
        return cls.at_rest(np.zeros(0, dtype=np.int64), np.zeros((0, 3)), np.zeros((0, 3, 3)))

    @classmethod
    def at_rest(
        cls, sizes: NDArray[np.int64], frac_coords: NDArray[np.float64], cells: Matrices
    ) -> Self:
        """Return structures before their first step.

        Args:
            sizes: atoms of each structure, (B,).
            frac_coords: fractional coordinates of all, (N, 3).
            cells: lattice vectors as rows, (B, 3, 3) Å.
        """
        n = len(sizes)
        return cls(
            sizes=sizes,
            positions=np.einsum("ni,nij->nj", frac_coords, np.repeat(cells, sizes, axis=0)),
            cells=cells,
            logarithms=np.zeros((n, 3, 3)),
            velocities=np.zeros_like(frac_coords),
            cell_velocities=np.zeros((n, 3, 3)),
            time_steps=np.full(n, _TIME_STEP),
            mixing=np.full(n, _MIXING),
            downhill=np.zeros(n, dtype=np.int64),
            steps=np.zeros(n, dtype=np.int64),
        )

    def __len__(self) -> int:
        """Return the number of structures."""
        return len(self.sizes)

    @property
    def starts(self) -> NDArray[np.int64]:
        """First atom of each structure, (B,)."""
        return np.cumsum(self.sizes) - self.sizes

    def per_atom(self, values: NDArray[Any]) -> NDArray[Any]:
        """Repeat a value per structure for each of its atoms."""
        return np.repeat(values, self.sizes, axis=0)

    def joined(self, other: "Walkers") -> "Walkers":
        """Return these structures and then the others."""
        return Walkers(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            }
        )

    def only(self, kept: NDArray[np.bool_]) -> "Walkers":
        """Return some of the structures, chosen by a flag each, (B,)."""
        chosen = {
            field.name: getattr(self, field.name)[
                np.repeat(kept, self.sizes) if field.name in _PER_ATOM else kept
            ]
            for field in fields(self)
        }
        return Walkers(**chosen)

    def deformations(self) -> Matrices:
        """Return the deformation gradients, (B, 3, 3)."""
        return deformations(self.logarithms)

    def lattices(self) -> Matrices:
        """Return the deformed cells, lattice vectors as rows, (B, 3, 3) Å."""
        return self.cells @ self.deformations().swapaxes(1, 2)

    def frac_coords(self) -> NDArray[np.float64]:
        """Return the fractional coordinates, which no deformation changes, (N, 3)."""
        inverse = self.per_atom(np.linalg.inv(self.cells))
        return np.squeeze(self.positions[:, None] @ inverse, 1)

    def step(self, forces: NDArray[np.float64], cell_forces: Matrices) -> None:
        """Take one step.

        Args:
            forces: generalised forces of the positions, eV/Å, (N, 3).
            cell_forces: those of n times the logarithms, eV, (B, 3, 3).
        """
        power = self._dot(forces, self.velocities, cell_forces, self.cell_velocities)
        force2 = self._dot(forces, forces, cell_forces, cell_forces)
        speed2 = self._dot(
            self.velocities, self.velocities, self.cell_velocities, self.cell_velocities
        )
        moving = self.steps > 0
        onward = moving & (power > 0)
        turned = moving & ~onward

        kept = np.where(onward, 1 - self.mixing, 0.0)
        added = np.where(onward, self.mixing * np.sqrt(speed2), 0.0)
        added /= np.where(onward, np.sqrt(force2), 1.0)
        grown = onward & (self.downhill > _PATIENCE)
        self.time_steps[grown] = np.minimum(self.time_steps[grown] * _GROWTH, _LONGEST_TIME_STEP)
        self.mixing[grown] *= _MIXING_DECAY
        self.time_steps[turned] *= _SHRINKAGE
        self.mixing[turned] = _MIXING
        self.downhill = np.where(onward, self.downhill + 1, 0)

        added += self.time_steps
        self._advance(kept, added, forces, cell_forces)
        self.steps += 1

    def _advance(
        self,
        kept: NDArray[np.float64],
        added: NDArray[np.float64],
        forces: NDArray[np.float64],
        cell_forces: Matrices,
    ) -> None:
        """Set velocities v to kept · v + added · f, and move along them."""
        self.velocities *= self.per_atom(kept)[:, None]
        self.velocities += self.per_atom(added)[:, None] * forces
        self.cell_velocities *= kept[:, None, None]
        self.cell_velocities += added[:, None, None] * cell_forces
        speed2 = self._dot(
            self.velocities, self.velocities, self.cell_velocities, self.cell_velocities
        )
        length = self.time_steps * np.sqrt(speed2)
        time = self.time_steps * _LONGEST_STEP / np.maximum(length, _LONGEST_STEP)
        self.positions += self.per_atom(time)[:, None] * self.velocities
        self.logarithms += (time / self.sizes)[:, None, None] * self.cell_velocities

    def _dot(
        self, one: NDArray[np.float64], other: NDArray[np.float64], cell: Matrices, of: Matrices
    ) -> NDArray[np.float64]:
        """Return the product of two vectors of all coordinates, for each structure, (B,)."""
        atoms = np.einsum("ni,ni->n", one, other)
        return np.add.reduceat(atoms, self.starts) + np.einsum("bij,bij->b", cell, of)
