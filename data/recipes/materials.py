"""Read the Materials Project structures in the source archive of matminer 0.4.0.

Four tables of ``matminer/datasets`` are keyed by Materials Project id: three hold POSCAR text, one
the text of a Python dictionary. Both are read as data, never evaluated. They come from

- flla_2015: Faber et al., Int. J. Quantum Chem. 115, 1094 (2015), doi:10.1002/qua.24917
- elastic_tensor: de Jong et al., Sci. Data 2, 150009 (2015), doi:10.1038/sdata.2015.9
- dielectric_constant: Petousis et al., Sci. Data 4, 160134 (2017), doi:10.1038/sdata.2016.134
- piezoelectric_tensor: de Jong et al., Sci. Data 2, 150053 (2015), doi:10.1038/sdata.2015.53
"""

import ast
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fetch import member
from pymatgen.io.vasp.inputs import Poscar

from core.elements import INDEX, formula_of

TABLES = {
    "flla_2015": "35b8dbc0b92f4dc7e219fd6606c3a27bee18a9618f376cfee1ff731e306210bb",
    "elastic_tensor": "f7a18c91fe5dcd51012e5b7e3a37f73aaee9087a036d61bdf9d6464b6fca51a6",
    "dielectric_constant": "ecbd410d33c95d5b05822cff6c7c0ba809a024b4ede3855ec5efc48d5e29ea77",
    "piezoelectric_tensor": "4be45c8df76a9600f789255ddcb05a92fc3807e0b96fd01e85713a58c34a2ae1",
}
"""SHA-256 of each table's file. The first table with an id gives its structure: flla_2015 has
lattices with eight decimals, the others with six."""

_NOT_A_NUMBER = re.compile(r"\bnan\b")
_LONGEST_CELL = 1 << 24

Sites = tuple[list[int], list[list[float]], list[list[float]]]


@dataclass(kw_only=True, frozen=True, slots=True)
class Material:
    """The structure of one Materials Project id.

    Attributes:
        material_id: Materials Project id, such as mp-149.
        source: name of the table of the structure.
        atomic_numbers: (n,) uint8.
        frac_coords: fractional coordinates, (n, 3).
        lattice: lattice vectors as rows, (3, 3), Å.
    """

    material_id: str
    source: str
    atomic_numbers: np.ndarray
    frac_coords: np.ndarray
    lattice: np.ndarray

    @property
    def formula(self) -> str:
        """Reduced formula as pymatgen writes it."""
        return formula_of(self.atomic_numbers)

    @property
    def elements(self) -> list[int]:
        """Atomic numbers that occur, ascending."""
        return sorted({int(number) for number in self.atomic_numbers})

    @property
    def volume_per_atom(self) -> float:
        """Cell volume over number of atoms, Å³."""
        return abs(float(np.linalg.det(self.lattice))) / len(self.atomic_numbers)


def read_materials(archive: Path) -> tuple[list[Material], Counter[str]]:
    """Read every ordered structure of elements H to Pu, one per Materials Project id.

    Args:
        archive: the matminer source archive.

    Returns:
        The materials sorted by the numbers in their ids, and the number of rows left out per
        reason.
    """
    chosen: dict[str, Material] = {}
    left_out: Counter[str] = Counter()
    for table, sha256 in TABLES.items():
        text = member(archive, f"matminer/datasets/{table}.csv", sha256).decode()
        for row in _rows(text):
            material_id = row["material_id"]
            if material_id in chosen:
                left_out["rows of an id that an earlier row has"] += 1
                continue
            poscar = row.get("poscar")
            sites = _from_poscar(poscar) if poscar else _from_literal(row["structure"])
            if sites is None:
                left_out["rows with disorder or an element beyond Pu"] += 1
                continue
            numbers, frac_coords, lattice = sites
            chosen[material_id] = Material(
                material_id=material_id,
                source=table,
                atomic_numbers=np.array(numbers, dtype=np.uint8),
                frac_coords=np.array(frac_coords, dtype=np.float64),
                lattice=np.array(lattice, dtype=np.float64),
            )
    return sorted(chosen.values(), key=_number), left_out


def _number(material: Material) -> int:
    return int(material.material_id.rpartition("-")[2])


def _rows(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of one table below its first line, which names the paper."""
    csv.field_size_limit(_LONGEST_CELL)
    lines = csv.reader(io.StringIO(text.partition("\n")[2], newline=""))
    header = next(lines)
    for values in lines:
        # Two tables have an unnamed column of row numbers.
        yield dict(zip(header, values[len(values) - len(header) :], strict=True))


def _from_poscar(text: str) -> Sites | None:
    structure = Poscar.from_str(text).structure
    if not structure.is_ordered or any(site.specie.symbol not in INDEX for site in structure):
        return None
    numbers = [int(site.specie.Z) for site in structure]
    return numbers, structure.frac_coords.tolist(), structure.lattice.matrix.tolist()


def _from_literal(text: str) -> Sites | None:
    # nan is the one word of these dictionaries that is no literal; only site properties hold it.
    structure = ast.literal_eval(_NOT_A_NUMBER.sub("None", text))
    sites = structure["sites"]
    for site in sites:
        species = site["species"]
        whole = len(species) == 1 and math.isclose(species[0]["occu"], 1.0)
        if not whole or species[0]["element"] not in INDEX:
            return None
    numbers = [INDEX[site["species"][0]["element"]] + 1 for site in sites]
    return numbers, [site["abc"] for site in sites], structure["lattice"]["matrix"]
