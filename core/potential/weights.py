"""The parameters of a stock CHGNet, read into the shape in which the forward pass uses them.

Nothing is copied: every tensor is a parameter of the module or a differentiable rearrangement of
some, so gradients arrive at the stock parameters under their stock names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from chgnet.model import CHGNet
from torch import Tensor

from core.potential.kernels.products import linear

Affine = tuple[Tensor, Tensor]
Read = Callable[[str], Tensor]

READOUT_PLACES = (0, 2, 4, 7)
"""Places of the linear layers in the stock energy readout."""

ATOMREF = "composition_model.fc.weight"
"""Stock name of the AtomRef, (1, 94)."""

EMBEDDING = "atom_embedding.embedding.weight"
"""Stock name of the initial atom features, (94, d)."""

OFFSETS = "atom_embedding.offsets"
"""Name of what each of K functionals adds to them, (K, 94, d), where a model is trained on several;
stock has no such parameter, see `core.training.step.offsets`."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Gate:
    """One gated perceptron φ(x) = silu(LN(core(x))) ⊙ σ(LN(gate(x))), CHGNet's form of a message.

    Here x concatenates features of some atoms, bonds and an angle, and core and gate have one or
    two linear layers each. Stock multiplies the whole concatenation by the first layer once per
    message, although an atom sends and receives some fifty messages with the same features. But a
    matrix times a concatenation is a sum over its blocks,

        W [a, b, c] + β = W_a a + W_b b + W_c c + β,

    so here each block is multiplied once per atom or bond, and messages gather the products and
    add them. Core and gate read the same input, hence their first layers are stacked in one matrix.

    Attributes:
        blocks: first-layer matrix of each block of the input, (2h, width of the block) each.
        bias: first-layer bias β, (2h,).
        second: second layers (weight, bias) of core and gate, or None where one layer is all.
        norms: layer norms (weight, bias) of core and gate.
    """

    blocks: tuple[Tensor, ...]
    bias: Tensor
    second: tuple[Affine, Affine] | None
    norms: tuple[Affine, Affine]

    @classmethod
    def of(cls, read: Read, name: str, n_blocks: int, *, layers: Sequence[int]) -> "Gate":
        """Read a stock ``GatedMLP``.

        Args:
            read: gives a parameter by its name.
            name: name of the stock module.
            n_blocks: number of equally wide blocks of the input.
            layers: places of the linear layers in the stock perceptrons, one or two.

        Returns:
            The gate.
        """
        core, gate = (
            [_affine(read, f"{name}.{part}.layers.{layer}") for layer in layers]
            for part in ("mlp_core", "mlp_gate")
        )
        return cls(
            blocks=torch.cat([core[0][0], gate[0][0]]).chunk(n_blocks, dim=1),
            bias=torch.cat([core[0][1], gate[0][1]]),
            second=(core[1], gate[1]) if len(layers) > 1 else None,
            norms=(_affine(read, f"{name}.bn1"), _affine(read, f"{name}.bn2")),
        )

    def outputs(self, core: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the layer norms of core and gate take, from their first layers' output.

        Args:
            core: of the core, (n, h), after silu where there is a second layer.
            gate: of the gate, likewise.
        """
        if self.second is None:
            return core, gate
        return linear(core, *self.second[0]), linear(gate, *self.second[1])


@dataclass(kw_only=True, frozen=True, slots=True)
class Weights:
    """All parameters of a CHGNet with d features, k radial and m angular functions.

    Attributes:
        atomref: energy of each element in eV/atom, (1, 94).
        elements: initial atom features of each element, (94, d); of K functionals one table below
            the other, (94 K, d).
        bond_frequencies: radial frequencies of the atom graph, (k,).
        short_frequencies: radial frequencies of the bond graph, (k,).
        bond_embedding: radial basis to bond features, (d, k).
        bond_weight: radial basis to the weight of an atom message, (d, k).
        short_weight: radial basis to the weight of a bond message, (d, k).
        angle_frequencies: angular frequencies, ((m − 1) / 2,).
        angle_embedding: angular basis to angle features, (d, m).
        atom_gates: atom messages of each level; blocks: atom, bond, neighbour.
        atom_out: output matrix (d, d) of each level's atom update.
        bond_gates: bond messages of each level but the last; blocks: bond, other bond, angle, atom.
        bond_out: output matrix (d, d) of each level's bond update.
        angle_gates: angle updates of each level but the last two, blocks as in ``bond_gates``. The
            stock module has one more, whose result enters nothing.
        site: magnetic moment readout (weight, bias).
        readout_norm: layer norm (weight, bias) before the energy readout.
        readout: linear layers (weight, bias) of the energy readout.
    """

    atomref: Tensor
    elements: Tensor
    bond_frequencies: Tensor
    short_frequencies: Tensor
    bond_embedding: Tensor
    bond_weight: Tensor
    short_weight: Tensor
    angle_frequencies: Tensor
    angle_embedding: Tensor
    atom_gates: tuple[Gate, ...]
    atom_out: tuple[Tensor, ...]
    bond_gates: tuple[Gate, ...]
    bond_out: tuple[Tensor, ...]
    angle_gates: tuple[Gate, ...]
    site: Affine
    readout_norm: Affine
    readout: tuple[Affine, ...]

    @classmethod
    def of(cls, model: CHGNet, *, differentiable: bool) -> "Weights":
        """Read a stock module of the released architecture.

        Args:
            model: the module.
            differentiable: whether autograd tracks the parameters; if not, it keeps fewer
                intermediate results.

        Returns:
            The parameters.
        """
        parameters = dict(model.named_parameters())

        def read(name: str) -> Tensor:
            return parameters[name] if differentiable else parameters[name].detach()

        levels = range(model.n_conv)
        return cls(
            atomref=read(ATOMREF),
            elements=_elements(read, stacked=OFFSETS in parameters),
            bond_frequencies=read("bond_basis_expansion.rbf_expansion_ag.frequencies"),
            short_frequencies=read("bond_basis_expansion.rbf_expansion_bg.frequencies"),
            bond_embedding=read("bond_embedding.weight"),
            bond_weight=read("bond_weights_ag.weight"),
            short_weight=read("bond_weights_bg.weight"),
            angle_frequencies=read("angle_basis_expansion.fourier_expansion.frequencies"),
            angle_embedding=read("angle_embedding.weight"),
            atom_gates=tuple(
                Gate.of(read, f"atom_conv_layers.{level}.twoBody_atom", 3, layers=(0, 3))
                for level in levels
            ),
            atom_out=tuple(
                read(f"atom_conv_layers.{level}.mlp_out.layers.1.weight") for level in levels
            ),
            bond_gates=tuple(
                Gate.of(read, f"bond_conv_layers.{level}.twoBody_bond", 4, layers=(0, 3))
                for level in levels[:-1]
            ),
            bond_out=tuple(
                read(f"bond_conv_layers.{level}.mlp_out.layers.1.weight") for level in levels[:-1]
            ),
            angle_gates=tuple(
                Gate.of(read, f"angle_layers.{level}.twoBody_bond", 4, layers=(1,))
                for level in levels[:-2]
            ),
            site=_affine(read, "site_wise"),
            readout_norm=_affine(read, "readout_norm"),
            readout=tuple(_affine(read, f"mlp.layers.{layer}") for layer in READOUT_PLACES),
        )


def _elements(read: Read, *, stacked: bool) -> Tensor:
    shared = read(EMBEDDING)
    return (shared + read(OFFSETS)).flatten(0, 1) if stacked else shared


def _affine(read: Read, name: str) -> Affine:
    return read(f"{name}.weight"), read(f"{name}.bias")
