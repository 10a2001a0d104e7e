import numpy as np
import pandas as pd
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from core.elements import INDEX
from core.errors import LabError
from core.frames.registry import list_datasets, open_dataset
from core.frames.schema import Card, Frame
from core.frames.sources.importing import import_dataset
from core.frames.store import write_frames
from core.home import datasets_dir
from core.reference.shifts.joining import join_frames
from core.reference.shifts.pairs import PairedEnergies, default_columns
from tests.salts import rock_salt

ROCK_SALT = rock_salt(5.6)
CESIUM = Structure(Lattice.cubic(3.5), ["Na", "Cl"], [[0] * 3, [0.5] * 3])
MAGNESIA = rock_salt(4.2, "Mg", "O")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))


def write(name, functional, entries, **fields):
    """Write frames of (material id, structure, energy per atom)."""
    frames = [
        Frame(
            frame_id=f"{name}-{i}",
            material_id=material,
            atomic_numbers=np.array([INDEX[site.specie.symbol] + 1 for site in structure]),
            frac_coords=structure.frac_coords,
            lattice=structure.lattice.matrix,
            energy_per_atom=energy,
        )
        for i, (material, structure, energy) in enumerate(entries)
    ]
    write_frames(
        datasets_dir() / name,
        Card(name=name, kind="frames", functional=functional, **fields),
        frames,
    )
    return open_dataset(name)


@pytest.fixture
def pbe():
    entries = [
        ("a", ROCK_SALT, -3.0),
        ("a", ROCK_SALT, -3.3),
        ("a", ROCK_SALT, -3.1),
        ("b", CESIUM, -3.4),
        ("c", MAGNESIA, -5.0),
        ("d", MAGNESIA, None),
        ("e", MAGNESIA, -4.0),
    ]
    return write("pbe", "PBE", entries, corrections="none", licence="CC0")


@pytest.fixture
def scan():
    # Another cell, another origin, and other volumes, as another functional relaxes them.
    larger = ROCK_SALT.copy()
    larger.make_supercell([2, 1, 1])
    larger.translate_sites(range(len(larger)), [0.1, 0.2, 0.3])
    larger.scale_lattice(larger.volume * 0.93)
    entries = [
        ("c", MAGNESIA.get_primitive_structure(), -9.0),
        ("x", larger, -7.0),
        ("e", ROCK_SALT, -7.2),
        ("b", CESIUM, -6.8),
        ("b", CESIUM, -6.9),
        ("y", Structure(Lattice.cubic(3), ["K"], [[0] * 3]), -2.0),
    ]
    return write("scan", "r2SCAN", entries, corrections="none", licence="CC BY 4.0")


def rows(join, *columns):
    table = open_dataset(join.card.name).table()
    return [tuple(row) for row in table[list(columns)].itertuples(index=False)]


E = ("energy_per_atom_pbe_uncorrected", "energy_per_atom_r2scan_uncorrected")


def test_materials_of_one_id_are_pairs(pbe, scan):
    join = join_frames(pbe, scan, "pairs")
    assert rows(join, "material_id", "formula", *E) == [
        ("b", "NaCl", -3.4, -6.9),
        ("c", "MgO", -5.0, -9.0),
    ]
    assert join.left_out == {
        "of pbe without a partner": 1,
        "of pbe without an energy": 1,
        "of scan without a partner": 2,
        "of one id and different compositions": 1,
    }
    assert join.card.description == (
        "2 materials of pbe and scan, paired by material id. Of each material the frame of lowest "
        "energy per atom counts. Structures and material ids are those of pbe. Left out: 1 of pbe "
        "without a partner, 1 of pbe without an energy, 2 of scan without a partner, 1 of one id "
        "and different compositions."
    )
    assert join.card.licence == "CC0; CC BY 4.0"


def test_the_last_frame_may_count(pbe, scan):
    last = write("last", "HSE06", [("a", ROCK_SALT, -1.0), ("b", CESIUM, -2.0)])
    join = join_frames(pbe, last, "pairs", kept="last")
    assert rows(join, "material_id", E[0]) == [("a", -3.1), ("b", -3.4)]
    join = join_frames(pbe, last, "lowest", kept="lowest")
    assert rows(join, "material_id", E[0]) == [("a", -3.3), ("b", -3.4)]
    assert [energy.column for energy in join.card.energies][1] == "energy_per_atom_hse06"


def test_the_lowest_materials_of_a_formula_are_pairs(pbe, scan):
    join = join_frames(pbe, scan, "pairs", rule="formula")
    assert rows(join, "material_id", "target_material_id", "formula", *E) == [
        ("b", "e", "NaCl", -3.4, -7.2),
        ("c", "c", "MgO", -5.0, -9.0),
    ]


def test_equal_structures_are_pairs_whatever_their_cell(pbe, scan):
    join = join_frames(pbe, scan, "pairs", rule="structure")
    found = rows(join, "material_id", "target_material_id", *E)
    # Two materials of scan are rock salt; the lower one is taken.
    assert sorted(found) == [("a", "e", -3.3, -7.2), ("b", "b", -3.4, -6.9), ("c", "c", -5.0, -9.0)]
    pairs = open_dataset("pairs")
    matcher = StructureMatcher()
    for place, (material, _, source, _) in enumerate(found):
        frame = pairs.structure(place)
        kept = Structure(frame.lattice, frame.atomic_numbers.tolist(), frame.frac_coords)
        expected = {"a": ROCK_SALT, "b": CESIUM, "c": MAGNESIA}[material]
        assert matcher.fit(kept, expected)
        assert frame.energy_per_atom is None
        assert source < 0
    assert pairs.table()["rms_displacement"].max() < 1e-6


def test_the_pairs_are_ordinary_ones(pbe, scan, tmp_path):
    join_frames(pbe, scan, "pairs")
    pairs = open_dataset("pairs")
    energies = PairedEnergies.from_pair_set(pairs, *default_columns(pairs.card))
    assert energies.shift.tolist() == pytest.approx([-3.5, -4.0])
    assert (energies.source_functional, energies.target_functional) == ("PBE", "r2SCAN")
    table = pairs.table()
    table.to_csv(tmp_path / "pairs.csv", index=False)
    back = import_dataset(tmp_path / "pairs.csv", "pairs", name="back")
    assert back.energies == pairs.card.energies
    pd.testing.assert_frame_equal(open_dataset("back").table()[list(E)], table[list(E)])


def test_names_of_columns_say_corrections_and_models(pbe):
    mixed = write("mixed", "GGA/GGA+U", [("b", CESIUM, -3.0)], corrections="MP2020")
    columns = [energy.column for energy in join_frames(mixed, pbe, "one").card.energies]
    assert columns == ["energy_per_atom_gga_gga_u_corrected", E[0]]
    model = write("m", "PBE", [("b", CESIUM, -3.0)], corrections="none", labels="chgnet-0.3.0")
    card = join_frames(pbe, model, "two").card
    assert [energy.column for energy in card.energies] == [f"{E[0]}_dft", f"{E[0]}_chgnet_0_3_0"]
    assert card.labels == "model"
    assert card.is_model_labelled


def test_energies_of_one_functional_are_no_pair(pbe):
    for name, functional, corrections in (
        ("same", "pbe", "none"),
        ("twin", "PBE", "MP2020"),
    ):
        other = write(name, functional, [("b", CESIUM, -3.0)], corrections=corrections)
        with pytest.raises(
            LabError, match=f"pbe and {name}: both energies are in PBE, which is no"
        ):
            join_frames(pbe, other, "pairs")


def test_mistakes_leave_nothing(pbe, scan):
    other = write("other", "HSE06", [("z", Structure(Lattice.cubic(3), ["K"], [[0] * 3]), -1.0)])
    for rule, words in (
        ("id", "by material id;"),
        ("formula", "by reduced formula;"),
        ("structure", "by reduced formula and structure"),
    ):
        with pytest.raises(LabError, match=f"pbe and other have no material in common {words}"):
            join_frames(pbe, other, "pairs", rule=rule)
    with pytest.raises(LabError, match="'scan' exists already"):
        join_frames(pbe, scan, "scan")
    with pytest.raises(LabError, match="are joined by one of id, formula, structure"):
        join_frames(pbe, scan, "pairs", rule="name")

    def cancel(_share, what):
        if what.startswith("Structures compared"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        join_frames(pbe, scan, "pairs", rule="structure", progress=cancel)
    names = {info.card.name for info in list_datasets() if not info.embedded}
    assert names == {"pbe", "scan", "other"}
