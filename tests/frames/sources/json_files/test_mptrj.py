"""MPtrj and what is like it: ids, energies with and without corrections, damaged files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from core.errors import LabError
from core.frames.export.mptrj import write_mptrj
from core.frames.schema import Card
from core.frames.sources.json_files.mptrj import MpTrj
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.store import open_frames, write_frames
from core.progress import silent
from tests.frames.sources.json_files.documents import FORCES, KBAR

STRUCTURE = Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.51]])
STRESS = [[10.0, 1.0, 2.0], [1.0, 20.0, 3.0], [2.0, 3.0, 30.0]]


def document(**changes: Any) -> dict[str, Any]:
    """Return one frame as MPtrj has it, of which None leaves a key out."""
    whole = {
        "structure": STRUCTURE.as_dict(),
        "uncorrected_total_energy": -7.0,
        "corrected_total_energy": -8.0,
        "energy_per_atom": -4.0,
        "ef_per_atom": -0.5,
        "e_per_atom_relaxed": -4.1,
        "ef_per_atom_relaxed": -0.6,
        "force": [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]],
        "stress": STRESS,
        "magmom": [0.5, -0.25],
        "bandgap": 1.5,
        "mp_id": "mp-1",
    }
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def read(path: Path, **settings: Any) -> tuple[list[Any], RecordFrames]:
    source = open_source(path)
    assert isinstance(source, MpTrj)
    records = RecordFrames(source, **settings)
    return list(records.frames(silent)), records


def reasons(records: RecordFrames) -> list[str]:
    """Return why frames were left out, with the places."""
    report = records.describe(Card(name="x", kind="frames")).report
    return [f"{one.where}: {one.why}" for one in report.refused]


def test_energies_contain_corrections_and_stress_is_turned_around(write):
    frames, records = read(write({"mp-1": {"mp-1-0-3": document(), "mp-1-0-4": document()}}))
    frame = frames[0]
    assert (frame.frame_id, frame.material_id) == ("mp-1-0-3", "mp-1")
    assert (frame.energy_per_atom, frame.uncorrected_energy_per_atom) == (-4.0, -3.5)
    np.testing.assert_allclose(frame.stress, -0.1 * np.array(STRESS))
    np.testing.assert_array_equal(frame.magmoms, [0.5, 0.25])
    assert frame.bandgap == 1.5
    assert records.source.corrections == "MP2020"
    assert records.source.functional == "GGA/GGA+U"


def test_r2scan_has_no_corrections_and_names_no_functional(write):
    plain = document(corrected_total_energy=..., energy_per_atom=-3.5, mp_id=..., magmom=None)
    frames, records = read(write({"mp-1": {"a": plain}, "mp-2": {"b": plain}}))
    assert [(one.material_id, one.frame_id) for one in frames] == [("mp-1", "a"), ("mp-2", "b")]
    assert frames[0].magmoms is None
    assert records.source.corrections == "none"
    assert records.source.functional is None


@pytest.mark.parametrize(
    "layout", [lambda one: [one], lambda one: {"mp-1-0-3": one}, lambda one: one]
)
def test_documents_may_stand_in_a_list_or_below_one_id(write, layout):
    (frame,), _ = read(write(layout(document())))
    assert (frame.energy_per_atom, frame.material_id) == (-4.0, "mp-1")


def test_lines_of_documents_are_frames_of_their_own(write):
    (one, other), records = read(write(f"{json.dumps(document())}\n{{oops\n"
                                       f"{json.dumps(document(mp_id='mp-2'))}\n"))  # fmt: skip
    assert (one.material_id, other.material_id) == ("mp-1", "mp-2")
    assert reasons(records)[0].startswith("entry 1 of data.json: it is no valid JSON")


def test_other_keys_may_be_chosen(write):
    path = write({"mp-1": {"a": document(), "b": document()}})
    (frame, _), _ = read(path, mapping={"energy": "e_per_atom_relaxed"})
    assert frame.energy_per_atom == -4.1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"structure": None}, "it has no structure"),
        ({"structure": "CIF"}, "the structure is neither a dictionary of pymatgen"),
        ({"energy_per_atom": None}, "it has no energy"),
        ({"energy_per_atom": "low"}, "its energy_per_atom is not a number"),
        ({"energy_per_atom": float("nan")}, "its energy_per_atom is not finite"),
        ({"force": [[0.1, 0.2, 0.3]]}, "the shape of the forces is (1, 3), but must be (2, 3)"),
        ({"force": [[0.1, 0.2, 0.3], [0.1, 0.2]]}, "the forces cannot be read as an array"),
        ({"force": [[0.1, 0.2, None], [0.1, 0.2, 0.3]]}, "a value of the forces is not finite"),
        ({"force": [[0.1, 0.2, float("inf")], [0.1, 0.2, 0.3]]}, "a value of the forces"),
        ({"stress": [1.0, 2.0]}, "the shape of the stress is (2,), but must be (3, 3)"),
        ({"magmom": {"Na": 1.0}}, "the magmoms cannot be read as an array of numbers"),
    ],
)
def test_a_wrong_frame_is_refused_with_its_place_and_the_others_are_kept(write, changes, why):
    content = {"mp-1": {"a": document(), "b": document(**changes), "c": document()}}
    frames, records = read(write(content))
    assert [frame.frame_id for frame in frames] == ["a", "c"]
    (reason,) = reasons(records)
    assert reason.startswith(f"frame mp-1/b of data.json: {why}")


def structure(**changes: Any) -> dict[str, Any]:
    return STRUCTURE.as_dict() | changes


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (structure(sites=[]), "the structure has no atoms"),
        (structure(sites=[{"species": [], "abc": [0, 0, 0]}]), "the structure is disordered"),
        (
            structure(sites=[{"species": [{"element": "Na", "occu": 0.5}], "abc": [0, 0, 0]}]),
            "the structure is disordered",
        ),
        (
            structure(sites=[{"species": [{"element": "Am", "occu": 1}], "abc": [0, 0, 0]}]),
            "the structure contains Am, which is not an element from H to Pu",
        ),
        (
            structure(sites=[{"species": [{"element": "Na", "occu": 1}], "abc": [0, 0]}]),
            "the structure's lattice or coordinates",
        ),
        (structure(lattice={"matrix": [[1.0, 0, 0]] * 3}), "the structure's cell has no volume"),
        (structure(lattice={"a": 4.0}), "the structure lacks lattice.matrix"),
    ],
)
def test_a_wrong_structure_is_refused(write, wrong, why):
    path = write({"mp-1": {"a": document(), "b": document(structure=wrong)}})
    frames, records = read(path)
    assert len(frames) == 1
    assert reasons(records)[0].startswith(f"frame mp-1/b of data.json: {why}")


def test_isotopes_and_missing_occupancies_are_read(write):
    site = {"species": [{"element": "D"}], "abc": [0.0, 0.0, 0.0]}
    path = write(
        {"mp-1": {"a": document(structure=structure(sites=[site, site | {"abc": [0.5, 0, 0]}]))}}
    )
    (frame,), _ = read(path)
    assert frame.atomic_numbers.tolist() == [1, 1]


def test_repeated_frame_ids_get_a_number(write):
    one = json.dumps(document())
    frames, _ = read(write(f'{{"mp-1": {{"a": {one}, "a": {one}}}, "mp-1": {{"a": {one}}}}}'))
    assert [frame.frame_id for frame in frames] == ["a", "a#2", "a#3"]


def test_the_first_frames_may_be_wrong(write):
    path = write({"mp-0": {}, "mp-1": {"a": {"structure": None}, "b": document()}})
    (frame,), records = read(path)
    assert frame.frame_id == "b"
    assert reasons(records) == ["frame mp-1/a of data.json: it has no structure"]


@pytest.mark.parametrize("cut", [20, 400, 1100])
def test_of_a_truncated_file_the_whole_frames_are_kept(write, cut):
    text = json.dumps({"mp-1": {f"frame-{n}": document() for n in range(9)}})
    frames, records = read(write(text[:-cut]))
    assert 7 <= len(frames) <= 8
    assert "the file ends here in the middle of its data" in reasons(records)[0]


def test_a_bomb_of_brackets_is_one_refused_frame(write):
    deep = "[" * 100_000 + "]" * 100_000
    one = json.dumps(document())
    path = write(f'{{"mp-1": {{"a": {one}, "b": {{"structure": {deep}}}, "c": {one}}}}}')
    frames, records = read(path)
    assert [frame.frame_id for frame in frames] == ["a", "c"]
    assert reasons(records) == ["frame mp-1/b of data.json: its JSON is nested too deeply"]


def test_a_file_without_any_good_frame_says_why(write):
    path = write({"mp-1": {"a": document(force="x"), "b": document(force="x")}})
    with pytest.raises(LabError, match=r"none of its 2 structures can be taken; 2 because"):
        read(path)


def test_an_export_comes_back_with_the_same_labels(write, tmp_path):
    path = write({"mp-1": {"a": document(), "b": document(magmom=None, bandgap=None)}})
    frames, records = read(path)
    card = Card(name="x", kind="frames", functional="GGA/GGA+U", corrections="MP2020")
    write_frames(tmp_path / "x", card, frames, describe=records.describe)
    data = open_frames(tmp_path / "x")
    exported = tmp_path / "exported.json"
    write_mptrj(exported, data.card, data.frames(range(2)))
    again, records = read(exported, functional="GGA/GGA+U")
    assert records.source.corrections == "MP2020"
    for old, new in zip(frames, again, strict=True):
        assert (old.frame_id, old.material_id) == (new.frame_id, new.material_id)
        assert new.energy_per_atom == pytest.approx(old.energy_per_atom)
        assert new.uncorrected_energy_per_atom == pytest.approx(old.uncorrected_energy_per_atom)
        np.testing.assert_allclose(new.forces, old.forces)
        np.testing.assert_allclose(new.stress, old.stress)
        assert (new.magmoms is None) == (old.magmoms is None)
        assert new.bandgap == old.bandgap


def test_structures_may_be_text(tmp_path):
    document = {
        "structure": json.dumps(STRUCTURE.as_dict()),
        "uncorrected_total_energy": -7.0,
        "energy_per_atom": -3.5,
        "force": FORCES,
        "stress": KBAR,
        "mp_id": "mp-1",
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"mp-1": {"mp-1-0-0": document}}))
    (frame,), records = read(path)
    assert records.source.form == "mptrj"
    assert frame.energy_per_atom == -3.5
    np.testing.assert_allclose(frame.stress, -0.1 * np.array(KBAR))
