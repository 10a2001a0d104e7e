"""Pairs of energies: columns that are copied or exchanged, and rows that say little."""

from itertools import combinations

import numpy as np
import pandas as pd

from core.checks.energy_sample import FEWEST
from core.elements import SYMBOLS
from core.frames.findings import Finding
from core.frames.pairs import PairSet
from core.transfer.source_model import SourceModel

_SAME = 1e-6
"""eV/atom within which two columns hold the same numbers."""

_SHARE = 0.5
"""Share of the rows from which equal numbers are a copied column."""

_CLEAR, _CLOSE = 5.0, 0.5
"""How many times nearer the difference must be to the exchanged one, and how far from the stated
one, eV/atom."""

_POOR, _NAMED = 3, 8


def missing_findings(data: PairSet) -> list[Finding]:
    """Report rows that cannot be compared, for one of their energies is missing."""
    columns = data.card.energies
    if len(columns) < 2:
        return []
    energies = np.stack([data.energy(one.column) for one in columns])
    lacking = np.flatnonzero(np.isnan(energies).any(axis=0))
    if not len(lacking):
        return []
    share = len(lacking) / len(data)
    return [
        Finding(
            kind="missing_energies",
            severity="warning" if share > 0.5 else "info",
            message=f"{len(lacking):,} of {len(data):,} materials lack one of the energies.",
            remedy="They take part in no comparison of these columns.",
            rows=lacking.tolist(),
        )
    ]


def copied_findings(data: PairSet) -> list[Finding]:
    """Report two columns that hold the same numbers."""
    found = []
    for one, other in combinations(data.card.energies, 2):
        off = np.abs(data.energy(one.column) - data.energy(other.column))
        same = np.flatnonzero(off < _SAME)
        n = int(np.isfinite(off).sum())
        # Uncorrected and corrected energies of one functional are the same for many materials.
        if one.functional == other.functional or len(same) < max(FEWEST, _SHARE * n):
            continue
        found.append(
            Finding(
                kind="same_energies",
                severity="error",
                message=f"{one.column} ({one.functional}) and {other.column} ({other.functional}) "
                f"are the same numbers for {len(same):,} of {n:,} materials.",
                remedy="Import the table again with the right column for each functional.",
            )
        )
    return found


def exchanged_findings(data: PairSet, source: SourceModel) -> list[Finding]:
    """Report two columns whose difference is the known one with the other sign."""
    for one, other in combinations(data.card.energies, 2):
        shift = source.prior(other.functional).energies - source.prior(one.functional).energies
        expected = data.fractions() @ shift
        found = data.energy(other.column) - data.energy(one.column)
        if not np.isfinite(found).any():
            continue
        stated, turned = (float(np.nanmedian(np.abs(found - s * expected))) for s in (1.0, -1.0))
        if stated > _CLEAR * turned and stated > _CLOSE:
            return [
                Finding(
                    kind="functional",
                    severity="error",
                    message=f"{one.column} ({one.functional}) and {other.column} "
                    f"({other.functional}) are exchanged: their difference lies {stated:.2f} "
                    f"eV/atom from the known one, and {turned:.2f} with the other sign.",
                    remedy="Import the table again with the right functional for each column.",
                )
            ]
    return []


def few_findings(data: PairSet) -> list[Finding]:
    """Report elements of few materials, whose shift is hardly known."""
    if len(data) < FEWEST:
        return [
            Finding(
                kind="few_pairs",
                severity="warning",
                message=f"There are {len(data)} pairs, too few for the shift of single elements.",
                remedy="Import more, or pull AtomRef toward a prior.",
            )
        ]
    table = pd.Series((data.fractions() > 0).sum(axis=0), index=SYMBOLS)
    poor = table[(table > 0) & (table < _POOR)].sort_values()
    if poor.empty:
        return []
    named = ", ".join(f"{symbol} ({n})" for symbol, n in poor.iloc[:_NAMED].items())
    more = f" and {len(poor) - _NAMED} more" if len(poor) > _NAMED else ""
    return [
        Finding(
            kind="few_per_element",
            severity="info",
            message=f"Fewer than {_POOR} materials contain {named}{more}: their shift is that of "
            "the prior.",
            remedy="Add materials with these elements.",
        )
    ]
