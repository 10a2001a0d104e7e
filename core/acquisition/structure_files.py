"""Chosen materials as files: structures from which pymatgen writes the inputs of VASP."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.errors import LabError
from core.frames.schema import Frame
from core.scaling.planner import Cost

if TYPE_CHECKING:
    from pymatgen.core import Structure

_WHEN = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive, so that the same choice gives the same bytes."""

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


def structures_zip(
    frames: Sequence[Frame | None], table: pd.DataFrame, *, cost: Cost | None = None
) -> bytes:
    """Return an archive of structures.

    Args:
        frames: the chosen structures, in order.
        table: one row each, with the columns material_id and formula, and any others, as
            `core.studies.acquisition.Next.table` returns it.
        cost: what a calculation costs; None leaves the estimate out.

    Returns:
        The bytes of a zip file with README.txt, materials.csv, structures.json, and one POSCAR and
        one CIF a material.

    Raises:
        LabError: nothing was chosen, or a row has no structure.
    """
    if not len(frames):
        raise LabError("No material was chosen; ask for at least one.")
    # Slow to import, and only this needs it.
    from pymatgen.io.cif import CifWriter  # noqa: PLC0415
    from pymatgen.io.vasp import Poscar  # noqa: PLC0415

    ids = table["material_id"].astype(str).tolist()
    structures = [_structure(frame, name) for frame, name in zip(frames, ids, strict=True)]
    listed = table.assign(n_atoms=[len(one) for one in structures])
    if cost is not None:
        listed["core_hours"] = np.round(cost.hours_each(listed["n_atoms"].to_numpy()), 3)
    files = {
        "README.txt": _README.format(n=len(structures)),
        "materials.csv": listed.to_csv(index=False),
        "structures.json": json.dumps([one.as_dict() for one in structures]),
    }
    for number, (name, structure) in enumerate(zip(ids, structures, strict=True), start=1):
        # Ids come from users' files: a name on the disk takes only their harmless letters.
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
    from pymatgen.core import Structure  # noqa: PLC0415  slow to import

    if frame is None:
        raise LabError(f"{name}: has no structure; choose materials that have one.")
    return Structure(
        frame.lattice,
        [SYMBOLS[number - 1] for number in frame.atomic_numbers],
        frame.frac_coords,
        properties={"material_id": name},
    )
