"""An import that ends before it is complete, as one that was killed."""

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from core.frames import resuming, shard_writer
from core.frames.resuming import Journal
from core.frames.sources.importing import import_dataset

N = 40
N_KEPT = 12


def salts(*numbers):
    for n in numbers:
        atoms = Atoms("NaCl", cell=np.eye(3) * (4 + n / 100), pbc=n % 5 > 0)
        atoms.positions[1] = 2
        atoms.calc = SinglePointCalculator(
            atoms, energy=-7.0 - n / 50, forces=[[0, 0, 0.1]] * 2 if n % 3 else None
        )
        atoms.info["mp_id"] = f"mp-{n % 9}"
        yield atoms


def end_import(folder, monkeypatch, name="salts"):
    """End an import of 40 frames when 12 are written; return its file."""
    path = folder / "set.xyz"
    ase.io.write(path, list(salts(*range(N))), format="extxyz")
    note = Journal.note

    def ends(self, writer):
        note(self, writer)
        if writer.n_written >= N_KEPT:
            raise KeyboardInterrupt

    monkeypatch.setattr(shard_writer, "BATCH_ROWS", 4)
    # What began in this process counts as ended.
    monkeypatch.setattr(resuming, "is_alive", lambda *_: False)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "note", ends)
        with pytest.raises(KeyboardInterrupt):
            import_dataset(path, "frames", name=name, functional="PBE")
    return path
