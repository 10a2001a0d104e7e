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
"""Decimals of computed coordinates; further ones differ between machines."""


def choose_materials(materials: Sequence[Material], count: int) -> list[Material]:
    """Choose materials so that every element occurs in as many of them as possible.

    One material of each reduced formula is a candidate, so that polymorphs are never on both sides
    of a split. Candidates are chosen one by one for the element that so far occurs in the fewest,
    in an order given by a hash of the ids.

    Args:
        materials: materials in any order.
        count: number of materials to choose; all candidates if there are fewer.

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
    """Make the geometries of one material with a generator that is seeded with its id.

    Args:
        material: the relaxed material.

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
    """Round, and turn −0.0, which differs between machines, into 0.0."""
    return np.round(values, decimals) + 0.0


def _hash(material: Material) -> str:
    return hashlib.sha256(f"{SEED} {material.material_id}".encode()).hexdigest()
