"""What U adds per atom, on energies made with known shifts, against numpy and pymatgen."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.analysis.compatibility import MaterialsProject2020Compatibility
from pymatgen.core import Composition

from core.elements import INDEX, fractions_from_formulas
from core.frames.pairs import PairSet
from core.frames.schema import Card, EnergyColumn
from core.reference.shifts.hubbard import U_ELEMENTS, carrying_u, pair_shifts, u_shifts
from core.reference.shifts.pairs import OpenedPairs, PairedEnergies

OXIDES = ["FeO", "Fe2O3", "Fe3O4", "CaFeO3", "CoO", "Co3O4", "CoF2", "LiCoO2", "FeF3", "NaFeO2"]
METALS = ["Fe", "FeS", "FeCo", "Fe3Co", "FeAl", "CoAl", "CoS2", "FeS2", "LiAl", "CaAl2", "NaCl"]
OTHERS = ["CaO", "Li2O", "Na2O", "LiF", "NaF", "CaF2", "Al2O3", "CaS", "NaS", "CaCl2", "LiCl"]
FORMULAS = [*OXIDES, *METALS, *OTHERS]
FE, CO = 2.2, 1.4
"""eV that U adds per atom."""


def table_of(source="GGA/GGA+U", noise=0.0, **columns):
    """Pairs whose first energy carries the known shifts of U."""
    rng = np.random.default_rng(3)
    X = fractions_from_formulas(FORMULAS)
    target = X @ rng.normal(-4, 2, 94) + noise * rng.normal(size=len(X))
    has_u = np.arange(len(X)) < len(OXIDES)
    u = has_u * (FE * X[:, INDEX["Fe"]] + CO * X[:, INDEX["Co"]])
    before = target + X @ rng.normal(1, 1, 94) + u + noise * rng.normal(size=len(X))
    energies = [
        EnergyColumn(column="e1", functional=source),
        EnergyColumn(column="e2", functional="r2SCAN"),
    ]
    table = pd.DataFrame(
        {
            "material_id": [f"m{i}" for i in range(len(X))],
            "formula": FORMULAS,
            "e1": before,
            "e2": target,
            **columns,
        }
    )
    data = PairSet(Card(name="u", kind="pairs", energies=energies, n=len(X)), table)
    return OpenedPairs(data=data, pairs=PairedEnergies.from_pair_set(data, "e1", "e2"))


RUN_TYPES = ["GGA_U" if i < len(OXIDES) else "GGA" for i in range(len(FORMULAS))]
HUBBARDS = [
    "{'Fe': 5.3, 'Co': 3.32, 'O': 0.0}" if i < len(OXIDES) else "{}" for i in range(len(FORMULAS))
]


@pytest.mark.parametrize(
    ("functional", "columns"),
    [
        ("GGA/GGA+U", {}),
        ("GGA/GGA+U", {"run_type": RUN_TYPES}),
        ("PBE", {"functional": [value.replace("GGA", "PBE") for value in RUN_TYPES]}),
        ("GGA/GGA+U", {"hubbards": HUBBARDS}),
    ],
    ids=["by composition", "by run type", "by functional", "by U of the elements"],
)
def test_the_shift_of_pairs_gives_back_the_shifts_of_u(functional, columns):
    found = pair_shifts(table_of(functional, **columns))
    assert found.by_symbol().keys() == {"Fe", "Co"}
    np.testing.assert_allclose(found.shifts, [FE, CO], atol=1e-9)
    assert found.mae < 1e-10 < found.mae_without
    assert found.cost == pytest.approx(1000 * found.mae_without)
    assert found.n_with.tolist() == [6, 4]
    assert found.n_without.tolist() == [6, 4]


def test_rows_that_carry_u_are_those_of_their_run_type_not_of_their_composition():
    metal_with_u = ["GGA+U" if formula in {"FeS", "FeCo"} else "GGA" for formula in FORMULAS]
    opened = table_of(run_type=metal_with_u)
    carried = carrying_u(opened.data, "GGA/GGA+U")
    rows = np.unique(carried.nonzero()[0])
    assert [FORMULAS[row] for row in rows] == ["FeS", "FeCo"]
    assert carried[FORMULAS.index("FeCo"), INDEX["Co"]] == 0.5
    assert carrying_u(opened.data, "r2SCAN") is None


def test_errors_are_those_of_leaving_materials_out():
    pairs = table_of(noise=0.05)
    X, y = pairs.pairs.fractions, pairs.pairs.shift
    Z = -carrying_u(pairs.data, "GGA/GGA+U")
    found = u_shifts(X, Z, y, pairs.pairs.material_id)
    A = np.column_stack([X, Z[:, [INDEX["Fe"], INDEX["Co"]]].toarray()])
    A = A[:, (A != 0).any(axis=0)]
    np.testing.assert_allclose(found.shifts, np.linalg.lstsq(A, y)[0][-2:], atol=1e-9)
    without = []
    for i in range(len(y)):
        kept = np.arange(len(y)) != i
        without.append(np.linalg.lstsq(A[kept], y[kept])[0][-2:])
    n = len(y)
    expected = np.sqrt((n - 1) / n * ((np.array(without) - found.shifts) ** 2).sum(axis=0))
    np.testing.assert_allclose(found.errors, expected, rtol=1e-6)
    assert (np.abs(found.shifts - [FE, CO]) < 4 * found.errors).all()


def test_a_prior_pulls_the_references_and_not_u():
    pairs = table_of(noise=0.05)
    X, y = pairs.pairs.fractions, pairs.pairs.shift
    Z = -carrying_u(pairs.data, "GGA/GGA+U")
    found = u_shifts(X, Z, y, penalty=0.3 * np.eye(94))
    A = np.column_stack([X, Z[:, [INDEX["Fe"], INDEX["Co"]]].toarray()])
    pull = np.sqrt(0.3) * np.eye(94, 96)
    expected = np.linalg.lstsq(np.vstack([A, pull]), np.append(y, np.zeros(94)))[0]
    np.testing.assert_allclose(found.shifts, expected[-2:], atol=1e-9)


def test_where_nothing_meets_nothing_is_told():
    everywhere = table_of(run_type=["GGA+U"] * len(FORMULAS))
    assert pair_shifts(everywhere) is None
    assert pair_shifts(table_of("HSE06")) is None
    X = fractions_from_formulas(["FeO", "Fe", "NaCl"])
    carried = carrying_u(table_of().data, "GGA/GGA+U", np.array([0, 10, 20]))
    assert u_shifts(X, carried, np.zeros(3)) is None


def test_compositions_carry_u_as_the_scheme_of_materials_project_says():
    settings = MaterialsProject2020Compatibility(check_potcar=False).u_settings
    opened = table_of()
    carried = carrying_u(opened.data, "GGA/GGA+U").toarray() > 0
    for row, formula in enumerate(FORMULAS):
        elements = Composition(formula).elements
        strongest = max(elements, key=lambda element: element.X).symbol
        known = settings.get(strongest, {})
        expected = {one.symbol for one in elements if known.get(one.symbol, 0) > 0}
        if len(elements) == 1:
            expected = set()
        assert {U for U in U_ELEMENTS if carried[row, INDEX[U]]} == expected, formula
