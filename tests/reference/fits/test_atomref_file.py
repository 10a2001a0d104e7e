"""AtomRef to a file and back; bad files end in one sentence."""

import json

import numpy as np
import pandas as pd
import pytest

from core.elements import INDEX, SYMBOLS
from core.errors import LabError
from core.reference.fits.atomref import AtomRef, fit_lstsq, fit_ridge


def water(**changes):
    X = np.zeros((3, 94))
    X[0, INDEX["H"]] = X[1, INDEX["O"]] = 1
    X[2, INDEX["H"]], X[2, INDEX["O"]] = 2 / 3, 1 / 3
    y = np.array([-3.4, -4.9, -4.5])
    if changes:
        return fit_ridge(X, y, functional="PBE", **changes)
    return fit_lstsq(X, y, functional="PBE")


def test_json_names_what_others_rely_on():
    content = json.loads(water().to_json())
    names = {"functional", "method", "n", "rank", "condition", "energies", "counts", "prior"}
    assert names <= content.keys()
    assert set(content["energies"]) == {"H", "O"} == set(content["counts"])
    assert content["counts"] == {"H": 2, "O": 2}
    assert content["version"] == 1
    assert "atomref-lab" in content["versions"]


@pytest.mark.parametrize("changes", [{}, {"prior": np.linspace(-9, -1, 94), "strength": 0.3}])
def test_json_round_trip_is_exact(changes, tmp_path):
    fit = water(**changes)
    fit.write(tmp_path / "a.json")
    back = AtomRef.read(tmp_path / "a.json")
    assert (back.energies == fit.energies).all()
    assert (back.counts == fit.counts).all()
    for name in ("functional", "method", "n", "rank", "condition", "prior_used", "strength"):
        assert getattr(back, name) == getattr(fit, name), name
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_dependent_columns_survive_json():
    X = np.zeros((2, 94))
    X[:, :2] = 0.5
    fit = fit_lstsq(X, np.array([-1.0, -1.0]), functional="PBE")
    assert AtomRef.from_json(fit.to_json()).condition == np.inf


def test_csv_table(tmp_path):
    fit = water()
    fit.write(tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert list(table.columns) == ["symbol", "energy", "count"]
    assert tuple(table["symbol"]) == SYMBOLS
    np.testing.assert_allclose(table["energy"], fit.energies, rtol=1e-12)
    assert len(fit.unseen) == 92
    assert fit.rare() == ["H", "O"]
    assert fit.rare(2) == []


def spoil(**changes):
    return json.dumps(json.loads(water().to_json()) | changes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the whole file"),
        ("\x00\x01", "the whole file"),
        ("[1]", "the whole file"),
        ("{}", "functional"),
        (spoil(energies={"Xx": -1.0}), "Xx is not an element"),
        (spoil(energies={"H": "much"}), "energies.H"),
        (spoil(energies={"H": None}), "energies.H"),
        (spoil(counts={"H": -1}), "counts.H"),
        (spoil(method="magic"), "method"),
        (spoil(version=2), "version"),
    ],
)
def test_bad_files_are_named(text, problem, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(LabError) as caught:
        AtomRef.read(path)
    message = str(caught.value)
    assert "mine.json is not an AtomRef" in message
    assert problem in message
    assert "\n" not in message


def test_missing_file_and_directory(tmp_path):
    with pytest.raises(LabError, match=r"none\.json cannot be read"):
        AtomRef.read(tmp_path / "none.json")
    with pytest.raises(LabError, match="no such file or directory"):
        water().write(tmp_path / "none" / "a.json")
