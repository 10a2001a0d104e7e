"""Volumes and magmoms of all frames at once, against frame by frame."""

import numpy as np
import pytest
from pymatgen.core import Lattice

from core.frames.pairs import open_pairs, write_pairs
from core.frames.schema import Card, EnergyColumn, Frame
from core.frames.store import open_frames, write_frames


def make_frames(rng, n):
    for i in range(n):
        size = int(rng.integers(1, 6))
        cell = Lattice.from_parameters(*rng.uniform(3, 8, 3), *rng.uniform(70, 110, 3))
        yield Frame(
            frame_id=f"f{i}",
            material_id=f"m{i // 2}",
            atomic_numbers=rng.integers(1, 80, size).astype(np.uint8),
            frac_coords=rng.random((size, 3)),
            lattice=cell.matrix.copy(),
            energy_per_atom=-1.0,
            magmoms=None if i % 3 == 0 else rng.normal(0, 2, size),
        )


@pytest.mark.parametrize("shard_size", [4, 1000])
def test_frames(tmp_path, shard_size):
    frames = list(make_frames(np.random.default_rng(1), 23))
    card = Card(name="made", kind="frames", functional="PBE", labels="dft")
    write_frames(tmp_path / "made", card, frames, shard_size=shard_size)
    stored = open_frames(tmp_path / "made")
    volumes = [Lattice(one.lattice).volume / len(one.atomic_numbers) for one in frames]
    np.testing.assert_allclose(stored.volumes_per_atom(), volumes)
    means = [np.nan if one.magmoms is None else np.abs(one.magmoms).mean() for one in frames]
    np.testing.assert_allclose(stored.mean_magmoms(), means)


def test_pairs_of_which_some_lack_a_structure(tmp_path):
    import pandas as pd  # noqa: PLC0415

    frames = list(make_frames(np.random.default_rng(2), 3))
    energies = [EnergyColumn(column="e", functional="PBE", corrections="none", labels="dft")]
    card = Card(name="made", kind="pairs", labels="dft", energies=energies)
    table = pd.DataFrame({"material_id": list("abcd"), "formula": ["Fe"] * 4, "e": 1.0})
    write_pairs(tmp_path / "made", card, table, [frames[0], None, frames[2], None])
    volumes = open_pairs(tmp_path / "made").volumes_per_atom()
    assert np.isnan(volumes[[1, 3]]).all()
    cells = [Lattice(one.lattice).volume / len(one.atomic_numbers) for one in frames]
    np.testing.assert_allclose(volumes[[0, 2]], [cells[0], cells[2]])
