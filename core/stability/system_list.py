"""Which chemical systems and elements the phases of a comparison have."""

import numpy as np
import pandas as pd

from core.elements import SYMBOLS
from core.stability.comparison import Comparison

_EASY = (2, 3)
"""Numbers of elements of a hull that is easy to read."""


def default_system(comparison: Comparison) -> str:
    """Return the system to show first: the one with most that is wrong, among binary and ternary.

    Where nothing is wrong, it is the one with the most phases; "" without any phase.
    """
    systems = comparison.systems
    easy = systems[systems["n_elements"].isin(_EASY)]
    ranked = (systems if easy.empty else easy).sort_values(
        ["wrong", "n"], ascending=False, kind="stable"
    )
    return "" if ranked.empty else str(ranked["system"].iloc[0])


def phase_counts(comparison: Comparison) -> pd.DataFrame:
    """Return symbol, phases and pure (whether it has an energy) of the elements that occur."""
    result = comparison.reference
    present = result.phases.fractions > 0
    counts = present.sum(axis=0)
    places = np.flatnonzero(counts)
    return pd.DataFrame(
        {
            "symbol": [SYMBOLS[z] for z in places],
            "phases": counts[places],
            "pure": np.isfinite(result.elements[places]),
        }
    )
