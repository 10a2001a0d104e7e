"""What a data set holds, as a few numbers per frame for filters, counts and distributions.

Computed from Arrow columns one record batch after the other: 1.6 million frames of 31 atoms take
some seconds, and about 40 bytes each in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from core.elements import N_ELEMENTS, SYMBOLS
from core.frames.findings import Finding
from core.frames.pairs import PairSet
from core.frames.schema import EnergyColumn
from core.frames.store import FrameSet
from core.progress import Progress, report, silent

_LARGE: Final = {"force": (50.0, "eV/Å", "forces"), "stress": (200.0, "GPa", "stresses")}
"""Sizes that few frames of relaxations and molecular dynamics reach."""

_ABSURD: Final = 2.0
"""How many times beyond these sizes no calculation of a material goes."""

_WORDS: Final = 2
"""Words of 64 bits that hold one bit per element."""


@dataclass(kw_only=True, frozen=True, slots=True)
class Quantity:
    """One number per frame.

    Attributes:
        key: its name in results and on the command line.
        title: what it is.
        unit: its unit, empty for a pure number.
        label: the kind of label whose absence leaves it out, such as "force".
    """

    key: str
    title: str
    unit: str
    label: str


QUANTITIES: Final = (
    Quantity(key="energy", title="Energy", unit="eV/atom", label="energy"),
    Quantity(
        key="uncorrected",
        title="Uncorrected energy",
        unit="eV/atom",
        label="uncorrected energy",
    ),
    Quantity(key="force", title="Largest |force|", unit="eV/Å", label="force"),
    Quantity(key="stress", title="|Stress|", unit="GPa", label="stress"),
    Quantity(key="mean_stress", title="Mean normal stress", unit="GPa", label="stress"),
    Quantity(key="magmom", title="Largest |magmom|", unit="μB", label="magmom"),
    Quantity(key="bandgap", title="Band gap", unit="eV", label="band gap"),
)
"""What frames are described by; |stress| is the Frobenius norm of the tensor."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Contents:
    """Elements, materials and numbers of n frames or pairs.

    A chemical system is a set of elements, a group all frames of one material in one system.

    Attributes:
        n_atoms: atoms of each frame, (n,) integers; 0 where a pair has no structure.
        group: number of each frame's group, (n,) integers.
        group_material: number of each group's material, in the order of appearance, (g,) integers.
        group_system: number of each group's chemical system, (g,) integers.
        systems: which elements each chemical system contains, (s, 94) booleans.
        numbers: one row per quantity, (q, n), NaN where the label is missing.
        keys: the quantity of each row of `numbers`, as in `QUANTITIES` or columns of pairs.
    """

    n_atoms: np.ndarray
    group: np.ndarray
    group_material: np.ndarray
    group_system: np.ndarray
    systems: np.ndarray
    numbers: np.ndarray
    keys: list[str]

    def __len__(self) -> int:
        return len(self.n_atoms)

    @property
    def n_materials(self) -> int:
        """Number of materials."""
        return int(self.group_material.max(initial=-1)) + 1

    def quantity(self, key: str) -> np.ndarray:
        """Return the numbers of one quantity, (n,), NaN where the label is missing."""
        values: np.ndarray = self.numbers[self.keys.index(key)]
        return values

    def n_elements(self) -> np.ndarray:
        """Return the number of elements of each frame, (n,)."""
        sizes: np.ndarray = self.systems.sum(axis=1)[self.group_system][self.group]
        return sizes


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Occurrence:
    """How often elements occur in some frames.

    Attributes:
        frames: frames that contain each element, (94,).
        materials: materials that contain each element, (94,).
        n: number of frames.
        n_materials: number of materials.
    """

    frames: np.ndarray
    materials: np.ndarray
    n: int
    n_materials: int

    def table(self) -> pd.DataFrame:
        """Return one row per element that occurs: symbol, frames, materials and their shares."""
        table = pd.DataFrame(
            {"symbol": SYMBOLS, "frames": self.frames, "materials": self.materials}
        )
        table["share"] = table["frames"] / max(self.n, 1)
        return table[table["frames"] > 0].reset_index(drop=True)


def occurrence(contents: Contents, mask: np.ndarray | None = None) -> Occurrence:
    """Count frames and materials by element.

    Args:
        contents: what the data set holds.
        mask: the frames that count, (n,) booleans; all of them by default.
    """
    group = contents.group if mask is None else contents.group[mask]
    per_group = np.bincount(group, minlength=len(contents.group_system))
    per_system = np.bincount(
        contents.group_system, weights=per_group, minlength=len(contents.systems)
    )
    present = np.flatnonzero(per_group)
    materials, held = contents.group_material[present], contents.group_system[present]
    # A material of several systems, such as one with a vacancy, counts once per element.
    return Occurrence(
        frames=(per_system @ contents.systems).astype(np.int64),
        materials=np.array(
            [
                len(np.unique(materials[contents.systems[held, index]]))
                for index in range(N_ELEMENTS)
            ]
        ),
        n=len(group),
        n_materials=len(np.unique(materials)),
    )


def missing_labels(contents: Contents, mask: np.ndarray) -> dict[str, int]:
    """Return the number of frames without each kind of label.

    Args:
        contents: what the data set holds.
        mask: the frames that count, (n,) booleans.
    """
    n = int(np.count_nonzero(mask))
    return {
        key: n - int(np.count_nonzero(np.isfinite(contents.quantity(key)) & mask))
        for key in contents.keys
        # Both quantities of stress have the same label.
        if key != "mean_stress"
    }


def contents_of(data: FrameSet | PairSet, progress: Progress = silent) -> Contents:
    """Describe every frame of a data set, or every pair of energies.

    Args:
        data: the data set.
        progress: receives the share that is done.
    """
    return _of_pairs(data) if isinstance(data, PairSet) else _of_frames(data, progress)


def size_findings(contents: Contents, rows: np.ndarray | None = None) -> list[Finding]:
    """Report forces and stresses of unusual size.

    Args:
        contents: what the data set holds.
        rows: rows that are checked; None for all.
    """
    rows = np.arange(len(contents)) if rows is None else rows
    findings = []
    for key, (limit, unit, name) in _LARGE.items():
        values = contents.quantity(key)[rows] if key in contents.keys else np.zeros(0)
        large = values > limit
        if large.any():
            most = float(values[large].max())
            findings.append(
                Finding(
                    kind=f"{key}_size",
                    severity="warning" if most > _ABSURD * limit else "info",
                    message=f"{int(large.sum()):,} frames have {name} above {limit:g} {unit}, at "
                    f"most {most:,.0f} {unit}.",
                    remedy="Such frames dominate a training; check them, or leave them out with a "
                    "subset.",
                    rows=rows[large].tolist(),
                )
            )
    return findings


def _of_frames(data: FrameSet, progress: Progress) -> Contents:
    bits = np.zeros((len(data), _WORDS), np.uint64)
    numbers = np.full((len(QUANTITIES), len(data)), np.nan, np.float32)
    rows = {quantity.key: row for row, quantity in enumerate(QUANTITIES)}
    for start, batch in data.batches():
        part = slice(start, start + batch.num_rows)
        bits[part] = _element_bits(batch.column("atomic_numbers"))
        for key, values in _labels(batch):
            numbers[rows[key], part] = values
        report(progress, start, len(data), "Reading frames")
    return Contents(
        n_atoms=np.asarray(data.n_atoms(), np.int32),
        numbers=numbers,
        keys=list(rows),
        **_grouped(data.material_codes(), bits),
    )


def _of_pairs(data: PairSet) -> Contents:
    table = data.table()
    energies = [energy.column for energy in data.card.energies]
    bits = _packed(data.fractions() > 0)
    return Contents(
        n_atoms=data.n_atoms(),
        numbers=np.array([data.energy(column) for column in energies], np.float32),
        keys=energies,
        **_grouped(pd.factorize(table["material_id"])[0], bits),
    )


def _element_bits(numbers: pa.ListArray) -> np.ndarray:
    """Return one bit per element that a frame contains, (n, 2) words."""
    sizes = numbers.value_lengths().to_numpy()
    present = np.zeros((len(numbers), N_ELEMENTS), bool)
    present[np.repeat(np.arange(len(numbers)), sizes), numbers.flatten().to_numpy() - 1] = True
    return _packed(present)


def _packed(present: np.ndarray) -> np.ndarray:
    """Return (n, 94) booleans as (n, 2) words of bits."""
    padded = np.zeros((len(present), 64 * _WORDS), bool)
    padded[:, :N_ELEMENTS] = present
    return np.packbits(padded, axis=1).view(np.uint64)


def _unpacked(bits: np.ndarray) -> np.ndarray:
    """Return (n, 2) words of bits as (n, 94) booleans."""
    return np.unpackbits(bits.view(np.uint8), axis=1)[:, :N_ELEMENTS].astype(bool)


def _grouped(materials: np.ndarray, bits: np.ndarray) -> dict[str, np.ndarray]:
    """Number the chemical systems, and the groups of frames of one material and system."""
    codes, distinct = zip(*(pd.factorize(word) for word in bits.T), strict=True)
    system, pairs = pd.factorize(codes[0] * np.int64(len(distinct[1])) + codes[1])
    words = [distinct[0][pairs // len(distinct[1])], distinct[1][pairs % len(distinct[1])]]
    group, kept = pd.factorize(materials.astype(np.int64) * len(pairs) + system)
    return {
        "group": group.astype(np.int32),
        "group_material": (kept // len(pairs)).astype(np.int32),
        "group_system": (kept % len(pairs)).astype(np.int32),
        "systems": _unpacked(np.column_stack(words)),
    }


def _labels(batch: pa.RecordBatch) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each quantity of a record batch with its numbers, (n,), NaN where missing."""
    for key, name in (
        ("energy", "energy_per_atom"),
        ("uncorrected", "uncorrected_energy_per_atom"),
        ("bandgap", "bandgap"),
    ):
        yield key, batch.column(name).to_numpy(zero_copy_only=False)
    forces = batch.column("forces")
    vectors = forces.flatten().flatten().to_numpy().reshape(-1, 3)
    yield "force", np.sqrt(_largest(forces, np.einsum("ij,ij->i", vectors, vectors)))
    magmoms = batch.column("magmoms")
    yield "magmom", _largest(magmoms, np.abs(magmoms.flatten().to_numpy()))
    stress = batch.column("stress")
    tensors = stress.flatten().to_numpy().reshape(-1, 9)
    valid = stress.is_valid().to_numpy(zero_copy_only=False)
    for key, values in (
        ("stress", np.linalg.norm(tensors, axis=1)),
        ("mean_stress", tensors[:, [0, 4, 8]].mean(axis=1)),
    ):
        column = np.full(len(valid), np.nan)
        column[valid] = values
        yield key, column


def _largest(lists: pa.ListArray, values: np.ndarray) -> np.ndarray:
    """Return the largest of each list's values, NaN for a list that is missing or empty."""
    sizes = lists.value_lengths().fill_null(0).to_numpy()
    filled = np.flatnonzero(sizes)
    largest = np.full(len(sizes), np.nan)
    if len(filled):
        # Missing lists take no place in the flattened values.
        starts = np.concatenate([[0], np.cumsum(sizes[filled])[:-1]])
        largest[filled] = np.maximum.reduceat(values, starts)
    return largest


def quantities_of(contents: Contents, energies: list[EnergyColumn]) -> list[Quantity]:
    """Return the quantities of which some frame, or pair, has a number.

    Args:
        contents: what the data set holds.
        energies: the energy columns of pairs; empty for frames.
    """
    of_pairs = {
        energy.column: Quantity(
            key=energy.column,
            title=f"{energy.functional}: {energy.column}",
            unit="eV/atom",
            label=energy.column,
        )
        for energy in energies
    }
    known = of_pairs or {quantity.key: quantity for quantity in QUANTITIES}
    return [known[key] for key in contents.keys if np.isfinite(contents.quantity(key)).any()]
