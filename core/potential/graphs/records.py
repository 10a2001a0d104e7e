"""Packed graphs as bytes, small enough to keep by the million.

A record holds what follows from the structure but takes time to find: bonds and angles. The
structure itself is given again when the graph is read. All arrays of a graph lie side by side, so
that a graph that is not yet in memory is one read from the disk. Each array has the smallest type
that holds its numbers, which follows from the sizes alone. The first legs of the angles, sorted by
directed bond, follow from the number of angles that each directed bond begins. A record takes a
quarter of the memory of its graph.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.potential.graph import HasStructure, PackedGraph

RECORD_VERSION = 2
"""To be raised with every change of the layout or meaning of the bytes."""

_ALIGNMENT = 4
"""Records begin at multiples of this many bytes, the widest type in them."""


class RecordSize(NamedTuple):
    """The sizes that say how a record is laid out.

    Attributes:
        n_atoms: atoms.
        n_bonds: bonds.
        n_short: bonds that are a leg of an angle.
        n_angles: angles.
        image_bytes: bytes of a component of a bond's cell, 1 or 4.
    """

    n_atoms: int
    n_bonds: int
    n_short: int
    n_angles: int
    image_bytes: int


def encode(graph: PackedGraph) -> tuple[RecordSize, NDArray[np.uint8]]:
    """Return a graph's sizes and its record, whose length is a multiple of 4 bytes."""
    far = np.abs(graph.bond_image).max(initial=0) > np.iinfo(np.int8).max
    size = RecordSize(
        n_atoms=graph.n_atoms,
        n_bonds=len(graph.bond_center),
        n_short=len(graph.short_bonds),
        n_angles=len(graph.angle_first),
        image_bytes=4 if far else 1,
    )
    first = 2 * graph.angle_first.astype(np.int64) + graph.angle_first_reversed
    second = 2 * graph.angle_second.astype(np.int64) + graph.angle_second_reversed
    if (np.diff(first) < 0).any():
        raise ValueError("the angles of a graph are not sorted by their first leg")
    record = np.zeros(length_of(size), dtype=np.uint8)
    content = (
        graph.bond_center,
        graph.bond_neighbor,
        graph.bond_image,
        graph.short_bonds,
        np.bincount(first, minlength=2 * size.n_short),
        second,
    )
    for view, array in zip(_views(record, size), content, strict=True):
        view[...] = array
    return size, record


def decode(record: NDArray[np.uint8], size: RecordSize, structure: HasStructure) -> PackedGraph:
    """Return a graph whose bonds are views of its record.

    Args:
        record: the bytes, from the beginning of the record; more may follow.
        size: its sizes.
        structure: the structure that the graph was made of.
    """
    center, neighbor, image, short, begun, second = _views(record, size)
    first = np.repeat(np.arange(2 * size.n_short, dtype=second.dtype), begun)
    return PackedGraph(
        atomic_numbers=np.asarray(structure.atomic_numbers, dtype=np.uint8),
        frac_coords=np.asarray(structure.frac_coords, dtype=np.float64),
        lattice=np.asarray(structure.lattice, dtype=np.float64),
        bond_center=center,
        bond_neighbor=neighbor,
        bond_image=image,
        short_bonds=short,
        angle_first=first >> 1,
        angle_first_reversed=(first & 1).astype(bool),
        angle_second=second >> 1,
        angle_second_reversed=(second & 1).astype(bool),
    )


def _layout(size: RecordSize) -> Iterator[tuple[slice, np.dtype, tuple[int, ...]]]:
    """Yield place, type and shape of each array of a record."""
    atom = np.min_scalar_type(size.n_atoms)
    bond = np.min_scalar_type(size.n_bonds)
    leg = np.min_scalar_type(2 * size.n_short)
    arrays: tuple[tuple[np.dtype, tuple[int, ...]], ...] = (
        (atom, (size.n_bonds,)),
        (atom, (size.n_bonds,)),
        (np.dtype(f"i{size.image_bytes}"), (size.n_bonds, 3)),
        (bond, (size.n_short,)),
        (np.min_scalar_type(size.n_angles), (2 * size.n_short,)),
        (leg, (size.n_angles,)),
    )
    end = 0
    for dtype, shape in arrays:
        begin = end + -end % dtype.itemsize
        end = begin + dtype.itemsize * shape[0] * (shape[1] if len(shape) > 1 else 1)
        yield slice(begin, end), dtype, shape


def length_of(size: RecordSize) -> int:
    """Return the bytes of a record."""
    end = max(place.stop for place, _, _ in _layout(size))
    return end + -end % _ALIGNMENT


def _views(record: NDArray[np.uint8], size: RecordSize) -> list[NDArray[Any]]:
    return [record[place].view(dtype).reshape(shape) for place, dtype, shape in _layout(size)]
