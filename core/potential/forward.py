"""The forward pass of CHGNet on a packed batch: the stock function at a fraction of its cost.

The model is CHGNet (Deng et al. 2023, DOI 10.1038/s42256-023-00716-3); its parameters are those of
the stock module, used functionally. Energies, forces, stresses, magmoms and parameter gradients
equal stock's. What is arranged differently, and why nothing changes:

* First linear layers are split over the blocks of their input (``core.potential.weights.Gate``).
* The energy depends on atoms and cell only through bond lengths r and angles θ. One autograd call
  gives ∂E/∂r and ∂E/∂θ, from which forces and virial follow by constant linear maps
  (``_mechanics``). Stock differentiates twice, by positions and by strain, through coordinates.
* The two directions of a bond share their length, basis, features and weight.
* Bond features change only on bonds that are a leg of an angle; the others keep their embedding.
* The last angle update is left out: its result enters nothing that follows.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812
from chgnet.model import CHGNet
from torch import Tensor

from core.potential.basis import radial_basis
from core.potential.batch import PackedBatch
from core.potential.graph import ANGLE_CUTOFF, BOND_CUTOFF
from core.potential.kernels.products import by_rows_alone, linear
from core.potential.messages import AngleFeatures, Legs, atom_messages, bond_messages
from core.potential.weights import READOUT_PLACES, Weights

GPA_PER_EV_PER_CUBIC_ANGSTROM = 160.21766208
"""As in chgnet, to stay equal to it."""


Tap = Callable[[str, Tensor, Tensor], None]
"""Takes the stock name of a module that works atom by atom, what goes in and what comes out."""


def _untapped(*_: object) -> None:
    pass


@dataclass(kw_only=True, frozen=True, slots=True)
class Prediction:
    """The prediction for a batch of B frames with N atoms in all.

    Attributes:
        energy: total energy in eV/atom, AtomRef included, (B,).
        interaction: what the network adds to AtomRef in eV/atom, (B,).
        forces: forces in eV/Å, (N, 3), or None if not requested.
        stress: stress in GPa with chgnet's sign (−0.1 × VASP's kBar), (B, 3, 3), or None.
        magmoms: absolute magnetic moments in μB, (N,), or None.
    """

    energy: Tensor
    interaction: Tensor
    forces: Tensor | None
    stress: Tensor | None
    magmoms: Tensor | None


@dataclass(kw_only=True, frozen=True, slots=True)
class Wanted:
    """Properties to predict besides the energy; next to forces, stresses cost almost nothing."""

    forces: bool = True
    stress: bool = True
    magmoms: bool = True

    @classmethod
    def of(cls, kinds: Collection[str]) -> Self:
        """Return the properties that these kinds of label belong to."""
        return cls(forces="force" in kinds, stress="stress" in kinds, magmoms="magmom" in kinds)


ALL_PROPERTIES = Wanted()


def predict_batch(
    model: CHGNet,
    batch: PackedBatch,
    wanted: Wanted = ALL_PROPERTIES,
    *,
    create_graph: bool = False,
    piece: int | None = None,
) -> Prediction:
    """Evaluate the model on a batch.

    Args:
        model: a CHGNet of the released architecture (``core.potential.models``).
        batch: the frames, in the model's floating-point type and on its device.
        wanted: properties to predict besides the energy.
        create_graph: keep forces and stresses differentiable by the parameters, for training on
            them. Otherwise a prediction that holds forces or stresses is detached from autograd;
            one without follows torch's gradient mode, as any module does.
        piece: bonds or angles whose messages are held at a time, and computed again for the
            derivatives: slower, in a fraction of the memory. None holds all of them.

    Returns:
        The prediction.
    """
    by_geometry = wanted.forces or wanted.stress
    differentiable = create_graph or (not by_geometry and torch.is_grad_enabled())
    with torch.set_grad_enabled(by_geometry or differentiable):
        weights = Weights.of(model, differentiable=differentiable)
        lengths, angles = batch.bond_lengths, batch.angles
        if by_geometry:
            lengths = lengths.detach().requires_grad_()
            angles = angles.detach().requires_grad_()
        site_energies, moments = run_network(
            weights, batch, lengths, angles, magmoms=wanted.magmoms, piece=piece
        )
        slopes = None
        if by_geometry:
            total, geometry = site_energies.sum(), (lengths, angles)
            with by_rows_alone():
                slopes = torch.autograd.grad(
                    total, geometry, create_graph=create_graph, allow_unused=True
                )
    with torch.set_grad_enabled(differentiable):
        totals = site_energies.new_zeros(batch.n_frames)
        totals = totals.index_add(0, batch.atom_frame, site_energies)
        interaction = totals / batch.atoms_per_frame
        atomref = linear(batch.fractions, weights.atomref).squeeze(1)
        force_rows, stress_rows = _mechanics(batch, *slopes) if slopes else (None, None)
        return Prediction(
            energy=interaction + atomref,
            interaction=interaction,
            forces=force_rows if wanted.forces else None,
            stress=stress_rows if wanted.stress else None,
            magmoms=moments if moments is None or differentiable else moments.detach(),
        )


def run_network(
    weights: Weights,
    batch: PackedBatch,
    lengths: Tensor,
    angles: Tensor,
    *,
    magmoms: bool,
    tap: Tap = _untapped,
    piece: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Pass messages over the levels and read out.

    Args:
        weights: the model's parameters.
        batch: the batch, of which only the topology is used here.
        lengths: bond lengths in Å, (U,).
        angles: angles in radians, (A,).
        magmoms: whether magnetic moments are wanted.
        tap: called at the atom embedding (with the species), at the output of each atom
            convolution and at the layers of the readout, in this order.
        piece: as of ``predict_batch``.

    Returns:
        Interaction energy of each atom in eV, (N,), and its moment in μB, (N,), or None.
    """
    basis = radial_basis(lengths, weights.bond_frequencies, cutoff=BOND_CUTOFF)
    atoms = weights.elements.index_select(0, batch.species)
    tap("atom_embedding.embedding", batch.species, atoms)
    atom_message_weight = linear(basis, weights.bond_weight)

    has_angles = angles.shape[0] > 0
    if has_angles:
        short_lengths = lengths.index_select(0, batch.short_bonds)
        short_basis = radial_basis(short_lengths, weights.short_frequencies, cutoff=ANGLE_CUTOFF)
        bond_message_weight = linear(short_basis, weights.short_weight)
        embedded = linear(basis.index_select(0, batch.short_bonds), weights.bond_embedding)
        bonds = embedded
        angle_features = AngleFeatures.of(weights, batch, angles, piece)

    moments = None
    last = len(weights.atom_gates) - 1
    for level in range(last + 1):
        gate = weights.atom_gates[level]
        # W_b (E x) = (W_b E) x: the embedding of all bonds is never formed, only of short ones,
        # and what the levels so far have added to these comes on top
        bond_part = linear(basis, gate.blocks[1] @ weights.bond_embedding)
        if level > 0 and has_angles:
            added = linear(bonds - embedded, gate.blocks[1])
            bond_part = bond_part.index_add(0, batch.short_bonds, added)
        received = atom_messages(gate, batch, atoms, bond_part, atom_message_weight, piece)
        update = linear(received, weights.atom_out[level])
        tap(f"atom_conv_layers.{level}.mlp_out.layers.1", received, update)
        atoms = atoms + update
        if level == last - 1 and magmoms:
            moments = linear(atoms, *weights.site).abs().squeeze(1)
        if has_angles and level < last:
            legs = Legs.of(weights.bond_gates[level], batch, atoms, bonds)
            received = bond_messages(legs, batch, angle_features, bond_message_weight)
            bonds = bonds + linear(received * bond_message_weight, weights.bond_out[level])
        if has_angles and level < last - 1:
            legs = Legs.of(weights.angle_gates[level], batch, atoms, bonds)
            angle_features = angle_features.updated(legs)
    return _readout(weights, atoms, tap), moments


def _readout(weights: Weights, atoms: Tensor, tap: Tap) -> Tensor:
    """Return each atom's interaction energy in eV, (N,), from its features, (N, d)."""
    hidden = F.layer_norm(atoms, atoms.shape[1:], *weights.readout_norm)
    tap("readout_norm", atoms, hidden)
    last = len(weights.readout) - 1
    for place, layer in enumerate(weights.readout):
        output = linear(hidden, *layer)
        tap(f"mlp.layers.{READOUT_PLACES[place]}", hidden, output)
        hidden = output if place == last else F.silu(output)
    return hidden.squeeze(1)


def _mechanics(
    batch: PackedBatch, length_slopes: Tensor, angle_slopes: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Carry the energy's slopes by lengths and angles to atoms and cells.

    With v_b = r_center − r_neighbor − image · lattice the vector of bond b and r_b its length,

        g_b = ∂E/∂v_b = ∂E/∂r_b · v_b/r_b + Σ_angles ∂E/∂θ · ∂θ/∂v_b,
        F_i = −Σ_{b leaves i} g_b + Σ_{b ends at i} g_b,
        σ   = (1/V) ∂E/∂ε = (1/V) Σ_b v_b ⊗ g_b,

    since a strain ε takes every v_b to v_b (1 + ε). All factors of ∂E/∂r and ∂E/∂θ are constants of
    the batch, so this is linear in them: differentiating it by parameters costs no second geometry.
    V is the cell's volume without the sign that chgnet gives it in a left-handed cell.

    Args:
        batch: the batch's topology and geometry.
        length_slopes: ∂E/∂r in eV/Å, (U,).
        angle_slopes: ∂E/∂θ in eV, (A,), or None without angles.

    Returns:
        Forces in eV/Å, (N, 3), and stresses in GPa, (B, 3, 3).
    """
    gradient = (length_slopes / batch.bond_lengths)[:, None] * batch.bond_vectors
    if angle_slopes is not None:
        slopes = angle_slopes[:, None]
        short = gradient.new_zeros(batch.short_bonds.shape[0], 3)
        short = short.index_add(0, batch.angle_first, slopes * batch.angle_slopes_first)
        short = short.index_add(0, batch.angle_second, slopes * batch.angle_slopes_second)
        gradient = gradient.index_add(0, batch.short_bonds, short)
    forces = gradient.new_zeros(batch.n_atoms, 3)
    forces = forces.index_add(0, batch.bond_centers, torch.cat([-gradient, gradient]))
    outer = (batch.bond_vectors[:, :, None] * gradient[:, None, :]).flatten(1)
    virial = gradient.new_zeros(batch.n_frames, 9).index_add(0, batch.bond_frame, outer)
    scale = GPA_PER_EV_PER_CUBIC_ANGSTROM / batch.volumes
    return forces, virial.view(-1, 3, 3) * scale[:, None, None]
