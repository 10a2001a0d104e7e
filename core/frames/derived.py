"""Numbers a frame that follow from its arrays, for all frames at once."""

import numpy as np
import pyarrow as pa

from core.frames.shards import ShardReader


def volumes_per_atom(shards: ShardReader) -> np.ndarray:
    """Return the cell's volume an atom of each frame, (n,) Å³."""
    cells = [chunk.flatten().to_numpy() for chunk in shards.column("lattice").chunks]
    lattices = np.concatenate([np.zeros(0), *cells]).reshape(-1, 3, 3)
    return np.abs(np.linalg.det(lattices)) / shards.column("n_atoms").to_numpy()


def mean_magmoms(shards: ShardReader) -> np.ndarray:
    """Return the mean magnitude of each frame's magmoms, (n,) μB an atom; NaN without any."""
    found = [np.zeros(0), *(_means(chunk) for chunk in shards.column("magmoms").chunks)]
    return np.concatenate(found)


def _means(chunk: pa.ListArray) -> np.ndarray:
    means = np.full(len(chunk), np.nan)
    sizes = chunk.value_lengths().fill_null(0).to_numpy()
    held = np.flatnonzero(sizes)
    if len(held):
        # Flattened, rows without magmoms take no place.
        flat = np.abs(chunk.flatten().to_numpy())
        starts = np.concatenate([[0], np.cumsum(sizes[held])[:-1]])
        means[held] = np.add.reduceat(flat, starts) / sizes[held]
    return means
