"""Tables whose cells hold the lists of a structure as text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk

from core.errors import LabError
from core.frames.sources.importing import open_input
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

ATOMS = bulk("NaCl", "rocksalt", a=5.6)
FORCES = [[0.1, 0.0, 0.0], [-0.1, 0.0, 0.0]]
ROW: dict[str, Any] = {
    "id": "salt",
    "species": ATOMS.get_chemical_symbols(),
    "positions": ATOMS.positions.tolist(),
    "cell": ATOMS.cell.array.tolist(),
    "pbc": [True, True, True],
    "energy": -7.0,
    "forces": FORCES,
}


def written(path: Path, rows: list[dict[str, Any]], text: Callable[[Any], str] = str) -> Path:
    table = pd.DataFrame(
        [{k: text(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    )
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
@pytest.mark.parametrize("text", [str, json.dumps, lambda one: str(np.array(one))])
@pytest.mark.parametrize("species", [{}, {"species": [11, 17]}], ids=["symbols", "numbers"])
def test_lists_as_text_are_structures(
    tmp_path: Path, name: str, text: Callable[[Any], str], species: dict[str, Any]
):
    rows = [ROW | species, ROW | {"id": "again"}]
    source = open_source(written(tmp_path / name, rows, text))
    assert source is not None
    assert source.form == "table-sites"
    frames = list(RecordFrames(source).frames(silent))
    for frame in frames:
        assert frame.energy_per_atom == -3.5
        assert frame.atomic_numbers.tolist() == [11, 17]
        np.testing.assert_allclose(frame.lattice, ATOMS.cell.array)
        np.testing.assert_allclose(frame.frac_coords @ frame.lattice, ATOMS.positions, atol=1e-12)
        np.testing.assert_array_equal(frame.forces, FORCES)
    assert [frame.material_id for frame in frames] == ["salt", "again"]


def test_a_broken_row_is_left_out(tmp_path: Path):
    broken = [ROW | {"positions": "[[0, 0"}, ROW | {"cell": [[1, 2], [3, 4]]}, ROW | {"cell": "x"}]
    source = open_source(written(tmp_path / "a.csv", [ROW, *broken]))
    assert source is not None
    table = RecordFrames(source, functional="PBE")
    assert len(list(table.frames(silent))) == 1
    assert table.news()["n_read"] == 4


def test_words_in_such_columns_are_no_structures(tmp_path: Path):
    path = written(tmp_path / "a.csv", [ROW | {"positions": "left", "cell": "cubic"}])
    assert open_source(path) is None
    with pytest.raises(LabError, match="as a table"):
        open_input(path).records()
