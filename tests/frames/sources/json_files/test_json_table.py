"""Rows of plain values in JSON are read as a table."""

import json
from pathlib import Path

import pytest

from core.errors import LabError
from core.frames.sources.json_files.json_table import json_table
from core.frames.tables.pair_table import pairs_from_table

ROWS = [
    {"formula": "Li2O", "energy_pbe": -4.75, "energy_r2scan": -6.5},
    {"formula": "NaCl", "energy_pbe": -3.5, "energy_r2scan": -9.25},
]
TEXTS = [{name: str(value) for name, value in row.items()} for row in ROWS]


def energies(path: Path, rows: object) -> list[list[float]]:
    path.write_text(json.dumps(rows))
    table = json_table(path)
    assert table is not None
    pairs = pairs_from_table(table)
    return [pairs.energy(column).tolist() for column in ("energy_pbe", "energy_r2scan")]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        TEXTS,
        {"rows": TEXTS},
        [ROWS[0], TEXTS[1]],
        [TEXTS[0], ROWS[1]],
        [{**TEXTS[0], "energy_pbe": "−0.475D+01"}, ROWS[1]],
    ],
)
def test_numbers_may_be_written_as_text(tmp_path: Path, rows: object):
    assert energies(tmp_path / "x.json", rows) == [[-4.75, -3.5], [-6.5, -9.25]]


def test_a_text_far_behind_numbers_is_read(tmp_path: Path):
    n = 200
    found = energies(tmp_path / "x.json", ROWS * n + TEXTS)
    assert found[1] == [-6.5, -9.25] * (n + 1)
    with pytest.raises(LabError, match=r"^Entry 400 of x.json: 'low' in column 'energy_pbe' is"):
        energies(tmp_path / "x.json", [*ROWS * n, {**ROWS[0], "energy_pbe": "low"}])


@pytest.mark.parametrize("rows", [[{"a": "x", "b": "y"}], [{"a": "1", "b": "2"}], [{"a": 1}]])
def test_other_objects_are_no_rows(tmp_path: Path, rows: object):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows))
    assert json_table(path) is None
