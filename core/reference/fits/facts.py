"""Real DFT energies of the elements in PBE and r2SCAN, embedded in data/elements.

What each column means, where the energies come from and under which licence is in the card beside
them, data/elements/facts.json.
"""

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from core.elements import INDEX, N_ELEMENTS
from core.errors import LabError
from core.home import CHECKOUT

Family = Literal["mp", "matpes"]
"""Calculations that belong together: Materials Project's references, or those of MatPES."""

Kind = Literal["crystal", "atom"]
"""The elemental crystal or the isolated atom."""

FACTS = CHECKOUT / "data" / "elements" / "facts.csv"


@cache
def _read() -> pd.DataFrame:
    try:
        # The symbol of sodium must not read as a missing value.
        table = pd.read_csv(FACTS, keep_default_na=False, na_values={"same_geometry": [""]})
    except OSError as error:
        raise LabError(
            f"{FACTS} cannot be read ({error.strerror}); restore it from the repository."
        ) from None
    energies = [column for column in table.columns if column.startswith("e_")]
    table[energies] = table[energies].apply(pd.to_numeric)
    return table.astype({"same_geometry": "boolean"})


def facts() -> pd.DataFrame:
    """Return all facts: one row per element and family, energies in eV/atom, NaN if unknown."""
    return _read().copy()


def family_facts(family: Family) -> pd.DataFrame:
    """Return one family's facts, indexed by element."""
    table = _read()
    return table[table["family"] == family].set_index("element")


@cache
def functional_shift(family: Family, kind: Kind) -> np.ndarray:
    """Return r2SCAN minus PBE energy of each element (94,), eV/atom; NaN where unknown."""
    table = family_facts(family)
    shift = np.full(N_ELEMENTS, np.nan)
    difference = table[f"e_{kind}_r2scan"] - table[f"e_{kind}_pbe"]
    shift[[INDEX[symbol] for symbol in table.index]] = difference
    shift.flags.writeable = False
    return shift


@cache
def other_geometry(family: Family) -> np.ndarray:
    """Return whether the crystals of the two functionals differ in geometry, (94,)."""
    table = family_facts(family)
    differs = np.zeros(N_ELEMENTS, dtype=bool)
    is_other = ~table["same_geometry"].fillna(value=True).to_numpy(dtype=bool)
    differs[[INDEX[symbol] for symbol in table.index]] = is_other
    differs.flags.writeable = False
    return differs
