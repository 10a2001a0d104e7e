"""The doctor: everything that is known to ruin a fine-tuning, looked for in one data set.

Checks of the numbers of all frames come first and take seconds for hundreds of thousands of them;
the network is asked about samples.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.checks.arrays import force_findings, label_errors
from core.checks.composition import row_finding
from core.checks.coverage import coverage_findings, unknown_distance
from core.checks.diagnosis import Diagnosis, stored
from core.checks.domain import domain_findings, unseen_findings
from core.checks.energy_sample import EnergySample, beyond_u
from core.checks.geometry import distance_findings
from core.checks.numbers import Scan, number_findings, scan
from core.checks.readings import sizes_of
from core.checks.repeats import leak_findings, repeat_findings
from core.checks.scales import deviations, hubbard_columns, scale_findings
from core.checks.units_read import in_units_of_file
from core.errors import LabError
from core.frames.contents.numbers import contents_of, size_findings
from core.frames.findings import Finding
from core.frames.functionals import canonical_functional
from core.frames.registry import open_frame_set
from core.frames.schema import Card
from core.frames.splits import Split
from core.frames.store import FrameSet
from core.potential.models import source_functional
from core.potential.released import MODELS
from core.progress import Progress, part, silent
from core.reference.fits.energy_scatter import scatter_findings
from core.reference.fits.isolated import isolated_rows
from core.reference.formation.corrections import (
    FUNCTIONALS,
    hubbard_corrections,
    mp2020_corrections,
)
from core.reference.shifts.hubbard import carrying_u, less
from core.reference.shifts.model_offset import offset
from core.transfer.interaction import interaction_energies
from core.transfer.label_check import (
    ENERGIES,
    array_findings,
    array_predictions,
    energy_unit_findings,
    sample_rows,
)
from core.transfer.source_model import SourceModel

Part = Literal["labels", "set", "model", "domain"]

LABELS: tuple[Part, ...] = ("labels",)
"""Units, signs and sizes of labels: what an import and an evaluation ask for."""

RUN: tuple[Part, ...] = ("labels", "set", "model")
"""What a pre-flight asks for."""

ALL: tuple[Part, ...] = (*RUN, "domain")

_SCATTER = 20_000
"""Frames whose energies are compared with their compositions."""

_STRENGTH = 1e-2
"""Pull of `residual`."""

_MEV = 1000.0

_ENERGY_KINDS = {
    "energy_extent",
    "energy_unit",
    "energy_zero",
    "energy_mixture",
    "energy_mismatch",
    "functional",
}
"""Findings after which finer ones of the energies would be nothing but their echo."""


def diagnose(
    data: FrameSet,
    source: SourceModel,
    *,
    split: Split | None = None,
    parts: Collection[Part] = ALL,
    progress: Progress = silent,
) -> Diagnosis:
    """Look for what would ruin a fine-tuning on a data set of frames.

    Args:
        data: the data set.
        source: the pretrained model.
        split: rows of a run; None takes those of the data set.
        parts: "labels" (units, signs, sizes), "set" (repeats, leaks, coverage, distances), "model"
            (references, mixtures, corrections, elements) and "domain" (crystal features).
        progress: receives the share that is done.

    Raises:
        LabError: if the model cannot be loaded.
    """
    split = data.split() if split is None else split
    rows = np.sort(np.concatenate([split.train, split.validation, split.test]))
    seen = _scanned(data)
    findings: list[Finding] = []
    if "labels" in parts:
        findings += number_findings(data, seen, rows)
    if "set" in parts:
        findings += _set_findings(data, seen, rows, split)
    # What is known to be wrong would only confuse what compares with the network.
    kept = _without(rows, findings)
    of_rows = _but_for_isolated(_beside_composition, data, kept) if "labels" in parts else []
    findings += of_rows
    kept = _without(rows, findings)
    if any(one.kind == "length_unit" for one in findings) or not len(kept):
        return Diagnosis(n=len(rows), **stored(findings))
    found = _labels(data, source, kept, told=bool(of_rows), progress=part(progress, 0.1, 0.6))
    if "labels" in parts:
        findings += found[0]
    arrays: dict[str, Any] = found[1]
    diagnosis = Diagnosis(n=len(rows), n_arrays=found[2], **arrays)
    if "model" in parts:
        findings += unseen_findings(data, source, rows)
        more, diagnosis = _energies(
            data, source, kept, split, findings, diagnosis, progress=part(progress, 0.6, 0.8)
        )
        findings += more
    if "domain" in parts:
        findings += domain_findings(data, source, kept, progress=part(progress, 0.8, 1.0))
    return replace(diagnosis, **stored(findings))


def _without(rows: NDArray[np.integer], findings: list[Finding]) -> NDArray[np.integer]:
    placed = {row for one in findings if one.severity == "error" for row in one.rows}
    return rows[~np.isin(rows, list(placed))] if placed else rows


def _but_for_isolated(
    look: Callable[[FrameSet, NDArray[np.integer]], list[Finding]],
    data: FrameSet,
    rows: NDArray[np.integer],
) -> list[Finding]:
    """Compare energies with compositions, which say nothing of those of isolated atoms."""
    findings = look(data, rows)
    if findings and len(alone := isolated_rows(data, rows)):
        return look(data, rows[~np.isin(rows, alone)])
    return findings


def _beside_composition(data: FrameSet, rows: NDArray[np.integer]) -> list[Finding]:
    energies = np.full(len(data), np.nan)
    energies[rows] = data.energies()[rows]
    names = data.table()["frame_id"].to_numpy()
    functional = data.card.functional or ""
    sizes = sizes_of(data.formulas(), data.n_atoms())
    found = row_finding(energies, data.fractions(), sizes, names, functional)
    return [] if found is None else [found]


def label_findings(
    data: FrameSet, source: SourceModel, rows: NDArray[np.integer], *, progress: Progress = silent
) -> list[Finding]:
    """Check the labels of some frames.

    Args:
        data: the data set.
        source: the model that they are compared with.
        rows: rows of it.
        progress: reports the frames predicted.

    Raises:
        LabError: if the model cannot be loaded.
    """
    none = np.zeros(0, np.int64)
    split = Split(train=np.asarray(rows), validation=none, test=none)
    return diagnose(data, source, split=split, parts=LABELS, progress=progress).findings()


def imported_findings(
    card: Card, units: Mapping[str, str], *, progress: Progress = silent
) -> list[Finding]:
    """Check the labels of a data set of frames that has just been imported.

    They are compared with the released model of the nearest functional.

    Args:
        card: its card.
        units: label to the unit in which the file was read.
        progress: reports the frames predicted.
    """
    near = "chgnet-r2scan" if (card.functional or "").lower().startswith("r2scan") else _USUAL
    data = open_frame_set(card.name)
    found = label_findings(data, SourceModel(near), np.arange(len(data)), progress=progress)
    return in_units_of_file(found, units)


_USUAL = "chgnet-0.3.0"


@lru_cache(maxsize=4)
def _scanned(data: FrameSet) -> Scan:
    # Opened data sets are kept and shared, so that one is read once for all methods of a preview.
    return scan(data)


def _set_findings(
    data: FrameSet, seen: Scan, rows: NDArray[np.integer], split: Split
) -> list[Finding]:
    findings = distance_findings(data, rows)
    leaks = leak_findings(data, seen.structure, split)
    leaked = {row for one in leaks for row in one.rows}
    # A copy in another part of the split is a leak, and told as one.
    inside = rows[~np.isin(rows, list(leaked))] if leaked else rows
    return [*findings, *leaks, *repeat_findings(data, seen.structure, inside)]


def _labels(
    data: FrameSet,
    source: SourceModel,
    rows: NDArray[np.integer],
    *,
    told: bool,
    progress: Progress,
) -> tuple[list[Finding], dict[str, NDArray[np.float64]], int]:
    """Return findings of units and sizes, errors by kind of label, and the frames compared.

    Args:
        data: the data set.
        source: the pretrained model.
        rows: rows of it.
        told: whether composition has told already which energies are wrong.
        progress: reports the frames predicted.
    """
    findings = []
    if not told:
        findings += energy_unit_findings(data, source, rows, progress=part(progress, 0.0, 0.5))
    predicted = array_predictions(data, source, rows, progress=part(progress, 0.5, 1.0))
    findings += [*array_findings(predicted), *force_findings(predicted)]
    if all(finding.severity == "info" for finding in findings):
        # Labels in a wrong unit are all out of the ordinary.
        if not told:
            known = rows[np.isfinite(data.energies()[rows])]
            findings += _but_for_isolated(_scattered, data, sample_rows(known, _SCATTER))
        findings += size_findings(contents_of(data), rows)
    return findings, label_errors(predicted), len(predicted)


def _scattered(data: FrameSet, rows: NDArray[np.integer]) -> list[Finding]:
    names = data.table()["frame_id"].to_numpy()[rows]
    return scatter_findings(data.fractions()[rows], data.energies()[rows], names)


def _energies(
    data: FrameSet,
    source: SourceModel,
    rows: NDArray[np.integer],
    split: Split,
    before: list[Finding],
    diagnosis: Diagnosis,
    *,
    progress: Progress,
) -> tuple[list[Finding], Diagnosis]:
    """Check references, scales and coverage on a sample of energies."""
    sample = energy_sample(data, source, rows, progress=progress)
    is_wrong = any(one.kind in _ENERGY_KINDS and one.severity != "info" for one in before)
    if sample is None or is_wrong:
        return coverage_findings(data, split), diagnosis
    known = {one.kind for one in before}
    findings = [] if "energy_zero" in known else scale_findings(sample)
    if "energy_outliers" in known:
        findings = [one for one in findings if one.kind != "energy_outliers"]
    if not findings and not known & _ENERGY_KINDS:
        labels, model = (
            carrying_u(data, functional, sample.rows)
            for functional in (sample.functional, source_functional(source.name))
        )
        if (of_u := hubbard_columns(sample, less(labels, model))) is not None:
            findings.append(of_u)
    off = deviations(sample)
    # On a wrong scale, what references cost says nothing of the elements.
    is_sound = all(one.severity == "info" for one in findings) and not any(
        kind.startswith("energy") for kind in known
    )
    unknown = unknown_distance(sample.fractions, off) if is_sound else None
    findings += coverage_findings(data, split, unknown=unknown)
    occurs = (sample.fractions > 0).any(axis=0)
    errors = _offset(data, source, sample)
    return findings, replace(
        diagnosis,
        n_energies=len(sample.energies),
        deviation=np.where(occurs, off, np.nan),
        offset=errors,
        energy=sample.left - sample.fractions @ off,
    )


def energy_sample(
    data: FrameSet,
    source: SourceModel,
    rows: NDArray[np.integer],
    *,
    progress: Progress = silent,
) -> EnergySample | None:
    """Return a sample of energies beside the network's; None where there are none.

    Arguments and errors as of `diagnose`.
    """
    rows = rows[np.isfinite(data.energies()[rows])]
    few = sample_rows(rows, ENERGIES)
    interaction = interaction_energies(data, source, rows=few, progress=progress)
    usable = np.isfinite(interaction)
    few, interaction = few[usable], interaction[usable]
    if not len(few):
        return None
    card, fractions = data.card, data.fractions()[few]
    functional = card.functional or "unknown"
    takes = canonical_functional(functional) in FUNCTIONALS
    formulas = data.formulas()[few]
    return EnergySample(
        rows=few,
        names=data.table()["frame_id"].to_numpy()[few],
        materials=data.material_ids()[few],
        fractions=fractions,
        energies=data.energies()[few],
        interaction=interaction,
        prior=source.prior(functional).energies,
        functional=functional,
        corrections=card.corrections,
        corrections_are_known=source.name in MODELS,
        mp2020=mp2020_corrections(formulas).corrections if takes else None,
        hubbard=hubbard_corrections(fractions) if takes else None,
        beyond_u=beyond_u(functional, source_functional(source.name)),
    )


def _offset(data: FrameSet, source: SourceModel, sample: EnergySample) -> dict[str, float]:
    try:
        errors = offset(
            sample.fractions,
            sample.energies,
            sample.interaction,
            atomref=source.priors(sample.functional)["source"].energies,
            prior=sample.prior,
            strength=_STRENGTH,
            groups=data.material_ids()[sample.rows],
            rows=sample.rows,
        )
    except LabError:
        return {}  # fewer than five materials
    return {step: _MEV * error for step, error in errors.mae.items()}
