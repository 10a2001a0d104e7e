"""Frames as ASE's Atoms."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from core.frames.schema import Frame
from core.frames.units import EV_PER_A3

if TYPE_CHECKING:
    from ase import Atoms


def atoms_of(frame: Frame) -> "Atoms":
    """Return a frame as Atoms, whose labels are the results of a calculator.

    Energy in eV of the cell, forces in eV/Å, stress in eV/Å³ (xx, yy, zz, yz, xz, xy) with ASE's
    sign, magmoms in μB; a missing label has no result.
    """
    from ase import Atoms  # noqa: PLC0415  takes a while to import
    from ase.stress import full_3x3_to_voigt_6_stress  # noqa: PLC0415  the same

    atoms = Atoms(
        numbers=frame.atomic_numbers,
        scaled_positions=frame.frac_coords,
        cell=frame.lattice,
        pbc=frame.pbc,
    )
    labels = {
        "energy": total(frame, frame.energy_per_atom),
        "forces": frame.forces,
        "stress": None
        if frame.stress is None
        else full_3x3_to_voigt_6_stress(frame.stress) / EV_PER_A3,
        "magmoms": frame.magmoms,
    }
    known = {name: value for name, value in labels.items() if value is not None}
    atoms.calc = _calculator()(atoms, **known)
    return atoms


def total(frame: Frame, energy_per_atom: float | None) -> float | None:
    """Return an energy of a frame in eV, None where it is missing."""
    return None if energy_per_atom is None else energy_per_atom * len(frame)


@lru_cache(maxsize=1)
def _calculator() -> Any:
    """Return the class that holds labels."""
    from ase.calculators.singlepoint import SinglePointCalculator  # noqa: PLC0415  slow to import

    class Labels(SinglePointCalculator):
        """Labels of atoms that nothing changes, so that ASE need not look for it each time."""

        def check_state(self, *_given: Any, **_settings: Any) -> list[str]:
            """Return that nothing has changed."""
            return []

    return Labels
