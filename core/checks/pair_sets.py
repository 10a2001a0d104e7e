"""The doctor on pairs: energies of materials in two or more functionals, often without structures.

With structures, the pretrained network judges each column of energies as it does those of frames.
Without, another column stands for the network: less its expected references, energies in one
functional are close to interaction energies in another one. Whether a part of the materials carries
U is told by oxides and fluorides beside other compounds of the same metals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.checks.composition import column_findings, of_column
from core.checks.diagnosis import Diagnosis, stored
from core.checks.energy_sample import (
    FEWEST,
    PULL,
    Array,
    EnergySample,
    beyond_u,
    outlier_limit,
    solved,
)
from core.checks.expected import are_like_embedded, expected_energies
from core.checks.pair_columns import (
    copied_findings,
    exchanged_findings,
    few_findings,
    missing_findings,
)
from core.checks.repeats import pair_repeat_findings
from core.checks.scales import scale_findings, u_in_pairs
from core.elements import amounts_from_formulas
from core.frames.findings import Finding
from core.frames.functionals import MIXED, canonical_functional
from core.frames.pairs import PairSet
from core.frames.schema import EnergyColumn
from core.potential.models import source_functional
from core.potential.released import MODELS
from core.progress import Progress, part, silent
from core.reference.fits.energy_scatter import mismatch_findings
from core.reference.formation.corrections import (
    FUNCTIONALS,
    hubbard_corrections,
    mp2020_corrections,
)
from core.reference.shifts.hubbard import carrying_u
from core.transfer.interaction import interaction_energies
from core.transfer.label_check import ENERGIES, energy_findings, sample_rows
from core.transfer.label_slopes import energy_finding
from core.transfer.source_model import SourceModel

_MOST = 600
"""Rows that are compared without a network."""

_ASK_NETWORK = {"hubbard", "hubbard_mixture"}
"""What two functionals that differ in U show as well: only the network tells it from a fault."""

_CHEAP = {"element_offset": 20.0, "energy_mixture": 150.0}
"""meV/atom below which references of elements are not told without the network: those of bromides
and bromates differ by 65."""

_FEWEST_OF = 4
"""Materials of each element of a row that another column judges."""

_ORDER = (
    "energy_extent",
    "energy_unit",
    "energy_mismatch",
    "energy_reference",
    "functional",
    "corrections",
    "corrections_mixture",
    "hubbard",
    "hubbard_mixture",
    "energy_mixture",
    "element_offset",
    "energy_outliers",
)
"""Of findings in several columns that see the same fault, the first one names it."""


def diagnose_pairs(data: PairSet, source: SourceModel, *, progress: Progress = silent) -> Diagnosis:
    """Look for what is wrong in a data set of pairs.

    Args:
        data: the data set.
        source: the pretrained model.
        progress: receives the share that is done.

    Raises:
        LabError: if the model cannot be loaded.
    """
    columns = data.card.energies
    kept, of_rows = column_findings(data)
    in_units = any(one.kind in {"energy_unit", "energy_extent"} for one in of_rows)
    exchanged = [] if in_units else exchanged_findings(data, source)
    findings = [
        *missing_findings(data),
        *([] if in_units else [*copied_findings(data), *exchanged]),
        *pair_repeat_findings(data, columns),
    ]
    if exchanged:
        return Diagnosis(n=len(data), of="pairs", network=False, **stored(findings))
    findings += of_rows
    by_network = bool(data.structure_flags().any())
    of_columns: list[tuple[EnergyColumn, Finding]] = []
    n_energies = 0
    for number, one in enumerate(columns):
        share = part(progress, number / len(columns), (number + 1) / len(columns))
        sample, sizes = _sample(data, source, one, kept, by_network=by_network, progress=share)
        if sample is None:
            continue
        n_energies = max(n_energies, len(sample.energies))
        found = _energy_findings(sample, sizes, by_network=by_network)
        of_columns += [(one, each) for each in found]
    if not by_network:
        of_columns = _told_once(data, of_columns)
    findings += [of_column(one, found) for one, found in of_columns]
    others = {one.kind for one in findings if one.severity != "info"} - {"energy_outliers"}
    if not others.intersection(_ORDER):
        findings += _with_u(data, source, kept)
    findings += few_findings(data)
    return Diagnosis(
        n=len(data), n_energies=n_energies, of="pairs", network=by_network, **stored(findings)
    )


def _sample(
    data: PairSet,
    source: SourceModel,
    column: EnergyColumn,
    kept: Mapping[str, NDArray[np.bool_]],
    *,
    by_network: bool,
    progress: Progress,
) -> tuple[EnergySample | None, NDArray[np.integer]]:
    """Return energies of a column beside the network's or another column's, and atoms per cell."""
    if by_network:
        rows = sample_rows(np.flatnonzero(kept[column.column] & data.structure_flags()), ENERGIES)
        interaction = interaction_energies(data, source, rows=rows, progress=progress)
    else:
        other = _partner(data.card.energies, column)
        if other is None:
            return None, np.zeros(0, np.int64)
        both = kept[column.column] & kept[other.column]
        occurs = data.fractions() > 0
        both &= ~occurs[:, occurs[both].sum(axis=0) < _FEWEST_OF].any(axis=1)
        rows = sample_rows(np.flatnonzero(both), _MOST)
        expected = source.prior(other.functional).energies
        interaction = data.energy(other.column)[rows] - data.fractions()[rows] @ expected
    usable = np.isfinite(interaction)
    rows, interaction = rows[usable], interaction[usable]
    if len(rows) < FEWEST:
        return None, np.zeros(0, np.int64)
    table = data.table().iloc[rows]
    formulas, fractions = table["formula"].to_numpy(), data.fractions()[rows]
    counted = canonical_functional(column.functional) in FUNCTIONALS
    sizes = data.n_atoms()[rows]
    mp2020 = mp2020_corrections(formulas).corrections if counted else None
    hubbard = hubbard_corrections(fractions) if counted else None
    prior, energies = source.prior(column.functional).energies, data.energy(column.column)[rows]
    if not by_network:
        # Where one functional has U and the other none, that is no fault.
        left = energies - interaction - fractions @ prior
        interaction = interaction + _of_u(fractions, left, mp2020)
        hubbard = None
        sizes = np.rint(amounts_from_formulas(formulas).sum(axis=1)).astype(np.int64)
    return EnergySample(
        rows=rows,
        names=table["material_id"].to_numpy(),
        materials=table["material_id"].to_numpy(),
        fractions=fractions,
        energies=energies,
        interaction=interaction,
        prior=prior,
        functional=column.functional,
        corrections=column.corrections,
        corrections_are_known=source.name in MODELS,
        mp2020=mp2020,
        hubbard=hubbard,
        beyond_u=beyond_u(column.functional, source_functional(source.name)),
    ), sizes


def _of_u(fractions: Array, left: Array, mp2020: Array | None) -> Array:
    """Return what U adds to one of two functionals, by MP2020's terms for it, (n,) eV/atom."""
    terms = hubbard_corrections(fractions)
    beside = [] if mp2020 is None else [mp2020]
    A = np.column_stack([fractions, *beside, terms])
    pull = np.diag([PULL] * fractions.shape[1] + [1e-9] * (A.shape[1] - fractions.shape[1]))
    kept = np.ones(len(left), bool)
    for _ in range(2):
        found = np.linalg.solve(A[kept].T @ A[kept] + pull, A[kept].T @ left[kept])
        size = np.abs(left - A @ found)
        kept = size <= outlier_limit(size)
    return np.asarray(found[-1] * terms)


def _partner(columns: Sequence[EnergyColumn], one: EnergyColumn) -> EnergyColumn | None:
    """Return the column that stands for the network: of another functional, if there is one.

    Energies in a functional whose references are unknown do not, nor can they be judged.
    """
    known = [other for other in columns if are_like_embedded(other.functional)]
    others = [other for other in known if other.column != one.column] if one in known else []
    far = [other for other in others if other.functional != one.functional]
    return next(iter([*far, *others]), None)


def _energy_findings(
    sample: EnergySample, sizes: NDArray[np.integer], *, by_network: bool
) -> list[Finding]:
    X, energies, interaction = sample.fractions, sample.energies, sample.interaction
    if not by_network:
        unit = energy_finding(X, sizes, energies, interaction)
        found = [unit] if unit is not None else scale_findings(sample)
        found = [
            _of_two(one) for one in found if one.kind not in _ASK_NETWORK and not _is_cheap(one)
        ]
        return found or mismatch_findings(X, energies)
    found = energy_findings(X, sizes, energies, interaction, sample.prior)
    if any(one.severity != "info" for one in found):
        return found
    return found or scale_findings(sample) or mismatch_findings(X, energies)


def _of_two(finding: Finding) -> Finding:
    if finding.kind != "element_offset":
        return finding
    more = " Or those of the energies that they are compared with, as far on the other side."
    return replace(finding, message=finding.message + more)


def _is_cheap(finding: Finding) -> bool:
    """Return whether an element's shift may differ by as much among its compounds."""
    return (finding.cost or 0.0) < _CHEAP.get(finding.kind, 0.0)


def _told_once(
    data: PairSet, found: list[tuple[EnergyColumn, Finding]]
) -> list[tuple[EnergyColumn, Finding]]:
    """Return what is left where a fault of one column is seen in the one that it judges, too."""
    if len({column.column for column, _ in found}) < 2:
        return found

    def rank(one: tuple[EnergyColumn, Finding]) -> tuple[int, float]:
        column, finding = one
        place = _ORDER.index(finding.kind) if finding.kind in _ORDER else len(_ORDER)
        if finding.kind == "element_offset":
            return place, -_own_offset(data, column)
        return place, -_distance(data, column, finding.rows)

    first = min(found, key=rank)[0]
    return [(column, finding) for column, finding in found if column.column == first.column]


def _own_offset(data: PairSet, column: EnergyColumn) -> float:
    """Return how far composition alone puts an element of a column from its usual reference, eV.

    The element is the one of which another column says most else.
    """
    other = _partner(data.card.energies, column) or column
    X = data.fractions()
    off = [
        data.energy(one.column) - expected_energies(X, one.functional) for one in (column, other)
    ]
    known = np.isfinite(off[0] + off[1])
    own, others = (solved(X[known], one[known])[0] for one in off)
    return float(np.abs(own[np.argmax(np.abs(own - others))]))


def _distance(data: PairSet, column: EnergyColumn, rows: Sequence[int]) -> float:
    """Return how far energies lie from what composition says, eV/atom, as a root mean square."""
    chosen = list(rows) or slice(None)
    expected = expected_energies(data.fractions()[chosen], column.functional)
    off = data.energy(column.column)[chosen] - expected
    return float(np.sqrt(np.nanmean(off**2))) if np.isfinite(off).any() else 0.0


def _with_u(
    data: PairSet, source: SourceModel, kept: Mapping[str, NDArray[np.bool_]]
) -> list[Finding]:
    """Report columns that carry U in a part of their materials, beside one that does not."""
    found = []
    for one in data.card.energies:
        other = _partner(data.card.energies, one)
        if other is None or other.functional == one.functional:
            continue
        rows = np.flatnonzero(kept[one.column] & kept[other.column])
        X = data.fractions()[rows]
        shift = source.prior(one.functional).energies - source.prior(other.functional).energies
        change = (data.energy(one.column) - data.energy(other.column))[rows] - X @ shift
        told = u_in_pairs(X, change, carrying_u(data, MIXED, rows), one.functional)
        found += [] if told is None else [of_column(one, told)]
    return found
