"""ASE's Atoms as records."""

from typing import Any, Final

from ase import Atoms

from core.frames.column_names import POTENTIALS
from core.frames.sources.atoms.rows import atomic_numbers
from core.frames.sources.records import Record, present

_STRUCTURE: Final = frozenset({"numbers", "positions"})
_MODELS: Final = tuple(sorted({*POTENTIALS, "emt", "lj"}))
"""Names of potentials in the names of ASE's calculators."""


def record_of_atoms(atoms: Atoms, where: str) -> Record:
    """Return atoms as a record, whose values are info, arrays and the calculator's results.

    Args:
        atoms: the atoms.
        where: their place.

    Raises:
        CellError: if they contain an element beyond Pu.
    """
    values: dict[str, Any] = dict(atoms.info)
    values |= {key: value for key, value in atoms.arrays.items() if key not in _STRUCTURE}
    if atoms.calc is not None:
        values |= getattr(atoms.calc, "results", {})
        parameters = getattr(atoms.calc, "parameters", None) or {}
        if isinstance(xc := parameters.get("xc"), str):
            values.setdefault("xc", xc)
    return Record(
        where=where,
        atomic_numbers=atomic_numbers(atoms.numbers),
        lattice=atoms.cell.array if atoms.cell.rank else None,
        positions=atoms.positions,
        pbc=(bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        values=present(values),
    )


def model_of(calculator: object) -> str | None:
    """Return the name of a calculator if it is a potential rather than DFT, None otherwise."""
    name = str(getattr(calculator, "name", "") or "").lower()
    return next((model for model in _MODELS if name.startswith(model)), None)
