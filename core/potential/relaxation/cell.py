"""The cell as coordinates of a relaxation: the logarithm of the deformation gradient.

The coordinates are those of ASE's ``FrechetCellFilter``: with the deformation gradient F = exp(A),
which takes the given cell's rows h to h Fᵀ, the cell of n atoms is n A, and an atom stays where it
is in the undeformed cell. The generalised forces are minus the derivatives of the energy by these
(derivation: https://github.com/lan496/lan496.github.io/blob/main/notes/cell_grad.pdf).
"""

import numpy as np
import torch
from numpy.typing import NDArray

Matrices = NDArray[np.float64]
"""(B, 3, 3)."""


def deformations(logarithms: Matrices) -> Matrices:
    """Return F = exp(A) of each A, (B, 3, 3)."""
    return torch.linalg.matrix_exp(torch.from_numpy(logarithms)).numpy()


def logarithm_forces(logarithms: Matrices, deformed: Matrices, virials: Matrices) -> Matrices:
    """Return −∂E/∂A of each structure in eV.

    With −∂E/∂F = W F⁻ᵀ and the Fréchet derivative L(A, D) of the exponential at A along D,

        −∂E/∂A_ij = ⟨L(A, e_ij), W F⁻ᵀ⟩ = L(Aᵀ, W F⁻ᵀ)_ij,

    because L(Aᵀ, ·) is the adjoint of L(A, ·); and L(Aᵀ, G) is the upper right block of the
    exponential of [[Aᵀ, G], [0, Aᵀ]] (Higham, Functions of Matrices, 2008, eq. 3.16).

    Args:
        logarithms: A, (B, 3, 3).
        deformed: F = exp(A), (B, 3, 3).
        virials: W = −V σ with the stress σ = (1/V) ∂E/∂ε, in eV, (B, 3, 3).
    """
    transposed = logarithms.swapaxes(1, 2)
    slopes = virials @ np.linalg.inv(deformed).swapaxes(1, 2)
    # L is linear in G, and the exponential is most exact where the block is small.
    scale = np.abs(slopes).max(axis=(1, 2), keepdims=True)
    scale[scale == 0] = 1.0
    blocks = np.zeros((len(logarithms), 6, 6))
    blocks[:, :3, :3] = blocks[:, 3:, 3:] = transposed
    blocks[:, :3, 3:] = slopes / scale
    return deformations(blocks)[:, :3, 3:] * scale
