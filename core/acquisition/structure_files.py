"""An archive of chosen structures, from which pymatgen writes the inputs of VASP."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from core.csv_text import csv_text
from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.schema import Frame

if TYPE_CHECKING:
    from pymatgen.core import Structure

_WHEN = (1980, 1, 1, 0, 0, 0)
"""Time of every file in the archive, so that the same choice gives the same bytes."""

_README = """\
{n} structures to compute next, in this order. materials.csv says why each was chosen.
poscar/ and cif/ hold them as single files, structures.json all of them for pymatgen.

To write the inputs of VASP (pymatgen must know where your POTCAR files are: PMG_VASP_PSP_DIR):

import json
from pymatgen.core import Structure
from pymatgen.io.vasp.sets import MatPESStaticSet  # MPScanRelaxSet to relax in r2SCAN
for entry in json.load(open("structures.json")):
    structure = Structure.from_dict(entry)
    inputs = MatPESStaticSet(structure, xc_functional="R2SCAN")  # or "PBE"
    inputs.write_input(structure.properties["material_id"])
"""


def structures_zip(frames: Sequence[Frame | None], table: pd.DataFrame) -> bytes:
    """Return an archive of structures.

    Args:
        frames: the chosen structures, in order.
        table: one row each, with the column material_id and any others, as
            `core.studies.acquisition.NextMaterials.table` returns it.

    Returns:
        The bytes of a zip file with README.txt, materials.csv, structures.json, and one POSCAR and
        one CIF per material.

    Raises:
        LabError: if nothing was chosen, or a row has no structure.
    """
    if not len(frames):
        raise LabError("No material was chosen; ask for at least one.")
    # pymatgen is slow to import.
    from pymatgen.io.cif import CifWriter  # noqa: PLC0415
    from pymatgen.io.vasp import Poscar  # noqa: PLC0415

    ids = table["material_id"].astype(str).tolist()
    structures = [_structure(frame, name) for frame, name in zip(frames, ids, strict=True)]
    files = {
        "README.txt": _README.format(n=len(structures)),
        "materials.csv": csv_text(table.round({"core_hours": 3})),
        "structures.json": json.dumps([structure.as_dict() for structure in structures]),
    }
    for number, (name, structure) in enumerate(zip(ids, structures, strict=True), start=1):
        # Ids come from users' files: file names take only their safe characters.
        stem = f"{number:04d}-{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}"
        comment = f"{name} {structure.composition.reduced_formula}"
        files[f"poscar/{stem}.vasp"] = Poscar(
            structure, comment=" ".join(comment.split()), sort_structure=True
        ).get_str(significant_figures=10)
        files[f"cif/{stem}.cif"] = str(CifWriter(structure, significant_figures=10))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _structure(frame: Frame | None, name: str) -> "Structure":
    from pymatgen.core import Structure  # noqa: PLC0415

    if frame is None:
        raise LabError(f"{name}: has no structure; choose materials that have one.")
    return Structure(
        frame.lattice,
        [SYMBOLS[number - 1] for number in frame.atomic_numbers],
        frame.frac_coords,
        properties={"material_id": name},
    )
