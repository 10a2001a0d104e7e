"""The check of a data set's labels: their extent, unit, sign and energy zero.

What needs no network is in `core.frames.extent`, what compares arrays in
`core.transfer.label_slopes`; here a sample of frames is predicted.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.frames.extent import extent_finding
from core.frames.findings import Finding
from core.frames.store import FrameSet
from core.potential.examples import Example, load_examples
from core.potential.forward import Wanted
from core.potential.models import load_model, resolve_device
from core.potential.prediction import FramePrediction, predict
from core.potential.threads import compute_settings
from core.progress import Progress, silent
from core.reference.fits.scale import gap_text, gaps_by_symbol, scale_gap
from core.transfer.interaction import interaction_energies
from core.transfer.label_slopes import FEWEST, array_finding, energy_finding, ratio_finding
from core.transfer.source_model import SourceModel

ENERGIES = 200
"""Frames whose energies are compared: more than there are elements."""

ARRAYS = 30
"""Frames whose forces and stresses are compared."""

_SMALL = 40
"""Atoms of a frame up to which it is taken first; some hundred forces are enough."""

_EXTENT = 3000
"""Frames whose energies are compared with their numbers of atoms."""


def energy_findings(
    fractions: NDArray[np.float64],
    n_atoms: NDArray[np.integer],
    energies: NDArray[np.float64],
    interaction: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> list[Finding]:
    """Check energies whose interaction energies are known.

    Args:
        fractions: composition fractions (n, 94).
        n_atoms: atoms in each cell, (n,).
        energies: labels, (n,) eV/atom if all is well.
        interaction: interaction energies of a pretrained network, (n,) eV/atom; NaN where unknown.
        prior: expected references, (94,) eV/atom.
    """
    counts = np.rint(fractions * n_atoms[:, None]).astype(int)
    extent = extent_finding(counts, energies, divided=True)
    if extent is not None:
        return [extent]
    return _unit_or_zero(fractions, n_atoms, energies, interaction, prior)


def _unit_or_zero(
    fractions: NDArray[np.float64],
    n_atoms: NDArray[np.integer],
    energies: NDArray[np.float64],
    interaction: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> list[Finding]:
    """Check energies that are no totals; arguments as of `energy_findings`."""
    unit = energy_finding(fractions, n_atoms, energies, interaction)
    if unit is not None:
        return [unit]
    if len(energies) - np.linalg.matrix_rank(fractions) < FEWEST["energy"]:
        expected = interaction + fractions @ prior
        unit = ratio_finding(fractions, n_atoms, energies, expected)
        if unit is not None:
            return [unit]
    left = energies - interaction - fractions @ prior
    usable = np.isfinite(left)
    zero = gaps_by_symbol(scale_gap(fractions[usable], left[usable]))
    return [zero_finding(zero)] if zero else []


def zero_finding(gaps: dict[str, float]) -> Finding:
    """Return the finding of energies that count from another zero.

    Args:
        gaps: energies minus prior, eV/atom, by symbol.
    """
    return Finding(
        kind="energy_zero",
        severity="info",
        message="The energies count from another zero than the pretrained model's "
        f"({gap_text(gaps)}), as those of all-electron codes or other pseudopotentials do.",
        remedy="The methods residual, refit and scratch take this up in AtomRef; trainable and "
        "frozen cannot.",
    )


def sample_rows(rows: NDArray[np.integer], most: int) -> NDArray[np.integer]:
    """Return at most so many rows, the same ones every time."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def energy_unit_findings(
    frame_set: FrameSet,
    source: SourceModel,
    rows: NDArray[np.integer],
    *,
    progress: Progress = silent,
) -> list[Finding]:
    """Check extent, unit and zero of a sample of energies.

    Args:
        frame_set: the data set.
        source: the pretrained model; at most 200 interaction energies are predicted, and cached.
        rows: rows of it that are checked.
        progress: reports the frames predicted.

    Raises:
        LabError: if the model cannot be loaded.
    """
    rows = rows[np.isfinite(frame_set.energies()[rows])]
    if not len(rows):
        return []
    fractions, n_atoms, energies = (
        frame_set.fractions(),
        frame_set.n_atoms(),
        frame_set.energies(),
    )
    many = sample_rows(rows, _EXTENT)
    counts = np.rint(fractions[many] * n_atoms[many, None]).astype(int)
    extent = extent_finding(counts, energies[many], divided=True)
    if extent is not None:
        return [extent]
    few = sample_rows(rows, ENERGIES)
    interaction = interaction_energies(frame_set, source, rows=few, progress=progress)
    prior = source.prior(frame_set.card.functional or "").energies
    return _unit_or_zero(fractions[few], n_atoms[few], energies[few], interaction, prior)


def array_predictions(
    frame_set: FrameSet,
    source: SourceModel,
    rows: NDArray[np.integer],
    *,
    progress: Progress = silent,
) -> list[tuple[Example, FramePrediction]]:
    """Predict forces, stress and magmoms of at most 30 frames that have such labels.

    Args:
        frame_set: the data set.
        source: the pretrained model.
        rows: rows of it to choose from.
        progress: reports the frames predicted.

    Raises:
        LabError: if the model cannot be loaded.
    """
    table = frame_set.table().iloc[rows]
    flags = table["has_forces"] | table["has_stress"] | table["has_magmoms"]
    labelled = rows[flags.to_numpy()]
    if not len(labelled):
        return []
    shuffled = np.random.default_rng(0).permutation(labelled)
    small = frame_set.n_atoms()[shuffled] <= _SMALL
    chosen = np.sort(np.concatenate([shuffled[small], shuffled[~small]])[:ARRAYS])
    device = resolve_device(source.device)
    with compute_settings(source.threads, device):
        model = load_model(source.name, device)
        examples = load_examples(frame_set, chosen)[:]
        graphs = [example.graph for example in examples]
        wanted = Wanted.of(["force", "stress", "magmom"])
        predictions = predict(model, graphs, wanted, progress=progress)
    return list(zip(examples, predictions, strict=True))


def array_findings(pairs: Sequence[tuple[Example, FramePrediction]]) -> list[Finding]:
    """Compare the units and signs of forces and stresses with predictions.

    Args:
        pairs: what `array_predictions` returns.
    """
    findings = []
    forces = [(one.forces, found.forces) for one, found in pairs if one.forces is not None]
    if forces:
        findings.append(array_finding("forces", *map(np.concatenate, zip(*forces, strict=True))))
    stresses = [
        (one.stress, found.stress, _volume(one)) for one, found in pairs if one.stress is not None
    ]
    if stresses:
        findings.append(array_finding("stress", *map(np.array, zip(*stresses, strict=True))))
    return [finding for finding in findings if finding is not None]


def _volume(example: Example) -> float:
    return float(abs(np.linalg.det(example.graph.lattice)))
