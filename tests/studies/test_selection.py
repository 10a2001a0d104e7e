"""Selections of paired energies: data sets, table files, and the keys of results."""

import hashlib
import json

import numpy as np
import pytest

from core.errors import LabError
from core.frames.registry import find_dataset
from core.frames.tables.pair_table import import_pairs
from core.studies.catalog import study_of
from core.studies.selection import PairSelection
from tests.cli.helpers import pair_table

COLUMNS = {"source": "energy_gga_corrected", "target": "energy_r2scan"}


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path / "home"))
    pair_table(tmp_path / "pairs.csv")
    return tmp_path / "pairs.csv"


def test_a_table_file_has_the_energies_of_the_same_data_set(file):
    import_pairs(file, name="mine")
    dataset = PairSelection(dataset="mine", **COLUMNS)
    table = PairSelection(dataset=str(file))
    assert table.card.n == dataset.card.n == 40
    for name in ("source", "target", "fractions", "index"):
        expected = getattr(dataset.open().pairs, name)
        np.testing.assert_array_equal(getattr(table.open().pairs, name), expected)
    assert dataset.arguments == "mine --source energy_gga_corrected --target energy_r2scan"
    assert table.arguments == str(file)


def test_a_table_file_takes_a_mapping(file):
    content = file.read_text().replace("formula,", "compound,", 1)
    file.write_text(content.replace("material_id,", "label,", 1))
    selection = PairSelection(dataset=str(file), mapping={"formula": "compound"}, **COLUMNS)
    assert selection.open().pairs.formula[0] == "LiF"
    assert selection.arguments.endswith("--map formula=compound")
    study = study_of("importance", {"pairs": selection.model_dump(mode="json")})
    assert study.pairs == selection


def test_the_key_of_a_study_follows_the_contents_of_a_table_file(file):
    settings = {"pairs": {"dataset": str(file)}}
    before = study_of("importance", settings).key()
    assert study_of("importance", settings).key() == before
    pair_table(file, seed=1)
    assert study_of("importance", settings).key() != before
    file.unlink()
    with pytest.raises(LabError, match=r"pairs\.csv cannot be opened \(no such file"):
        study_of("importance", settings).key()


def test_results_saved_before_table_files_keep_their_keys(file):
    import_pairs(file, name="mine")
    pairs = {"dataset": "mine", "other": None, **COLUMNS}
    content = {
        "kind": "importance",
        "version": 1,
        "settings": {
            "pairs": pairs,
            "explained": "formation",
            "references": "mp",
            "uncorrected": False,
            "seed": 0,
        },
        "inputs": [find_dataset("mine").card.fingerprint],
        "result": ["importance", "corrections", "origin", "rebuilt"],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(text.encode()).hexdigest()[:24]
    assert study_of("importance", {"pairs": pairs}).key() == expected


def test_units_of_a_table_are_part_of_the_selection(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("formula,energy_pbe (J),energy_r2scan\nNaCl,-1,-2\n")
    with pytest.raises(LabError, match="--unit source=UNIT"):
        PairSelection(dataset=str(file)).open()
    selection = PairSelection(dataset=str(file), units={"source": "Ry/atom"})
    assert selection.open().pairs.source == pytest.approx([-13.605693])
    assert selection.arguments == f"{file} --unit source=Ry/atom"
