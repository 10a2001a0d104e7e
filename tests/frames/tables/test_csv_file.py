"""What stands above the rows of a CSV file, and rows that do not fit it."""

import gzip

import pytest

from core.errors import LabError
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import pairs_from_table

HEAD = "formula,energy_pbe,energy_r2scan\n"
ROW = "NaCl,-3.5,-9.25\n"


def energies(path):
    pairs = pairs_from_table(path)
    return [pairs.energy(column).tolist() for column in ("energy_pbe", "energy_r2scan")]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "text",
    [
        ",".join([HEAD.strip(), *map("descriptor_{}".format, range(9_000))])
        + "\n"
        + ROW.strip()
        + ",1" * 9_000
        + "\n",
        "# from a notebook\n" * 400 + HEAD + ROW,
        f"# {'x' * 5_000}\n" + HEAD + ROW,
    ],
    ids=["columns", "comments", "comment"],
)
def test_what_stands_above_the_rows_may_be_long(write, text, compress):
    assert energies(write("t.csv", compress(text.encode()))) == [[-3.5], [-9.25]]


def test_the_head_has_a_thousand_rows(write):
    assert open_table(write("t.csv", HEAD + ROW * 2_000)).head().num_rows == 1_000


@pytest.mark.parametrize(
    "above", ["Table S1. Energies,,\n,,\n", ",,\n", "# made by hand\n,,\r\n", " , ,\nTable S1,,\n"]
)
def test_lines_of_empty_cells_stand_above_the_names(write, above):
    assert energies(write("t.csv", above + HEAD + ROW)) == [[-3.5], [-9.25]]


@pytest.mark.parametrize(
    "rows",
    [
        "NaCl,-3.5\n",
        "NaCl,-3.5\n" + ROW,
        "NaCl,-3.5,-9.25,1\n" + ROW,
        '"NaCl,-3.5,-9.25\n' + ROW,
        'NaCl,"-3.5,-9.25\n' + ROW,
    ],
)
def test_a_first_row_that_does_not_fit_is_named(write, rows):
    with pytest.raises(LabError, match=r"^Line 2 of t.csv has another number of cells"):
        energies(write("t.csv", HEAD + rows))
