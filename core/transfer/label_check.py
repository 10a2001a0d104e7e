"""The check of a data set's labels: their extent, unit, sign and energy zero.

What needs no network is in `core.frames.extent`, what compares arrays in
`core.transfer.label_slopes`; here a sample of frames is predicted.
"""

import numpy as np
from numpy.typing import NDArray

from core.frames.contents.numbers import contents_of, size_findings
from core.frames.extent import extent_finding
from core.frames.findings import Finding
from core.frames.registry import open_frame_set
from core.frames.schema import Card
from core.frames.store import FrameSet
from core.potential.examples import Example, load_examples
from core.potential.forward import Wanted
from core.potential.models import load_model, resolve_device
from core.potential.prediction import predict
from core.potential.threads import compute_settings
from core.progress import Progress, part, silent
from core.reference.fits.energy_scatter import scatter_findings
from core.reference.fits.scale import gap_text, gaps_by_symbol, scale_gap
from core.transfer.interaction import interaction_energies
from core.transfer.label_slopes import FEWEST, array_finding, energy_finding
from core.transfer.source_model import SourceModel

_USUAL = "chgnet-0.3.0"

ENERGIES = 200
"""Frames whose energies are compared: more than there are elements."""

ARRAYS = 30
"""Frames whose forces and stresses are compared."""

_SMALL = 40
"""Atoms of a frame up to which it is taken first; some hundred forces are enough."""

_SCATTER = 20_000
"""Frames whose energies are compared with their compositions."""

_EXTENT = 3000
"""Frames whose energies are compared with their numbers of atoms."""


def check_labels(
    frame_set: FrameSet,
    source: SourceModel,
    *,
    rows: NDArray[np.integer] | None = None,
    progress: Progress = silent,
) -> list[Finding]:
    """Compare a sample of the labels with a pretrained model's predictions.

    At most 200 energies and the forces and stresses of 30 frames are predicted, the same ones every
    time: a few seconds. Interaction energies are cached.

    Args:
        frame_set: the data set.
        source: the pretrained model.
        rows: rows of it that are checked; None checks all.
        progress: reports the frames predicted.

    Returns:
        What was found, the most severe first; empty where all is well or one cannot tell.

    Raises:
        LabError: if the model cannot be loaded.
    """
    every = np.arange(len(frame_set)) if rows is None else np.asarray(rows)
    findings = _energies(frame_set, source, every, part(progress, 0.0, 0.5))
    findings += _arrays(frame_set, source, every, part(progress, 0.5, 1.0))
    return sorted(findings, key=lambda one: ("error", "warning", "info").index(one.severity))


def imported_findings(card: Card, *, progress: Progress = silent) -> list[Finding]:
    """Check the labels of a data set of frames that has just been imported.

    They are compared with the released model of the nearest functional.

    Args:
        card: its card.
        progress: reports the frames predicted.
    """
    near = "chgnet-r2scan" if (card.functional or "").lower().startswith("r2scan") else _USUAL
    data = open_frame_set(card.name)
    findings = check_labels(data, SourceModel(near), progress=progress)
    if all(finding.severity == "info" for finding in findings):
        # Labels in a wrong unit are all out of the ordinary.
        findings += [*_scatter(data), *size_findings(contents_of(data))]
    return findings


def _scatter(data: FrameSet) -> list[Finding]:
    rows = _sample(np.flatnonzero(np.isfinite(data.energies())), _SCATTER)
    names = data.table()["frame_id"].to_numpy()[rows]
    return scatter_findings(data.fractions()[rows], data.energies()[rows], names)


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
    extent = extent_finding(counts, energies)
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


def _sample(rows: NDArray[np.integer], most: int) -> NDArray[np.integer]:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def _energies(
    frame_set: FrameSet, source: SourceModel, rows: NDArray[np.integer], progress: Progress
) -> list[Finding]:
    rows = rows[np.isfinite(frame_set.energies()[rows])]
    if not len(rows):
        return []
    fractions, n_atoms, energies = (
        frame_set.fractions(),
        frame_set.n_atoms(),
        frame_set.energies(),
    )
    many = _sample(rows, _EXTENT)
    counts = np.rint(fractions[many] * n_atoms[many, None]).astype(int)
    extent = extent_finding(counts, energies[many])
    if extent is not None:
        return [extent]
    few = _sample(rows, ENERGIES)
    if len(few) - np.linalg.matrix_rank(fractions[few]) >= FEWEST["energy"]:
        interaction = interaction_energies(frame_set, source, rows=few, progress=progress)
    else:
        # Too few to see a unit; another zero is hundreds of eV away, with or without the network.
        interaction = np.zeros(len(few))
    prior = source.prior(frame_set.card.functional or "").energies
    return _unit_or_zero(fractions[few], n_atoms[few], energies[few], interaction, prior)


def _arrays(
    frame_set: FrameSet, source: SourceModel, rows: NDArray[np.integer], progress: Progress
) -> list[Finding]:
    table = frame_set.table().iloc[rows]
    labelled = rows[(table["has_forces"] | table["has_stress"]).to_numpy()]
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
        predictions = predict(model, graphs, Wanted.of(["force", "stress"]), progress=progress)
    findings = []
    pairs = list(zip(examples, predictions, strict=True))
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
