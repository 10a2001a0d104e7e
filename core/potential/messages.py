"""The messages of CHGNet's convolutions: sums over the bonds of atoms and the angles of bonds.

All messages are held at once, or pieces of them, which are computed again for the derivatives.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from torch import Tensor
from torch.utils.checkpoint import checkpoint

from core.potential.basis import angular_basis
from core.potential.batch import PackedBatch
from core.potential.kernels.products import linear
from core.potential.kernels.rows import gated, gathered, summed
from core.potential.memory import give_back_free_memory
from core.potential.weights import Gate, Weights

_TRIM_EVERY = 16
"""Pieces after which free memory goes back to the system. glibc seldom uses an aligned block again
(its bug 14581), and every tensor is one: 1,000 atoms of diamond held 0.6 GB of tensors, and the
process grew by 3."""


def atom_messages(
    gate: Gate,
    batch: PackedBatch,
    atoms: Tensor,
    bond_part: Tensor,
    bond_weight: Tensor,
    piece: int | None,
) -> Tensor:
    """Sum each atom's messages: Σ_j w_ij ⊙ φ(a_i, b_ij, a_j), CHGNet's atom convolution.

    Args:
        gate: the perceptron φ; input blocks: atom, bond, neighbour.
        batch: the batch's topology.
        atoms: atom features, (N, d).
        bond_part: first-layer product of each bond's features, (U, 2h).
        bond_weight: weight w_ij of each bond, (U, d).
        piece: as of ``core.potential.forward.predict_batch``.

    Returns:
        The sums, (N, d).
    """
    at_center = linear(atoms, gate.blocks[0], gate.bias)
    at_neighbor = linear(atoms, gate.blocks[2])

    def received(centers: Tensor, neighbors: Tensor, part: Tensor, weight: Tensor) -> Tensor:
        # both directions of a bond, one after the other, share the bond's rows
        centers, neighbors = centers.t().flatten(), neighbors.t().flatten()
        hidden = gathered(at_center, at_neighbor, part, centers, neighbors, turns=2, activated=True)
        core, rest = gate.outputs(*hidden)
        return summed(
            core, rest, gate.norms, weights=weight, receivers=centers, like=atoms, turns=2
        )

    n_bonds = bond_part.shape[0]
    directions = (end.view(2, n_bonds).t() for end in (batch.bond_centers, batch.bond_neighbors))
    return _total(_in_pieces(received, piece, *directions, bond_part, bond_weight))


@dataclass(kw_only=True, frozen=True, slots=True)
class Legs:
    """What the first layer of a perceptron makes of the legs of angles, and the perceptron.

    The first leg and the atom it leaves make a directed short bond, so their products are added
    once for each of these (2S of them) before they are gathered to the angles.

    Attributes:
        gate: the perceptron; input blocks: bond, other bond, angle, atom.
        first: W_bond b + W_atom a + β of each directed short bond, (2S, 2h).
        second: W_other b of each short bond, (S, 2h).
    """

    gate: Gate
    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, gate: Gate, batch: PackedBatch, atoms: Tensor, bonds: Tensor) -> Self:
        """Multiply features of atoms, (N, d), and of short bonds, (S, d)."""
        corner = linear(atoms, gate.blocks[3], gate.bias).index_select(0, batch.short_centers)
        directed = corner.view(2, bonds.shape[0], -1) + linear(bonds, gate.blocks[0])
        return cls(gate=gate, first=directed.flatten(0, 1), second=linear(bonds, gate.blocks[1]))

    def outputs(self, first: Tensor, second: Tensor, angle_part: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the perceptron's layer norms take, (A, h) each.

        Args:
            first: first leg of each angle as a directed short bond, (A,).
            second: second leg of each angle as a short bond, (A,).
            angle_part: first-layer product of each angle's features, (A, 2h).
        """
        activated = self.gate.second is not None
        hidden = gathered(self.first, self.second, angle_part, first, second, activated=activated)
        return self.gate.outputs(*hidden)


@dataclass(kw_only=True, frozen=True, slots=True)
class AngleFeatures:
    """Features of the angles at some level, (A, d).

    Before any level they are a matrix times a narrow basis, so a product with them is taken of the
    basis. In pieces features are never held: there are more angles than anything else, so each
    piece of them goes through the levels so far again wherever its features are asked for.

    Attributes:
        rows: the basis, (A, m), and from the first update on the features; in pieces the angles in
            radians, (A,).
        frequencies: of the basis.
        embedding: makes features of the basis, (d, m).
        updates: what adds to the features at each level so far.
        batch: the batch's topology.
        piece: as of ``predict_batch``.
    """

    rows: Tensor
    frequencies: Tensor
    embedding: Tensor
    updates: tuple[Legs, ...] = ()
    batch: PackedBatch
    piece: int | None

    @classmethod
    def of(cls, weights: Weights, batch: PackedBatch, angles: Tensor, piece: int | None) -> Self:
        """Return the features before any level."""
        frequencies = weights.angle_frequencies
        return cls(
            rows=angular_basis(angles, frequencies) if piece is None else angles,
            frequencies=frequencies,
            embedding=weights.angle_embedding,
            batch=batch,
            piece=piece,
        )

    def updated(self, legs: Legs) -> Self:
        """Return the features at the next level."""
        updates = (*self.updates, legs)
        if self.piece is not None:
            return replace(self, updates=updates)
        first, second = self.batch.angle_first_directed, self.batch.angle_second
        return replace(
            self,
            rows=self._next(len(self.updates), legs, self.rows, first, second),
            updates=updates,
        )

    def product(self, matrix: Tensor, rows: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Return a matrix, (k, d), times the features of some rows, by the legs of their angles."""
        if self.piece is not None:
            rows = angular_basis(rows, self.frequencies)
            for level, legs in enumerate(self.updates):
                rows = self._next(level, legs, rows, first, second)
        return self._product(len(self.updates), matrix, rows)

    def _next(self, level: int, legs: Legs, rows: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Return features at the next level from those at a level; at the first, from the basis."""
        part = self._product(level, legs.gate.blocks[2], rows)
        features = rows if level else linear(rows, self.embedding)
        return features + gated(*legs.outputs(first, second, part), legs.gate.norms)

    def _product(self, level: int, matrix: Tensor, rows: Tensor) -> Tensor:
        return linear(rows, matrix if level else matrix @ self.embedding)


def bond_messages(
    legs: Legs, batch: PackedBatch, features: AngleFeatures, weight: Tensor
) -> Tensor:
    """Sum the messages of each short bond's angles, (S, d), CHGNet's bond convolution.

    Args:
        legs: products of the legs.
        batch: the batch's topology.
        features: features of the angles.
        weight: weight of each short bond, (S, d).
    """
    gate = legs.gate

    def received(directed: Tensor, first: Tensor, second: Tensor, rows: Tensor) -> Tensor:
        part = features.product(gate.blocks[2], rows, directed, second)
        core, rest = legs.outputs(directed, second, part)
        return summed(
            core, rest, gate.norms, weights=weight, senders=second, receivers=first, like=weight
        )

    rows = (batch.angle_first_directed, batch.angle_first, batch.angle_second, features.rows)
    return _total(_in_pieces(received, features.piece, *rows))


def _in_pieces(
    function: Callable[..., Tensor], piece: int | None, *rows: Tensor
) -> Iterator[Tensor]:
    """Apply a function to pieces of rows, of which only arguments and results are held.

    Chen, Xu, Zhang, Guestrin, Training deep nets with sublinear memory cost, arXiv 1604.06174.

    Args:
        function: takes as many tensors as are given.
        piece: rows of a piece; None makes one of all, whose intermediate results are held.
        rows: tensors with as many rows each.

    Yields:
        The result of each piece.
    """
    if piece is None:
        yield function(*rows)
        return
    for number, part in enumerate(zip(*(tensor.split(piece) for tensor in rows), strict=True)):
        run = partial(_trimmed, function) if number % _TRIM_EVERY == _TRIM_EVERY - 1 else function
        yield checkpoint(run, *part, use_reentrant=False, preserve_rng_state=False)


def _trimmed(function: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """Give memory that is free back to the system, and apply a function."""
    give_back_free_memory()
    return function(*rows)


def _total(parts: Iterator[Tensor]) -> Tensor:
    """Return the sum, of whose terms one at a time is held."""
    total = next(parts)
    for part in parts:
        total = total + part
    return total
