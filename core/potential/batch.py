"""Several graphs as one flat batch of tensors, with the geometry that the network needs.

Bond lengths, angles and their derivatives with respect to the bond vectors are worked out here, in
double precision and without autograd: they are constants of a batch. The network sees only lengths
and angles, and its derivatives by these are carried back to atoms and cell by the chain rule
(``core.potential.forward``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.elements import N_ELEMENTS, fractions_from_flat
from core.potential.graph import PackedGraph

_COSINE_SCALE = 1 - 1e-6
"""chgnet shrinks every cosine by this factor to keep the arc cosine's slope finite."""


@dataclass(kw_only=True, frozen=True, slots=True)
class PackedBatch:
    """A batch of B frames with N atoms, U bonds, S short bonds and A angles in all.

    A directed short bond is numbered 0…S−1 along the stored direction of its bond and S…2S−1
    against it.

    Attributes:
        atoms_per_frame: number of atoms of each frame, (B,).
        species: atomic number minus one, (N,); more by 94 for each table of atom features before
            the frame's.
        atom_frame: frame of each atom, (N,).
        fractions: composition, atoms of each element over all atoms, (B, 94).
        volumes: cell volumes in Å³, (B,).
        bond_centers: atom at the start of every directed bond, first all bonds along their stored
            direction, then all against it, (2U,).
        bond_neighbors: atom at the end of every directed bond, (2U,).
        bond_frame: frame of each bond, (U,).
        bond_vectors: from end to start of each bond in Å, (U, 3).
        bond_lengths: length of each bond in Å, (U,).
        short_bonds: bond behind each short bond, (S,).
        short_centers: atom that each directed short bond leaves, (2S,).
        angle_first_directed: first leg of each angle as a directed short bond, (A,).
        angle_first: first leg of each angle as a short bond, (A,).
        angle_second: second leg of each angle as a short bond, (A,).
        angles: angle between the legs in radians, with chgnet's shrunk cosine, (A,).
        angle_slopes_first: derivative of each angle by the vector of its first bond, (A, 3).
        angle_slopes_second: derivative of each angle by the vector of its second bond, (A, 3).
    """

    atoms_per_frame: Tensor
    species: Tensor
    atom_frame: Tensor
    fractions: Tensor
    volumes: Tensor
    bond_centers: Tensor
    bond_neighbors: Tensor
    bond_frame: Tensor
    bond_vectors: Tensor
    bond_lengths: Tensor
    short_bonds: Tensor
    short_centers: Tensor
    angle_first_directed: Tensor
    angle_first: Tensor
    angle_second: Tensor
    angles: Tensor
    angle_slopes_first: Tensor
    angle_slopes_second: Tensor

    @property
    def n_frames(self) -> int:
        """Number of frames, B."""
        return self.atoms_per_frame.shape[0]

    @property
    def n_atoms(self) -> int:
        """Number of atoms, N."""
        return self.species.shape[0]

    def to(self, device: torch.device | str) -> "PackedBatch":
        """Return the batch with every tensor on ``device``."""
        moved = {field.name: _move(getattr(self, field.name), device) for field in fields(self)}
        return PackedBatch(**moved)


def _move(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Return a tensor on ``device``; CUDA copies it in the background.

    CUDA copies in the background from pinned memory only. Torch keeps that memory until the copy
    is done.
    """
    if torch.device(device).type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def collate(
    graphs: Sequence[PackedGraph],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    tables: Sequence[int] | None = None,
) -> PackedBatch:
    """Join graphs into one batch.

    Args:
        graphs: at least one graph.
        dtype: floating-point type of the batch, that of the model.
        device: where the batch goes.
        tables: the table of atom features that each graph takes, in a model that has several
            (``core.training.step.offsets``); None for one table.

    Returns:
        The batch. Frames keep their order, atoms the order within their frame.
    """
    atoms = np.array([len(graph.atomic_numbers) for graph in graphs])
    bonds = np.array([len(graph.bond_center) for graph in graphs])
    shorts = np.array([len(graph.short_bonds) for graph in graphs])
    angles = np.array([len(graph.angle_first) for graph in graphs])
    atom_frame = np.repeat(np.arange(len(graphs)), atoms)
    bond_frame = np.repeat(np.arange(len(graphs)), bonds)
    first_atom = np.repeat(np.cumsum(atoms) - atoms, bonds)
    first_bond = np.repeat(np.cumsum(bonds) - bonds, shorts)
    first_short = np.repeat(np.cumsum(shorts) - shorts, angles)

    lattices = np.stack([graph.lattice for graph in graphs])
    center = np.concatenate([graph.bond_center for graph in graphs]) + first_atom
    neighbor = np.concatenate([graph.bond_neighbor for graph in graphs]) + first_atom
    # r_center − (r_neighbor + image · lattice)
    frac = np.concatenate([graph.frac_coords for graph in graphs])
    image = np.concatenate([graph.bond_image for graph in graphs]).astype(np.float64)
    positions = np.einsum("ni,nij->nj", frac, lattices[atom_frame])
    shifts = np.einsum("ni,nij->nj", image, lattices[bond_frame])
    vectors = positions[center] - positions[neighbor] - shifts
    lengths = np.linalg.norm(vectors, axis=1)

    short = np.concatenate([graph.short_bonds for graph in graphs]) + first_bond
    first = np.concatenate([graph.angle_first for graph in graphs]) + first_short
    second = np.concatenate([graph.angle_second for graph in graphs]) + first_short
    first_reversed = np.concatenate([graph.angle_first_reversed for graph in graphs])
    second_reversed = np.concatenate([graph.angle_second_reversed for graph in graphs])
    angle, slopes_first, slopes_second = _angle_geometry(
        vectors[short], lengths[short], first, first_reversed, second, second_reversed
    )

    numbers = np.concatenate([graph.atomic_numbers for graph in graphs])
    species = numbers.astype(np.int64) - 1
    if tables is not None:
        species += N_ELEMENTS * np.repeat(np.asarray(tables, dtype=np.int64), atoms)

    def real(array: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(dtype)

    def index(array: NDArray[np.integer]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))

    batch = PackedBatch(
        atoms_per_frame=index(atoms),
        species=index(species),
        atom_frame=index(atom_frame),
        fractions=real(fractions_from_flat(numbers, np.concatenate([[0], np.cumsum(atoms)]))),
        volumes=real(np.abs(np.linalg.det(lattices))),
        bond_centers=index(np.concatenate([center, neighbor])),
        bond_neighbors=index(np.concatenate([neighbor, center])),
        bond_frame=index(bond_frame),
        bond_vectors=real(vectors),
        bond_lengths=real(lengths),
        short_bonds=index(short),
        short_centers=index(np.concatenate([center[short], neighbor[short]])),
        angle_first_directed=index(first + len(short) * first_reversed),
        angle_first=index(first),
        angle_second=index(second),
        angles=real(angle),
        angle_slopes_first=real(slopes_first),
        angle_slopes_second=real(slopes_second),
    )
    return batch.to(device)


def _angle_geometry(
    vectors: NDArray[np.float64],
    lengths: NDArray[np.float64],
    first: NDArray[np.integer],
    first_reversed: NDArray[np.bool_],
    second: NDArray[np.integer],
    second_reversed: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return each angle and its derivatives by the two bond vectors.

    With unit legs e₁, e₂ (a reversed leg is minus its bond's unit vector) and the scale
    s = 1 − 10⁻⁶, θ = acos(s e₁·e₂), so with v₁ = ±|v₁| e₁ the vector of the first bond

        ∂θ/∂v₁ = ∓ s / √(1 − (s e₁·e₂)²) · (e₂ − (e₁·e₂) e₁) / |v₁|

    and likewise for the second.

    Args:
        vectors: vectors of the short bonds, (S, 3).
        lengths: lengths of the short bonds, (S,).
        first: first leg of each angle, (A,).
        first_reversed: whether the first leg runs against its bond, (A,).
        second: second leg of each angle, (A,).
        second_reversed: whether the second leg runs against its bond, (A,).

    Returns:
        Angles (A,), derivatives by the first bond vector (A, 3) and by the second (A, 3).
    """
    units = vectors / lengths[:, None]
    sign_first = np.where(first_reversed, -1.0, 1.0)
    sign_second = np.where(second_reversed, -1.0, 1.0)
    leg_first = units[first] * sign_first[:, None]
    leg_second = units[second] * sign_second[:, None]
    cosine = np.einsum("ai,ai->a", leg_first, leg_second)
    shrunk = _COSINE_SCALE * cosine
    slope = -_COSINE_SCALE / np.sqrt(1 - shrunk**2)
    slopes_first = (slope * sign_first / lengths[first])[:, None] * (
        leg_second - cosine[:, None] * leg_first
    )
    slopes_second = (slope * sign_second / lengths[second])[:, None] * (
        leg_first - cosine[:, None] * leg_second
    )
    return np.arccos(shrunk), slopes_first, slopes_second
