"""Workbooks that openpyxl and pandas write."""

import io
import zipfile

import openpyxl
import pandas as pd
import pytest

from core.errors import LabError
from core.frames.registry import open_dataset
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_pairs, pairs_from_table

HEAD = ["material_id", "formula", "energy_pbe", "energy_r2scan"]
ROWS = [["mp-1", "NaCl", -3.5, -9.25], ["mp-2", "KCl", -3, None]]


@pytest.fixture
def save(tmp_path):
    """Return a writer of a workbook from sheets of rows."""

    def save_book(**sheets):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        path = tmp_path / "book.xlsx"
        book.save(path)
        return path

    return save_book


def test_a_sheet_is_a_table(save):
    pairs = pairs_from_table(save(Data=[HEAD, *ROWS]))
    assert pairs.energy("energy_pbe").tolist() == [-3.5, -3]
    table = pairs.table()
    assert list(table["material_id"]) == ["mp-1", "mp-2"]
    assert list(table["formula"]) == ["NaCl", "KCl"]


def test_pandas_and_its_index(tmp_path):
    path = tmp_path / "book.xlsx"
    pd.DataFrame(ROWS, columns=HEAD).to_excel(path)
    assert open_table(path).columns == HEAD
    assert pairs_from_table(path).energy("energy_pbe").tolist() == [-3.5, -3]


def test_the_sheet_with_energies_is_read_and_named(save):
    card = import_pairs(save(About=[["a", "b"], [1, 2]], Data=[HEAD, *ROWS]), name="book")
    assert "Sheet 'Data' was read; not read: About." in card.description
    assert len(open_dataset("book").table()) == 2


def test_titles_units_and_empty_rows(save):
    units = [None, None, "meV/atom", "eV/atom"]
    rows = [["Table S1"], [], HEAD, units, ["mp-1", "NaCl", -3500, -9.25], [], ROWS[1]]
    path = save(Data=rows)
    assert pairs_from_table(path).energy("energy_pbe").tolist() == [-3.5, -0.003]
    assert open_table(path).where(1) == "row 7 of sheet 'Data' of book.xlsx"


def test_nameless_columns_that_are_empty_or_hold_remarks(save):
    rows = [["formula", None, "energy_pbe", "energy_r2scan"], ["NaCl", None, -3, -9, "why?"]]
    assert open_table(save(Data=rows)).columns == ["formula", "energy_pbe", "energy_r2scan"]


def test_numbers_as_text_and_decimal_commas(save):
    path = save(Data=[HEAD, ["mp-1", "NaCl", "-3,5", "-9.25"]])
    assert pairs_from_table(path).energy("energy_pbe").tolist() == [-3.5]


def test_a_row_with_a_mistake_is_named(save):
    path = save(Data=[HEAD, *ROWS, [], ["mp-3", "LiF", "#DIV/0!", -1]])
    with pytest.raises(LabError, match=r"^Row 5 of sheet 'Data' of book.xlsx: '#DIV/0!' in column"):
        pairs_from_table(path)


def test_formulas_count_with_their_saved_values(save):
    path = save(Data=[HEAD, ["mp-1", "NaCl", "=-7/2", -9.25]])
    with pytest.raises(LabError, match=r"Row 2 .*'=-7/2' without its value.* save it"):
        pairs_from_table(path)
    # Excel keeps the value beside the formula.
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name).replace(b"<f>-7/2</f><v />", b"<f>-7/2</f><v>-3.5</v>")
            new.writestr(name, data.replace(b"<f>-7/2</f><v></v>", b"<f>-7/2</f><v>-3.5</v>"))
    path.write_bytes(content.getvalue())
    assert pairs_from_table(path).energy("energy_pbe").tolist() == [-3.5]


def archive(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 and no more", "is a damaged workbook"),
        (archive(a_dot_txt="x"), "is an archive, not a table"),
        # It asks for version 25.5 of the format of zip.
        (archive(a_dot_txt="x").replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xff"), "damaged"),
        (archive(xl__workbook_dot_bin="x"), "binary Excel workbook"),
        (archive(content_dot_xml="x"), "is an OpenDocument file"),
        (archive(xl__workbook_dot_xml="x"), "is a damaged workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "old or a protected Excel workbook"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "book.xlsx"
    path.write_bytes(content)
    with pytest.raises(LabError, match=message):
        open_table(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no sheet with a table"),
        ([["Title"]], "has no sheet with a table"),
        ([HEAD], "no rows"),
        ([["formula", None, "energy_pbe"], ["NaCl", 1, 2]], "Column 2 of sheet 'Data'"),
        ([["formula", "energy_pbe", None], ["NaCl", 1, 2]], "Column 3 of sheet 'Data'"),
        ([["formula", "formula", "x"], ["NaCl", 1, 2]], "'formula' occurs twice in sheet 'Data'"),
    ],
)
def test_sheets_without_a_table_are_refused_in_a_sentence(save, rows, message):
    with pytest.raises(LabError, match=message):
        pairs_from_table(save(Data=rows))


def test_a_truncated_workbook_is_refused(save):
    path = save(Data=[HEAD, *ROWS])
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(LabError, match="is a damaged workbook"):
        open_table(path)


def test_a_sheet_with_unknown_attributes_is_refused(save, tmp_path):
    damaged = tmp_path / "damaged.xlsx"
    whole = zipfile.ZipFile(save(Data=[HEAD, *ROWS]))
    with whole, zipfile.ZipFile(damaged, "w") as changed:
        for name in whole.namelist():
            text = whole.read(name)
            changed.writestr(name, text.replace(b"<sheetFormatPr ", b'<sheetFormatPr null="1" '))
    with pytest.raises(LabError, match="has no sheet with a table"):
        open_table(damaged)


def test_sheets_of_two_functionals_are_not_chosen_among(save):
    head = ["formula", "energy_per_atom"]
    with pytest.raises(LabError, match=r"each of the sheets PBE and r2SCAN.* file of its own"):
        open_table(save(PBE=[head, ["NaCl", -3.4]], r2SCAN=[head, ["NaCl", -9.2]]))
