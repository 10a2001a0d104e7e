"""MatPES and CHGNet's parser: layouts, units, ids, and files that are not as they should be."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.stress import voigt_6_to_full_3x3_stress
from pymatgen.core import Lattice, Structure

from core.errors import LabError
from core.frames.schema import Card
from core.frames.sources.json_files.chgnet_parse import ChgnetParse
from core.frames.sources.json_files.matpes import MatPes
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

STRUCTURE = Structure(Lattice.cubic(4.0), ["Ti", "Y"], [[0, 0, 0], [0.5, 0.5, 0.51]])
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
STRESS = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def document(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a document of MatPES, of which ... leaves a key out."""
    whole = {
        "builder_meta": {"emmet_version": "0.84.6"},
        "nsites": 2,
        "formula_pretty": "TiY",
        "structure": STRUCTURE.as_dict(),
        "energy": -14.0,
        "forces": FORCES,
        "stress": STRESS,
        "matpes_id": f"matpes-20240214_9_{number}",
        "bandgap": 0.0,
        "functional": "PBE",
        "formation_energy_per_atom": 0.4,
        "cohesive_energy_per_atom": -4.0,
        "bader_magmoms": [0.5, -0.25],
        "provenance": {"original_mp_id": "mp-9", "md_step": number},
    }
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def columns(**changes: Any) -> dict[str, Any]:
    """Return what CHGNet's parser writes of two steps."""
    whole = {
        "structure": [STRUCTURE.as_dict()] * 2,
        "uncorrected_total_energy": [-14.0, -15.0],
        "energy_per_atom": [-7.0, -7.5],
        "force": [FORCES] * 2,
        "magmom": [[0.5, -0.25]] * 2,
        "stress": [np.diag([10.0, 20.0, 30.0]).tolist()] * 2,
    }
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def read(path: Path, **settings: Any) -> tuple[list[Any], RecordFrames]:
    source = open_source(path)
    assert isinstance(source, (MatPes, ChgnetParse))
    records = RecordFrames(source, **settings)
    return list(records.frames(silent)), records


def reasons(records: RecordFrames) -> list[str]:
    """Return why frames were left out, with the places."""
    report = records.describe(Card(name="x", kind="frames")).report
    return [f"{one.where}: {one.why}" for one in report.refused]


@pytest.mark.parametrize(
    "layout",
    [
        json.dumps,
        lambda docs: json.dumps(docs, indent=2),
        lambda docs: "\n".join(map(json.dumps, docs)) + "\n",
        lambda docs: json.dumps({"Ti": docs[0], "Y": docs[1]}),
        lambda docs: json.dumps({"a": {"b": docs[0], "c": docs[1]}}),
    ],
)
def test_matpes_is_read_in_every_layout(write, layout):
    (frame, other), records = read(write(layout([document(1), document(2)])))
    assert frame.energy_per_atom == -7.0
    np.testing.assert_array_equal(frame.forces, FORCES)
    np.testing.assert_allclose(frame.stress, -0.1 * voigt_6_to_full_3x3_stress(STRESS))
    np.testing.assert_array_equal(frame.magmoms, [0.5, 0.25])
    assert (frame.frame_id, frame.material_id) == ("matpes-20240214_9_1", "mp-9")
    assert (other.frame_id, other.material_id) == ("matpes-20240214_9_2", "mp-9")
    assert (records.source.functional, records.source.corrections) == ("PBE", "none")


def test_one_document_is_a_frame(write):
    (frame,), _ = read(write(document()))
    assert frame.energy_per_atom == -7.0


def test_a_compressed_list_is_read(tmp_path):
    path = tmp_path / "MatPES-R2SCAN-2025.1.json.gz"
    path.write_bytes(gzip.compress(json.dumps([document(functional="r2SCAN")]).encode()))
    _, records = read(path)
    assert records.source.functional == "r2SCAN"


def test_documents_of_the_other_functional_are_counted_apart(write):
    path = write([document(1), document(2, functional="r2SCAN"), document(3)])
    frames, records = read(path, functional="PBE")
    assert len(frames) == 2
    assert "1 in r2SCAN" in records.describe(Card(name="x", kind="frames", n=2)).description


def test_without_provenance_a_frame_is_a_material_of_its_own(write):
    (one, other), _ = read(write([document(1, provenance=None), document(2, provenance=...)]))
    assert [one.material_id, other.material_id] == [one.frame_id, other.frame_id]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"structure": ...}, "it has no structure"),
        ({"energy": ...}, "it has no energy"),
        ({"energy": None}, "it has no energy"),
        ({"energy": [1.0]}, "its energy is not a number"),
        ({"forces": FORCES[:1]}, "the shape of the forces is (1, 3)"),
        ({"stress": STRESS[:5]}, "the shape of the stress is (5,)"),
        ({"stress": [*STRESS[:5], None]}, "a value of the stress is not finite"),
        ({"bader_magmoms": [0.1]}, "the shape of the magmoms is (1,)"),
        ({"functional": None}, "it does not name its functional, as others do"),
    ],
)
def test_a_wrong_document_is_refused_alone(write, changes, why):
    path = write([document(1), document(2, **changes), document(3)])
    frames, records = read(path, functional="PBE")
    assert [frame.frame_id[-1] for frame in frames] == ["1", "3"]
    assert reasons(records)[0].startswith(f"entry 1 of data.json: {why}")


@pytest.mark.parametrize("other", [None, 3, "text", [], [1, 2], {}])
def test_other_things_between_the_documents_are_refused_alone(write, other):
    frames, records = read(write([document(1), other, document(3)]))
    assert len(frames) == 2
    assert reasons(records)[0].startswith("entry 1 of data.json: it")


def test_the_lists_of_chgnet_are_read_side_by_side(write):
    (frame, other), records = read(write(columns()), functional="r2SCAN")
    assert (frame.energy_per_atom, frame.uncorrected_energy_per_atom) == (-7.0, -7.0)
    np.testing.assert_allclose(frame.stress, np.diag([-1.0, -2.0, -3.0]))
    np.testing.assert_array_equal(frame.magmoms, [0.5, 0.25])
    assert other.energy_per_atom == -7.5
    assert records.source.corrections == "none"


def test_what_chgnet_did_not_find_is_missing(write):
    (frame, _), _ = read(write(columns(magmom=None, stress=None)), functional="PBE")
    assert frame.magmoms is None
    assert frame.stress is None


def test_a_list_of_another_length_is_left_out(write):
    path = write(columns(magmom=[[0.5, -0.25]]))
    frames, records = read(path, functional="PBE")
    assert [frame.magmoms for frame in frames] == [None, None]
    assert "magmom is left out: it has 1 entries, but there are 2 structures" in (
        records.describe(Card(name="x", kind="frames")).description
    )


def test_a_truncated_set_of_lists_says_so(write):
    text = json.dumps(columns())
    with pytest.raises(LabError, match=r"energ"):
        read(write(text[: text.index('"uncorrected') + 40]), functional="PBE")


@pytest.mark.parametrize("content", ["", "[]", "{}", "[[]]", '{"structure": []}', "[1, 2]", "nul"])
def test_files_without_documents_are_not_of_these_forms(write, content):
    path = write(content)
    assert not MatPes.recognises(path)
    assert not ChgnetParse.recognises(path)
    with pytest.raises(LabError):
        RecordFrames(MatPes(path))
