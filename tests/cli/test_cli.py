"""The command line: JSON on stdout, one line on stderr for mistakes."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.main import get_group
from typer.testing import CliRunner

from core import cli
from core.cli import app
from core.elements import SYMBOLS
from core.frames.registry import open_dataset
from core.frames.tables.pair_table import import_pairs
from core.runs.record.listing import list_runs
from tests.cli.helpers import answer, invoke, make_frames, mistake, pair_table

ROOT = Path(__file__).parents[2]


HEAVY = ("pandas", "numpy", "pyarrow", "pydantic", "plotly", "scipy", "torch", "pymatgen", "ase")


def imported_by(*words):
    """Return the heavy libraries that a command line imports."""
    code = (
        "import sys; from typer.testing import CliRunner; from core.cli import app; "
        "assert CliRunner().invoke(app, sys.argv[1:]).exit_code == 0; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, cwd=ROOT, capture_output=True, text=True
    )
    return set(done.stdout.split()) & set(HEAVY)


def test_help_lists_every_command_and_imports_nothing_heavy():
    assert not imported_by("--help")
    result = invoke("--help")
    assert result.exit_code == 0
    group = get_group(app)
    for name, (_, line) in cli._COMMANDS.items():
        assert name in result.stdout
        assert line == group.get_command(None, name).help.partition("\n")[0]


def test_output_that_nobody_reads_to_its_end_is_no_error(monkeypatch):
    def gone():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("core.cli.data.datasets.list_datasets", gone)
    result = invoke("datasets", "list")
    assert (result.exit_code, result.stderr) == (1, "")


def test_plain_commands_import_little():
    assert not imported_by("datasets", "list") & {"torch", "pymatgen", "scipy", "plotly", "ase"}
    for words in (["runs", "list", "--json"], ["train", "--help"]):
        assert "torch" not in imported_by(*words)


def test_data_sets_are_imported_listed_shown_and_deleted(home):
    pair_table(home / "pairs.csv")
    output = answer("import", "pairs.csv", "--name", "mine", "--licence", "CC0")
    assert (output["kind"], output["n"]) == ("pairs", 40)
    rows = {row["name"]: row for row in answer("datasets", "list")["datasets"]}
    assert rows["mine"] == {
        "name": "mine",
        "kind": "pairs",
        "functional": None,
        "n": 40,
        "embedded": False,
        "labels": "dft",
    }
    shown = answer("datasets", "show", "mine")
    assert shown["licence"] == "CC0"
    assert {energy["functional"] for energy in shown["energies"]} == {"GGA/GGA+U", "r2SCAN"}
    assert "mine" in invoke("datasets", "list").stdout
    assert "energy_r2scan (r2SCAN, corrections: none)" in invoke("datasets", "show", "mine").stdout
    assert answer("datasets", "delete", "mine", "--yes") == {"deleted": "mine"}
    assert "mine" not in {row["name"] for row in answer("datasets", "list")["datasets"]}


def test_a_deletion_is_confirmed_on_the_terminal_or_by_an_option(home, monkeypatch):
    pair_table(home / "pairs.csv")
    answer("import", "pairs.csv", "--name", "mine")
    assert "add --yes" in mistake("datasets", "delete", "mine")
    monkeypatch.setattr("core.cli.answer.has_terminal", lambda: True)
    kept = CliRunner().invoke(app, ["datasets", "delete", "mine"], input="n\n")
    assert (kept.exit_code, kept.stdout) == (1, "Nothing was deleted.\n")
    assert "Delete data set mine with 40 pairs?" in kept.stderr
    gone = CliRunner().invoke(app, ["datasets", "delete", "mine"], input="y\n")
    assert (gone.exit_code, gone.stdout) == (0, "Deleted mine.\n")


def test_frames_are_imported_from_a_table_with_structures():
    structure = {
        "lattice": {"matrix": [[4.2, 0, 0], [0, 4.2, 0], [0, 0, 4.2]]},
        "sites": [
            {"species": [{"element": "Na", "occu": 1}], "abc": [0, 0, 0]},
            {"species": [{"element": "Cl", "occu": 1}], "abc": [0.5, 0.5, 0.5]},
        ],
    }
    rows = [(f"m{i}", json.dumps(structure), -3.4) for i in range(12)]
    pd.DataFrame(rows, columns=["material_id", "structure_json", "energy_r2scan"]).to_parquet(
        "frames.parquet"
    )
    words = ("import", "frames.parquet", "--name", "salt", "--format", "frames")
    assert "--functional" in mistake(*words)
    assert answer(*words, "--functional", "r2SCAN")["n"] == 12
    assert answer("datasets", "show", "salt")["split"] == {"train": 10, "validation": 1, "test": 1}


def test_the_prior_is_the_users_choice(home):
    pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine", labels="DFT")
    words = ("atomref", "mine", "--method", "ridge", "--strength", "1e6")
    first = answer("atomref", "mine", "--out", "first.json")
    assert first["labels"] == "dft"
    pulled = answer(*words, "--prior", "first.json")
    for symbol in first["counts"]:
        assert pulled["energies"][symbol] == pytest.approx(first["energies"][symbol], abs=1e-3)
    assert answer(*words, "--prior", "source")["prior"] == "source"
    assert "none.json" in mistake(*words, "--prior", "none.json")


def test_corrections_can_be_given():
    pair_table(Path("pairs.csv"))
    words = ("import", "pairs.csv", "--name", "mine")
    assert "choose one of" in mistake(*words, "--corrections", "energy_r2scan=some")
    answer(*words, "--corrections", "energy_r2scan=unknown")
    columns = {one["column"]: one for one in answer("datasets", "show", "mine")["energies"]}
    assert columns["energy_r2scan"]["corrections"] == "unknown"


def test_the_systems_refusals_are_one_line(monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", "/proc/nothing/here")
    assert "no such file or directory" in mistake("datasets", "list")


def test_import_tells_pairs_from_frames():
    Path("none.csv").write_text("material_id,formula\nm-1,Fe\n")
    assert "no column that looks like total energies" in mistake(
        "import", "none.csv", "--name", "none"
    )
    pair_table(Path("pairs.csv"))
    assert answer("import", "pairs.csv", "--name", "both")["kind"] == "pairs"
    one = answer("import", "pairs.csv", "--name", "one", "--functional", "r2SCAN")
    assert one["mapping"]["energy"] == "energy_r2scan", "one functional, and formulas are enough"
    assert one["left_out"] == ["energy_gga_corrected"]


def test_shift_of_a_table_and_of_a_data_set(home):
    table = pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    source, target = table["energy_gga_corrected"], table["energy_r2scan"]
    columns = ("--source", "energy_gga_corrected", "--target", "energy_r2scan")
    for words in (("pairs.csv",), ("pairs.csv", *columns), ("mine",), ("mine", *columns)):
        output = answer("shift", *words)
        assert output["n"] == 40
        assert output["mean_shift"] == pytest.approx((target - source).mean())
        assert output["mae"] == pytest.approx((target - source).abs().mean())
        assert output["pearson_raw"] == pytest.approx(np.corrcoef(source, target)[0, 1])
    assert output["source_functional"] == "GGA/GGA+U"
    backward = answer("shift", "mine", "--source", columns[3], "--target", columns[1])
    assert backward["mean_shift"] == pytest.approx(-output["mean_shift"])
    assert "mean shift, eV/atom" in invoke("shift", "mine").stdout


def test_shift_between_two_data_sets_of_frames():
    make_frames("a", functional="GGA/GGA+U")
    make_frames("b", shift=-9.0)
    assert answer("shift", "a", "b")["mean_shift"] == pytest.approx(-9)
    assert "second data set" in mistake("shift", "a")
    assert "leave them out" in mistake("shift", "a", "b", "--source", "x")


def test_atomref_by_least_squares_agrees_with_numpy(home):
    table = pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    output = answer("atomref", "mine", "--out", "ref.json")
    X = open_dataset("mine").fractions()
    expected = np.linalg.lstsq(X, table["energy_r2scan"], rcond=None)[0]
    for symbol, energy in output["energies"].items():
        assert energy == pytest.approx(expected[SYMBOLS.index(symbol)], abs=1e-6)
    assert (output["functional"], output["method"], output["n"]) == ("r2SCAN", "lstsq", 40)
    assert output["rank"] <= len(output["counts"]) == 7
    assert "condition" in output
    assert json.loads(Path("ref.json").read_text())["energies"] == output["energies"]
    other = answer("atomref", "mine", "--column", "energy_gga_corrected", "--out", "ref.csv")
    assert other["functional"] == "GGA/GGA+U"
    assert len(pd.read_csv("ref.csv")) == 94
    assert "Na" in invoke("atomref", "mine").stdout
    assert "neither .json nor .csv" in mistake("atomref", "mine", "--out", "ref.txt")


def test_atomref_with_a_prior(home):
    pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    make_frames()
    ridge = answer("atomref", "mine", "--method", "ridge", "--strength", "0.1")
    assert (ridge["method"], ridge["strength"]) == ("ridge", 0.1)
    assert len(ridge["energies"]) > 80, "elements without frames keep the prior"
    assert "no structures" in mistake("atomref", "mine", "--method", "residual")
    residual = answer("atomref", "salt", "--method", "residual")
    assert {symbol for symbol, n in residual["counts"].items() if n} == {"Na", "Cl"}
    assert residual["method"] == "residual"
    assert "leave out --column" in mistake("atomref", "salt", "--column", "x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("datasets", "show", "nothing"), "nothing"),
        (("datasets", "show"), "Missing argument"),
        (("datasets",), "Missing command"),
        (("bogus",), "No such command 'bogus'"),
        (("--bogus",), "No such option"),
        (("shift", "missing.csv"), "missing.csv"),
        (("import", "missing.csv", "--name", "x"), "missing.csv"),
        (("import", "missing.csv", "--name", "x", "--map", "energy"), "NAME=VALUE"),
        (("atomref", "x", "--method", "magic"), "magic"),
        (("train",), "--dataset"),
        (("train", "--dataset", "nothing"), "nothing"),
        (("train", "--dataset", "mp-frames-r2scan", "--epochs", "0"), "epochs"),
        (("train", "--dataset", "x", "--epochs", "many"), "--epochs"),
        (("train", "--dataset", "x", "--method", "magic"), "magic"),
        (("train", "--run-dir", "nowhere"), "--dataset"),
        (("runs", "show", "nothing"), "nothing"),
        (("runs", "cancel", "nothing"), "nothing"),
        (("evaluate", "nothing", "--dataset", "y"), "y"),
        (("export", "nothing", "--out", "model.pth.tar"), "nothing"),
    ],
)
def test_mistakes_are_one_line(words, message):
    assert message in mistake(*words)


def test_pairs_are_refused_where_frames_are_needed(home):
    pair_table(home / "pairs.csv")
    import_pairs(home / "pairs.csv", name="mine")
    assert "--format frames" in mistake("train", "--dataset", "mine")
    assert "--format frames" in mistake("evaluate", "chgnet-0.3.0", "--dataset", "mine")
    assert list_runs() == []
