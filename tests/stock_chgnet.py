"""Stock chgnet's own forward, in the precision that its model has."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import chgnet.model.model
import torch
from chgnet.graph import CrystalGraph, CrystalGraphConverter
from chgnet.model import CHGNet
from pymatgen.core import Structure

CONVERTER = CrystalGraphConverter(atom_graph_cutoff=6, bond_graph_cutoff=3)


def stock_prediction(model: CHGNet, structures: Sequence[Structure]) -> SimpleNamespace:
    """Return energies (n,), forces (N, 3), stresses (n, 3, 3) and magmoms (N,) by stock chgnet.

    Its coordinates are undisturbed, and it works in the precision and on the device of the model.
    """
    weight = model.site_wise.weight
    graphs = [_graph(one, weight.dtype).to(str(weight.device)) for one in structures]
    with _precision(model, weight.dtype):
        found = model(graphs, task="efsm")
    return SimpleNamespace(
        energy=found["e"],
        forces=torch.cat(found["f"]),
        stress=torch.stack(list(found["s"])),
        magmoms=torch.cat(found["m"]),
    )


def _graph(structure: Structure, dtype: torch.dtype) -> CrystalGraph:
    graph = CONVERTER(structure)
    graph.atom_frac_coord = torch.tensor(structure.frac_coords, dtype=dtype, requires_grad=True)
    graph.lattice = torch.tensor(structure.lattice.matrix.copy(), dtype=dtype, requires_grad=True)
    graph.neighbor_image = graph.neighbor_image.to(dtype)
    return graph


@contextlib.contextmanager
def _precision(model: CHGNet, dtype: torch.dtype) -> Iterator[None]:
    """Make stock chgnet, which writes single precision into its code, work in ``dtype``."""

    def fractions(graphs: list[CrystalGraph]) -> torch.Tensor:
        counts = [torch.bincount(graph.atomic_number - 1, minlength=94) for graph in graphs]
        return torch.stack([count.to(dtype) / count.sum() for count in counts])

    before = chgnet.model.model.TORCH_DTYPE
    chgnet.model.model.TORCH_DTYPE = dtype
    model.composition_model._assemble_graphs = fractions
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Converting a tensor with requires_grad=True")
            yield
    finally:
        chgnet.model.model.TORCH_DTYPE = before
        del model.composition_model._assemble_graphs
