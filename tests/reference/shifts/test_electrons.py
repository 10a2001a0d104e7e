"""Tables of the neutral atoms, against what chemistry books say."""

import numpy as np
import pytest

from core.elements import INDEX, SYMBOLS
from core.reference.shifts.electrons import d_electrons, electronegativities, f_electrons


@pytest.mark.parametrize(
    ("symbol", "d", "f"),
    [
        ("H", 0, 0), ("O", 0, 0), ("Ca", 0, 0), ("Sc", 1, 0), ("V", 3, 0), ("Cr", 5, 0),
        ("Fe", 6, 0), ("Cu", 10, 0), ("Ga", 10, 0), ("Kr", 10, 0), ("Sr", 0, 0), ("Nb", 4, 0),
        ("Pd", 10, 0), ("Xe", 10, 0), ("La", 1, 0), ("Ce", 1, 1), ("Eu", 0, 7), ("Gd", 1, 7),
        ("Yb", 0, 14), ("Hf", 2, 14), ("Pb", 10, 14), ("Th", 2, 0), ("U", 1, 3), ("Pu", 0, 6),
    ],
)  # fmt: skip
def test_shells(symbol, d, f):
    assert d_electrons()[INDEX[symbol]] == d
    assert f_electrons()[INDEX[symbol]] == f


def test_valence_electrons_make_up_the_atom():
    # Beyond the noble gas lie s, d, f and p electrons: no more than the period is long.
    cores = np.array([0, 2, 10, 18, 36, 54, 86])
    for symbol in SYMBOLS:
        number = INDEX[symbol] + 1
        beyond = number - cores[cores < number].max()
        assert d_electrons()[INDEX[symbol]] + f_electrons()[INDEX[symbol]] <= beyond


def test_electronegativities():
    table = electronegativities()
    assert table.shape == (94,)
    assert table[INDEX["F"]] == pytest.approx(3.98)
    assert table[INDEX["Cs"]] == pytest.approx(0.79)
    assert np.isnan(table[INDEX["He"]])
