"""CHGNet's expansions of lengths and angles (Deng et al. 2023, DOI 10.1038/s42256-023-00716-3)."""

import math

import torch
from torch import Tensor

ENVELOPE_POWER = 8
"""Exponent p of the radial envelope in the released models."""

# chgnet rounds 1/√2 to single precision even in a double-precision model; so does this
_ZEROTH_ORDER = float(1 / torch.sqrt(torch.tensor(2.0, dtype=torch.float32)))


def radial_basis(lengths: Tensor, frequencies: Tensor, *, cutoff: float) -> Tensor:
    """Expand bond lengths in smoothly cut radial Bessel functions.

    RBF_k(r) = √(2/c) · sin(f_k r/c) / r · u(r/c), where the learned frequencies f_k start at kπ and
    u(x) = 1 − (p+1)(p+2)/2 xᵖ + p(p+2) xᵖ⁺¹ − p(p+1)/2 xᵖ⁺² with p = 8 falls from one to zero with
    two vanishing derivatives at x = 1 (DimeNet, Gasteiger et al. 2020, arXiv 2003.03123, eq. 8).

    Args:
        lengths: bond lengths in Å, (n,).
        frequencies: learned frequencies f_k, (k,).
        cutoff: length c in Å from which on the basis is zero.

    Returns:
        The expansion, (n, k).
    """
    x = lengths * (1 / cutoff)
    p = ENVELOPE_POWER
    polynomial = -(p + 1) * (p + 2) / 2 + x * (p * (p + 2) - p * (p + 1) / 2 * x)
    envelope = torch.where(x < 1, 1 + x**p * polynomial, torch.zeros_like(x))
    amplitude = math.sqrt(2 / cutoff) * envelope / lengths
    return torch.sin(torch.outer(x, frequencies)) * amplitude[:, None]


def angular_basis(angles: Tensor, frequencies: Tensor) -> Tensor:
    """Expand angles in a Fourier series (CHGNet, eq. 1).

    The functions are 1/√(2π), sin(f_k θ)/√π and cos(f_k θ)/√π with learned frequencies f_k that
    start at k.

    Args:
        angles: angles in radians, (n,).
        frequencies: learned frequencies f_k, (k,).

    Returns:
        The expansion, (n, 1 + 2k).
    """
    phase = torch.outer(angles, frequencies)
    constant = torch.full_like(phase[:, :1], _ZEROTH_ORDER)
    return torch.cat([constant, torch.sin(phase), torch.cos(phase)], dim=1) / math.sqrt(math.pi)
