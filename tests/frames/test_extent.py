"""Totals taken for energies per atom are seen from the energies alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.elements import N_ELEMENTS, SYMBOLS
from core.errors import LabError
from core.frames.extent import atoms_by_extent, extent_finding, refuse_column, refuse_totals
from core.frames.registry import open_dataset
from core.frames.schema import Frame
from core.frames.tables.pair_table import import_energies


def cells(seed, n=80, elements=10, multiples=(1, 2, 4)):
    """Atom counts (n, 94) of cells with one to four formula units, and energies in eV/atom."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(N_ELEMENTS, elements, replace=False)
    counts = np.zeros((n, N_ELEMENTS), dtype=int)
    for row in counts:
        amounts = rng.integers(1, 7, 3) * rng.choice(multiples)
        row[rng.choice(chosen, 3, replace=False)] = amounts
    fractions = counts / counts.sum(axis=1, keepdims=True)
    return counts, fractions @ rng.uniform(-12, -2, N_ELEMENTS) + rng.normal(0, 0.3, n)


def told(counts, energies):
    finding = extent_finding(counts, energies, divided=True)
    return None if finding is None else finding.remedy.partition("energy=")[2].partition(",")[0]


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_each_extent_is_recognised(seed):
    counts, energies = cells(seed)
    sizes = atoms_by_extent(counts)
    assert told(counts, energies) is None
    assert told(counts, energies * sizes["cell"]) == "eV/cell"
    assert told(counts, energies * sizes["formula unit"]) == "eV/f.u."
    assert told(counts, energies / sizes["cell"]) == "eV/atom"


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_few_frames_of_many_elements(seed, n):
    """Wrong alarms never; totals are seen by their size."""
    counts, energies = cells(seed, n=n, elements=60, multiples=(1, 2, 4, 8))
    assert told(counts, energies) is None
    if n == 40:
        assert told(counts, energies * counts.sum(axis=1)) == "eV/cell"
        assert told(counts, energies / counts.sum(axis=1)) == "eV/atom"


def test_the_embedded_frames_are_per_atom():
    data = open_dataset("mp-frames-r2scan")
    n_atoms = data.n_atoms()
    counts = np.rint(data.fractions() * n_atoms[:, None]).astype(int)
    for seed in range(5):
        rows = np.random.default_rng(seed).permutation(len(data))[:60]
        assert told(counts[rows], data.energies()[rows]) is None
    assert told(counts, data.energies() * n_atoms) == "eV/cell"


def test_one_cell_tells_nothing():
    counts = np.zeros((50, N_ELEMENTS), dtype=int)
    counts[:, [2, 26, 7]] = [4, 4, 8]
    energies = -100 + np.random.default_rng(0).normal(0, 1, 50)
    assert extent_finding(counts, energies) is None
    assert extent_finding(counts[:1], energies[:1]) is None


def frames(counts, energies):
    for row, (numbers, energy) in enumerate(zip(counts, energies, strict=True)):
        atoms = np.repeat(np.arange(1, N_ELEMENTS + 1), numbers)
        yield Frame(
            frame_id=f"f-{row}",
            material_id=f"m-{row}",
            atomic_numbers=atoms,
            frac_coords=np.zeros((len(atoms), 3)),
            lattice=np.eye(3),
            energy_per_atom=energy,
        )


def test_an_import_is_refused_at_its_end():
    counts, energies = cells(0)
    assert len(list(refuse_totals(frames(counts, energies), "t.parquet"))) == len(counts)
    totals = energies * counts.sum(axis=1)
    with pytest.raises(LabError, match=r"t.parquet: The energies are totals .* energy=eV/cell"):
        list(refuse_totals(frames(counts, totals), "t.parquet"))
    missing = np.where(np.arange(len(totals)) % 7, totals, np.nan)
    with pytest.raises(LabError, match=r"column 'b': .* energy=eV/f\.u\."):
        refuse_column(counts, missing, "column 'b'", of_formulas=True)
    refuse_column(counts, energies, "column 'a'", of_formulas=True)


def test_a_table_of_totals_is_refused_and_read_with_its_unit(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    counts, energies = cells(1, n=40)
    totals = energies * counts.sum(axis=1)
    formulas = ["".join(f"{SYMBOLS[i]}{row[i]}" for i in np.flatnonzero(row)) for row in counts]
    pd.DataFrame({"formula": formulas, "energy_pbe": totals}).to_csv(tmp_path / "t.csv")
    common = {"name": "mine", "functional": "PBE"}
    with pytest.raises(LabError, match=r"column 'energy_pbe': .*energy=eV/f\.u\."):
        import_energies(tmp_path / "t.csv", **common)
    import_energies(tmp_path / "t.csv", **common, units={"energy": "eV/f.u."})
    np.testing.assert_allclose(open_dataset("mine").energy("energy_pbe"), energies)


def energy_table(tmp_path, energies, **columns):
    path = tmp_path / "t.csv"
    pd.DataFrame({"formula": FORMULAS[: len(energies)], "energy": energies, **columns}).to_csv(
        path, index=False
    )
    return path


RNG = np.random.default_rng(3)
NUMBERS = RNG.integers(1, 7, (60, 2))
FORMULAS = [
    f"{a}{n}{b}{m}"
    for (n, m), a, b in zip(
        NUMBERS, RNG.choice(["Li", "Na", "K"], 60), RNG.choice(["O", "S", "Cl"], 60), strict=True
    )
]
PER_ATOM = -4 - NUMBERS[:, 0] / NUMBERS.sum(axis=1)


def test_the_extent_of_formulas_is_seen_or_asked_for(tmp_path):
    """A column that names neither functional nor extent, as chgnet_energy, may hold totals."""
    number = NUMBERS.sum(axis=1)
    cell = number * RNG.integers(1, 5, 60)
    take = {"name": "x", "functional": "PBE"}
    assert import_energies(energy_table(tmp_path, PER_ATOM), **take).n == 60
    with pytest.raises(LabError, match=r"totals of the formula unit.*energy=eV/f\.u\."):
        import_energies(energy_table(tmp_path, PER_ATOM * number), **{**take, "name": "y"})
    totals = energy_table(tmp_path, PER_ATOM * cell, nsites=cell)
    with pytest.raises(LabError, match=r"totals of the cell.*energy=eV/cell"):
        import_energies(totals, **{**take, "name": "y"})
    card = import_energies(totals, units={"energy": "eV/cell"}, **{**take, "name": "y"})
    assert open_dataset(card.name).energy("energy").tolist() == pytest.approx(PER_ATOM.tolist())
    few = energy_table(tmp_path, PER_ATOM[:5])
    with pytest.raises(LabError, match=r"not known whether energy belongs.*--unit energy=eV/atom"):
        import_energies(few, **{**take, "name": "z"})
    assert import_energies(few, units={"energy": "eV/atom"}, **{**take, "name": "z"}).n == 5


def test_totals_of_cells_of_two_formula_units_are_the_cells():
    counts, energies = cells(3, multiples=(1,))
    formulas = counts // np.gcd.reduce(counts, axis=1)[:, None]
    atoms = 2 * formulas.sum(axis=1)
    finding = extent_finding(formulas, energies * atoms, of_formulas=True, n_atoms=atoms)
    assert "totals of the cell" in finding.message
    assert "energy=eV/cell" in finding.remedy


def test_the_flag_names_a_column_beside_the_energies():
    counts, energies = cells(5)
    sizes = counts.sum(axis=1)
    with pytest.raises(LabError, match="--unit uncorrected_energy=eV/cell"):
        refuse_column(counts, energies * sizes, "column", field="uncorrected_energy")
