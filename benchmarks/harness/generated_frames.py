"""Synthetic data sets of any size, in the proportions of MPtrj: for measuring, not for learning.

A material has 1 to 6 elements, of which a few are common and most are rare, a cell of some 31 atoms
and 11 frames that differ a little. Energies are a random one per element and noise; forces,
stresses and magmoms are random numbers of a usual size. Half of the materials have magmoms, a
third of the frames a band gap. Everything follows from one seed.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from core.elements import N_ELEMENTS, formula_of
from core.frames.layout import SCHEMA
from core.frames.schema import Card
from core.frames.shard_writer import BATCH_ROWS
from core.frames.store import write_frames

FRAMES_PER_MATERIAL = 11
LABELS = "synthetic"
"""Origin of the labels, which marks them wherever they are shown."""

_MEAN_ATOMS = 31.0
_LARGEST = 200
_COMMON = (8, 3, 15, 16, 9, 26, 12, 25, 27, 14)
"""Atomic numbers of the elements that occur most, the first one in half of the materials."""


def write_generated(directory: Path, n: int, *, functional: str = "r2SCAN") -> Card:
    """Write a synthetic data set of frames.

    Args:
        directory: directory of the data set; must not exist.
        n: number of frames.
        functional: sets of two functionals have the same frames, but for one energy per element.
    """
    card = Card(
        name=directory.name,
        title=f"{n:,} synthetic frames",
        description="Made for measurements; the labels are random numbers.",
        kind="frames",
        functional=functional,
        labels=LABELS,
        corrections="none",
        licence="CC0-1.0",
    )
    return write_frames(directory, card, batches(n, functional=functional))


def batches(n: int, *, functional: str = "r2SCAN") -> Iterator[pa.RecordBatch]:
    """Yield n synthetic frames as record batches."""
    rng = np.random.default_rng(0)
    references = np.random.default_rng(list(functional.encode())).uniform(-12.0, -2.0, N_ELEMENTS)
    per_batch = BATCH_ROWS // FRAMES_PER_MATERIAL
    first = 0
    while first * FRAMES_PER_MATERIAL < n:
        rows = min(per_batch * FRAMES_PER_MATERIAL, n - first * FRAMES_PER_MATERIAL)
        yield _batch(first, rows, rng, references)
        first += per_batch


def _batch(first: int, rows: int, rng: np.random.Generator, elements: np.ndarray) -> pa.RecordBatch:
    """Return frames of consecutive materials, of which the first has the number `first`."""
    n_materials = -(-rows // FRAMES_PER_MATERIAL)
    cells = [_cell(rng) for _ in range(n_materials)]
    material = np.repeat(np.arange(n_materials), FRAMES_PER_MATERIAL)[:rows]
    sizes = np.array([len(cell) for cell in cells])[material]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    numbers = np.concatenate([cells[each] for each in material]).astype(np.uint8)
    n_atoms = int(offsets[-1])
    energies = (
        np.add.reduceat(elements[numbers - 1], offsets[:-1]) / sizes
        - 0.5
        + 0.3 * rng.standard_normal(n_materials)[material]
    )
    edges = np.cbrt(sizes * rng.uniform(10, 20, n_materials)[material])
    lattices = edges[:, None, None] * (np.eye(3) + 0.05 * rng.standard_normal((rows, 3, 3)))
    scale = np.repeat(rng.exponential(0.15, rows), sizes)[:, None]
    ids = [f"syn-{first + each:06d}" for each in range(n_materials)]
    formulas = [formula_of(cell) for cell in cells]
    tensors = rng.standard_normal((rows, 3, 3)) * rng.exponential(2.0, rows)[:, None, None]
    magnetic = (rng.random(n_materials) < 0.5)[material]
    gaps = np.maximum(rng.normal(0.5, 2.0, rows), 0.0)
    step = np.arange(rows) % FRAMES_PER_MATERIAL
    columns = [
        pa.array([f"{ids[each]}-0-{k}" for each, k in zip(material, step, strict=True)]),
        pa.array([ids[each] for each in material]),
        pa.array([formulas[each] for each in material]),
        pa.array(sizes, pa.int32()),
        pa.array(energies + 0.01 * rng.standard_normal(rows)),
        pa.array(energies),
        pa.array(gaps, mask=rng.random(rows) > 1 / 3),
        _lists(offsets, pa.array(numbers)),
        _lists(offsets, _vectors(rng.random((n_atoms, 3)))),
        pa.FixedSizeListArray.from_arrays(pa.array(lattices.ravel()), 9),
        _lists(offsets, _vectors(scale * rng.standard_normal((n_atoms, 3)))),
        pa.FixedSizeListArray.from_arrays(
            pa.array((tensors + tensors.transpose(0, 2, 1)).ravel()), 9
        ),
        pa.ListArray.from_arrays(
            pa.array(np.concatenate([[0], np.cumsum(sizes * magnetic)]), pa.int32()),
            pa.array(rng.exponential(0.5, int((sizes * magnetic).sum()))),
            mask=pa.array(~magnetic),
        ),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def _cell(rng: np.random.Generator) -> np.ndarray:
    """Return the atomic numbers of a cell, in order."""
    n_elements = int(rng.choice(6, p=[0.02, 0.15, 0.38, 0.28, 0.13, 0.04])) + 1
    common = rng.random(len(_COMMON)) < 0.5 / np.arange(1, len(_COMMON) + 1)
    chosen = np.array(_COMMON)[common][:n_elements]
    others = np.setdiff1d(np.arange(1, N_ELEMENTS + 1), chosen)
    # Heavy elements are rarer.
    weights = 1.0 / (5.0 + np.arange(len(others)))
    more = rng.choice(others, n_elements - len(chosen), replace=False, p=weights / weights.sum())
    elements = np.concatenate([chosen, more])
    size = int(np.clip(rng.gamma(2.2, _MEAN_ATOMS / 2.2), len(elements), _LARGEST))
    counts = rng.multinomial(size - len(elements), rng.dirichlet(np.full(len(elements), 2.0))) + 1
    return np.sort(np.repeat(elements, counts))


def _lists(offsets: np.ndarray, items: pa.Array) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)


def _vectors(values: np.ndarray) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 3)
