"""Corrected data sets against MaterialsProject2020Compatibility itself."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.compatibility import MaterialsProject2020Compatibility
from pymatgen.analysis.structure_analyzer import oxide_type, sulfide_type
from pymatgen.core import Element, Lattice, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

from core.errors import LabError
from core.frames.registry import list_datasets, open_dataset, open_frame_set, write_subset
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.home import datasets_dir
from core.reference.formation import corrected_frames
from core.reference.formation.corrected_frames import correct_frames
from core.reference.formation.corrections import anions_of


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))


def frame(name, symbols, energy=-5.0, spacing=2.2, **labels):
    """Atoms in a row, `spacing` Å apart."""
    n = len(symbols)
    return Frame(
        frame_id=name,
        material_id=name,
        atomic_numbers=np.array([Element(symbol).Z for symbol in symbols]),
        frac_coords=np.column_stack([np.arange(n) / n, np.zeros((n, 2))]),
        lattice=np.diag([n * spacing, 4.0, 4.0]),
        energy_per_atom=energy,
        **labels,
    )


def write(name, frames, functional="GGA/GGA+U", corrections="none"):
    card = Card(name=name, kind="frames", functional=functional, corrections=corrections)
    write_frames(datasets_dir() / name, card, frames, shard_size=4)
    return open_frame_set(name)


def structure_of(one):
    return Structure(one.lattice, one.atomic_numbers.tolist(), one.frac_coords)


def by_pymatgen(one):
    """Correction of a frame by the scheme, with U as Materials Project sets it, eV/atom."""
    structure = structure_of(one)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheme = MaterialsProject2020Compatibility(check_potcar=False)
        strongest = max(structure.elements, key=lambda element: element.X).symbol
        settings_ = scheme.u_settings.get(strongest, {})
        hubbards = {
            e.symbol: settings_[e.symbol] for e in structure.elements if e.symbol in settings_
        }
        parameters = {"run_type": "GGA+U" if hubbards else "GGA", "hubbards": hubbards}
        entry = ComputedStructureEntry(structure, 0.0, parameters=parameters | {"software": "?"})
        adjustments = scheme.get_adjustments(entry)
    return sum(one.value for one in adjustments) / len(structure)


def test_corrections_are_those_of_pymatgen():
    embedded = open_dataset("mp-frames-gga")
    rows = np.arange(0, len(embedded), 60)
    write_subset(embedded, rows, name="some", description="")
    some = open_frame_set("some")
    made = correct_frames(some, "plain", remove=True)
    plain = open_frame_set("plain")
    expected = np.array([by_pymatgen(one) for one in some.frames(range(len(some)))])
    assert np.count_nonzero(expected) > 10
    np.testing.assert_allclose(some.energies() - plain.energies(), expected, atol=1e-12)
    assert (made.card.corrections, made.stored, made.card.parent) == ("none", False, None)
    again = correct_frames(plain, "again")
    np.testing.assert_allclose(open_frame_set("again").energies(), some.energies(), atol=1e-12)
    uncorrected = open_frame_set("again").table()["uncorrected_energy_per_atom"]
    np.testing.assert_array_equal(uncorrected, plain.energies())
    assert again.card.corrections == "MP2020"
    for one, other in zip(
        some.frames(range(5)), open_frame_set("again").frames(range(5)), strict=True
    ):
        for name in ("frac_coords", "lattice", "forces", "stress", "magmoms"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_what_was_inferred_is_shown():
    frames = [
        frame("a", ["Fe", "O", "Fe", "O"]),
        frame("b", ["Na", "O", "O", "Na"], spacing=1.52),
        frame("c", ["Na", "Cl"]),
        frame("d", ["Si"]),
        frame("e", ["Mg", "O"], energy=None),
        frame("f", ["Cu", "Au", "Sb"]),
    ]
    data = write("set", frames)
    made = correct_frames(data, "corrected")
    rows = {(row.kind, row.value): row for row in made.inferred.itertuples()}
    assert {key: row.frames for key, row in rows.items()} == {
        ("run type", "GGA"): 4,
        ("run type", "GGA+U"): 1,
        ("term", "oxide"): 1,
        ("term", "U of Fe"): 1,
        ("term", "peroxide"): 1,
        ("term", "Cl"): 1,
        ("oxidation states", "guessed"): 1,
        ("oxidation states", "not found"): 1,
    }
    assert rows["term", "Cl"].correction == pytest.approx(-0.614 / 2)
    assert rows["term", "U of Fe"].correction == pytest.approx((-2.256 - 0.687) / 2)
    corrected = open_frame_set("corrected")
    assert np.isnan(corrected.energies()[4])
    assert corrected.energies()[3] == -5.0
    assert "added to set, computed by pymatgen with run types inferred" in made.card.description
    assert "Run types: GGA 4, GGA+U 1 frames." in made.card.description
    assert made.card.report.n_refused == 0


def test_frames_that_cannot_be_corrected_are_counted(monkeypatch):
    frames = [
        frame("a", ["Fe", "O"]),
        frame("b", ["Na", "O"]),
        frame("c", ["Mn", "F"], energy=None),
        frame("d", ["Na", "S", "O"]),
        frame("e", ["V", "O", "O"]),
    ]
    data = write("set", frames, functional="PBE")
    whole = corrected_frames.anions_of

    def fails(one):
        if one.frame_id == "d":
            raise IndexError("no neighbours")
        return whole(one)

    monkeypatch.setattr(corrected_frames, "anions_of", fails)
    made = correct_frames(data, "corrected")
    assert open_frame_set("corrected").table()["frame_id"].tolist() == ["b", "c"]
    outcome = made.card.report
    assert (outcome.n_read, outcome.n_refused) == (5, 3)
    assert [refusal.where for refusal in outcome.refused] == [
        f"frame {name} of set" for name in "ade"
    ]
    assert "needs U for some metals in oxides and fluorides, but the data set is in PBE" in (
        outcome.refused[0].why
    )
    assert outcome.reasons["pymatgen cannot tell the types of anions (no neighbours)"] == 1
    assert "Left out, as they cannot be corrected: 2: MP2020 needs U" in made.card.description


def test_noble_gases_have_no_electronegativity():
    """The scheme sorts elements by it, and no other order may be taken for the values of U."""
    symbols = [["Fe", "O", "Ar"], ["Ar", "O", "Fe"], ["He", "Co", "F"], ["Ne", "Na", "Cl"]]
    frames = [frame(str(i), one) for i, one in enumerate(symbols)]
    assert correct_frames(write("set", frames), "corrected").card.report.n_refused == 0


def test_uncorrected_energies_of_the_data_set_are_taken():
    frames = [
        frame("a", ["Na", "Cl"], -5.5, uncorrected_energy_per_atom=-5.0),
        frame("b", ["Mg", "O"], None),
    ]
    data = write("set", frames, corrections="MP2020")
    made = correct_frames(data, "plain", remove=True)
    assert made.stored
    assert made.inferred.empty
    assert open_frame_set("plain").energies()[0] == -5.0
    assert made.card.description.startswith(
        "MP2020 corrections removed from set: its own uncorrected energies are taken."
    )
    # They are not mixed with computed ones.
    data = write("mixed", [*frames, frame("c", ["K", "Cl"], -3.0)], corrections="MP2020")
    assert not correct_frames(data, "computed", remove=True).stored
    expected = [-5.5 + 0.614 / 2, np.nan, -3.0 + 0.614 / 2]
    np.testing.assert_allclose(open_frame_set("computed").energies(), expected)


@pytest.mark.parametrize(
    ("functional", "corrections", "remove", "message"),
    [
        ("r2SCAN", "none", False, "set is in r2SCAN; MP2020 corrections belong to GGA"),
        ("PBE", "MP2020", False, "carry MP2020 corrections already"),
        ("PBE", "unknown", False, "It is not known whether the energies of set carry MP2020"),
        ("PBE", "none", True, "are not known to carry MP2020 corrections, so none can be removed"),
        ("PBE", "unknown", True, "are not known to carry MP2020 corrections"),
    ],
)
def test_energies_that_take_no_corrections(functional, corrections, remove, message):
    data = write("set", [frame("a", ["Na", "Cl"])], functional, corrections)
    with pytest.raises(LabError, match=message):
        correct_frames(data, "other", remove=remove)
    with pytest.raises(LabError, match="'set' exists already"):
        correct_frames(data, "set", remove=remove)
    assert [info.card.name for info in list_datasets() if not info.embedded] == ["set"]


def test_frames_none_of_which_can_be_corrected():
    data = write("set", [frame("a", ["Fe", "O"])], functional="GGA")
    with pytest.raises(LabError, match="other would have no frames"):
        correct_frames(data, "other")


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    others=st.sets(st.sampled_from(["H", "Na", "C", "Cl", "Kr", "Fe", "Au"]), max_size=2),
    anions=st.sampled_from([["O"], ["S"], ["O", "S"], ["O", "O"], ["S", "S"]]),
)
def test_shortcuts_find_what_pymatgen_finds(seed, others, anions):
    rng = np.random.default_rng(seed)
    symbols = [*others, *anions]
    lattice = Lattice(np.diag(rng.uniform(1.3, 5, 3)) + rng.normal(0, 0.3, (3, 3)))
    one = replace(
        frame("a", symbols), lattice=lattice.matrix, frac_coords=rng.random((len(symbols), 3))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        structure = structure_of(one)
        oxide = oxide_type(structure, 1.05)
        sulfide = sulfide_type(structure)
    merged = {"hydroxide": "oxide", "polysulfide": "sulfide", None: "sulfate"}
    found = [merged.get(kind, kind) for kind in anions_of(one).split()]
    expected = [merged.get(kind, kind) for kind in (oxide, sulfide)]
    if structure.composition.is_element:
        return  # elements are not corrected
    assert found == expected
