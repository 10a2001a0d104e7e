"""From a file in the form of MPtrj to the store, against CHGNet's own way of reading it.

    python benchmarks/store.py [--megabytes 50] [--repeats 3] [--large GB]

Ours is an import as `atomref import` makes it: read, convert, check, note how far it is, write,
hash. Stock is json.load and a pymatgen Structure with arrays of labels per frame, as CHGNet's
StructureJsonData makes them, in memory. The file is generated: embedded structures, random labels.
--large GB imports a file of that size, too, ours alone. Prints one line of JSON.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from harness.turns import Reader, main
from pymatgen.core import Structure

from core.frames.sources.importing import import_dataset


def ours(path: Path) -> int:
    """Import into a data set, with the journal by which an import that was ended goes on."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        os.environ["ATOMREF_LAB_HOME"] = folder
        return import_dataset(path, "frames", name="benchmark", functional="GGA/GGA+U").n


def stock(path: Path) -> int:
    """Read into memory as CHGNet does."""
    with path.open("rb") as file:
        materials = json.load(file)
    n = 0
    for frames in materials.values():
        for frame in frames.values():
            Structure.from_dict(frame["structure"])
            np.array(frame["force"])
            -0.1 * np.array(frame["stress"])
            np.abs(frame["magmom"]) if frame["magmom"] is not None else None
            n += 1
    return n


READERS: dict[str, Reader] = {"ours": ours, "stock": stock}


if __name__ == "__main__":
    main(__file__, READERS, None, megabytes=50)
