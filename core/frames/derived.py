"""Numbers per frame that follow from its arrays, for all frames at once."""

import numpy as np
import pyarrow as pa

from core.frames.shards import ShardReader


def volumes_per_atom(shards: ShardReader) -> np.ndarray:
    """Return the volume per atom of each frame, (n,) Å³."""
    cells = [chunk.flatten().to_numpy() for chunk in shards.column("lattice").chunks]
    lattices = np.concatenate([np.zeros(0), *cells]).reshape(-1, 3, 3)
    volumes: np.ndarray = np.abs(np.linalg.det(lattices)) / shards.column("n_atoms").to_numpy()
    return volumes


def mean_magmoms(shards: ShardReader) -> np.ndarray:
    """Return the mean magnitude of each frame's magmoms, (n,) μB per atom, NaN without magmoms."""
    means = [_means(chunk) for chunk in shards.column("magmoms").chunks]
    return np.concatenate([np.zeros(0), *means])


def _means(chunk: pa.ListArray) -> np.ndarray:
    means = np.full(len(chunk), np.nan)
    sizes = chunk.value_lengths().fill_null(0).to_numpy()
    filled = np.flatnonzero(sizes)
    if len(filled):
        # Rows without magmoms take no place in the flat array.
        flat = np.abs(chunk.flatten().to_numpy())
        starts = np.concatenate([[0], np.cumsum(sizes[filled])[:-1]])
        means[filled] = np.add.reduceat(flat, starts) / sizes[filled]
    return means
