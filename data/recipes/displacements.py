"""Choose the materials of the training frames, and displace their atoms and cells."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from materials import Material

SEED = 0
ATOMS = range(2, 41)
RATTLE = (0.05, 0.1)
STRAIN = 0.03
STRAIN_RATTLE = 0.02

_DECIMALS = 8
"""Kept of a computed coordinate: the last bits, in which linear algebra differs from machine to
machine, must not reach the files."""


def choose_materials(materials: Sequence[Material], count: int) -> list[Material]:
    """Choose materials so that every element lies in as many of them as possible.

    One material of each reduced formula is a candidate, so that no two polymorphs end up on both
    sides of a split. Then the element with the fewest chosen materials gets its next candidate,
    again and again. Which material is next follows a hash of the ids, not the order of rows.

    Args:
        materials: Any number, in any order.
        count: How many to choose; all candidates where there are fewer.

    Returns:
        The chosen materials in the order of `materials`.
    """
    waiting: dict[str, Material] = {}
    for material in sorted(materials, key=_hash):
        if len(material.atomic_numbers) in ATOMS:
            waiting.setdefault(material.formula, material)
    elements = {formula: material.elements for formula, material in waiting.items()}
    available = Counter(number for held in elements.values() for number in held)
    covered: Counter[int] = Counter()
    chosen: set[str] = set()
    while waiting and len(chosen) < count:
        candidates = (number for number, left in available.items() if left)
        scarcest = min(candidates, key=lambda z: (covered[z], available[z], z))
        formula = next(formula for formula in waiting if scarcest in elements[formula])
        chosen.add(waiting.pop(formula).material_id)
        covered.update(elements[formula])
        available.subtract(elements[formula])
    return [material for material in materials if material.material_id in chosen]


def displaced(material: Material) -> dict[str, Material]:
    """Make the geometries of one material by a generator that is seeded with its id.

    Args:
        material: As DFT relaxed it.

    Returns:
        "relaxed": the material itself; "rattled": Gaussian displacements of one width, drawn
        between 0.05 and 0.1 Å; "strained": a symmetric strain whose normal components and
        engineering shears are drawn within ±3 %, and Gaussian displacements of 0.02 Å.
    """
    generator = np.random.default_rng(int(_hash(material), 16))
    rattled = _rattled(material, generator.uniform(*RATTLE), generator)
    shares = np.tril(generator.uniform(-STRAIN, STRAIN, (3, 3)))
    strain = (shares + shares.T) / 2
    strained = replace(material, lattice=material.lattice @ (np.eye(3) + strain))
    return {
        "relaxed": material,
        "rattled": rattled,
        "strained": _rattled(strained, STRAIN_RATTLE, generator),
    }


def _rattled(material: Material, width: float, generator: np.random.Generator) -> Material:
    moves = generator.normal(0.0, width, material.frac_coords.shape)
    frac_coords = material.frac_coords + moves @ np.linalg.inv(material.lattice)
    return replace(
        material,
        frac_coords=rounded(frac_coords, _DECIMALS),
        lattice=rounded(material.lattice, _DECIMALS),
    )


def rounded(values: np.ndarray, decimals: int) -> np.ndarray:
    """Round, and turn minus zero into zero: its sign is one more bit that machines disagree on."""
    return np.round(values, decimals) + 0.0


def _hash(material: Material) -> str:
    return hashlib.sha256(f"{SEED} {material.material_id}".encode()).hexdigest()
