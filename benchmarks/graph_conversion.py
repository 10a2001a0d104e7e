"""Structure to graph: core.potential.graph against chgnet's CrystalGraphConverter (its C code).

    python benchmarks/graph_conversion.py [--structures 320] [--repeats 10]

Stock is given ready pymatgen Structures, ours the arrays of a stored frame. The graphs are always
made on the CPU, whatever the device.
"""

import hashlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from chgnet.graph import CrystalGraph, CrystalGraphConverter
from harness.contest import Contest
from harness.worker import Piece, Work, chunks
from harness.workload import structures_of
from pymatgen.core import Structure

from core.frames.schema import Frame
from core.potential.graph import PackedGraph, convert

PIECE = 80
"""Structures timed at a time."""


def stock(work: Work) -> list[Piece]:
    """Convert with the stock package."""
    converter = CrystalGraphConverter(atom_graph_cutoff=6, bond_graph_cutoff=3)
    structures = structures_of(work.frames)

    def several(some: Sequence[Structure]) -> list[CrystalGraph]:
        return [converter(structure) for structure in some]

    parts = chunks(len(structures), PIECE)
    return [partial(several, structures[part]) for part in parts]


def ours(work: Work) -> list[Piece]:
    """Convert with the lab."""

    def several(some: Sequence[Frame]) -> list[PackedGraph]:
        return [convert(one.atomic_numbers, one.frac_coords, one.lattice) for one in some]

    parts = chunks(len(work.frames), PIECE)
    return [partial(several, work.frames[part]) for part in parts]


def tell(graphs: Sequence[CrystalGraph] | Sequence[PackedGraph]) -> list[tuple[str, int]]:
    """Return a digest of each graph's bonds, in their order, and its number of angles."""
    return [_digest(graph) for graph in graphs]


def agreement(theirs: Sequence[Any], mine: Sequence[Any]) -> dict[str, Any]:
    """Count the structures with the same bonds in the same order and as many angles."""
    return {
        "n_equal_graphs": sum(
            one == other
            for some, others in zip(theirs, mine, strict=True)
            for one, other in zip(some, others, strict=True)
        )
    }


def _digest(graph: CrystalGraph | PackedGraph) -> tuple[str, int]:
    if isinstance(graph, PackedGraph):
        bonds = (graph.bond_center, graph.bond_neighbor, *graph.bond_image.T)
        n_angles = len(graph.angle_first)
    else:
        first = graph.undirected2directed.numpy()
        bonds = (*graph.atom_graph.numpy()[first].T, *graph.neighbor_image.numpy()[first].T)
        n_angles = len(graph.bond_graph)
    columns = np.column_stack(bonds).astype(np.int64)
    return hashlib.sha256(columns.tobytes()).hexdigest(), n_angles


CONTEST = Contest(
    name="graph_conversion",
    script=__file__,
    arms={"stock": stock, "arrays": ours},
    per="structure",
    units=lambda work, _: len(work.frames),
    tell=tell,
    agreement=agreement,
    batches=20,
    repeats=10,
)

if __name__ == "__main__":
    CONTEST.main()
