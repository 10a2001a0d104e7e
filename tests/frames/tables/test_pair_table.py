import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import LabError
from core.frames.registry import list_datasets, open_dataset
from core.frames.tables.opening import open_table
from core.frames.tables.pair_table import import_pairs, pairs_from_table
from core.home import datasets_dir


def test_a_csv_becomes_a_data_set(pairs_csv):
    path = pairs_csv("a,Fe2O3,-6.5,-16.5", 'b,"Ca(OH)2",,-15', "c,NaCl,nan,-12", "d,KCl, -3 ,-11e0")
    card = import_pairs(path, name="mine", licence="CC0", corrections={"energy_gga": "MP2020"})
    assert (card.n, card.kind, card.licence, card.labels) == (4, "pairs", "CC0", "dft")
    assert card.source_file == "pairs.csv"
    assert len(card.source_sha256) == 64
    assert card.energy_column("energy_gga").functional == "GGA/GGA+U"
    assert card.energy_column("energy_gga").corrections == "MP2020"
    pairs = open_dataset("mine")
    gga = [-6.5, np.nan, np.nan, -3.0]
    assert np.array_equal(pairs.energy("energy_gga"), gga, equal_nan=True)
    assert np.array_equal(pairs.energy("energy_r2scan"), [-16.5, -15, -12, -11])
    assert list(pairs.table()["formula"]) == ["Fe2O3", "Ca(OH)2", "NaCl", "KCl"]


def test_columns_are_mapped_and_the_rest_is_kept(write, salt_json):
    quoted = salt_json.replace('"', '""')
    path = write(
        "odd.csv",
        f'what,lo,hi,note,x,cell\nNaCl,1,2,good,3,"{quoted}"\nKCl,2,4,,4,\n',
    )
    card = import_pairs(
        path,
        name="mine",
        mapping={"source": "lo", "target": "hi", "formula": "what"},
        functionals={"lo": "pbe", "hi": "B97M"},
        labels="some-model",
    )
    assert [(one.column, one.functional) for one in card.energies] == [
        ("lo", "PBE"),
        ("hi", "B97M"),
    ]
    assert card.is_model_labelled
    assert card.labels == "model"
    pairs = open_dataset("mine")
    table = pairs.table()
    assert list(table) == ["material_id", "formula", "lo", "hi", "note", "x"]
    assert list(table["material_id"]) == ["row-1", "row-2"]
    assert list(table["x"]) == [3, 4]
    assert list(pairs.structure(0).atomic_numbers) == [11, 17]
    assert pairs.structure(0).energy_per_atom is None
    assert pairs.structure(1) is None


def test_parquet_with_every_sort_of_text(tmp_path, salt):
    lattice = {"matrix": salt.lattice.matrix.tolist()}
    sites = [{key: site[key] for key in ("species", "abc")} for site in salt.as_dict()["sites"]]
    frame = pd.DataFrame(
        {
            "material_id": pd.Series([1, 2]),
            "formula": pd.Categorical(["NaCl", "KCl"]),
            "energy_pbe": pd.Series(["-1", "-2"]),
            "energy_r2scan": pd.Series([-3, -4], dtype="int32"),
            "structure": [{"lattice": lattice, "sites": sites}, None],
        }
    )
    frame.to_parquet(tmp_path / "pairs.parquet")
    progress = []
    import_pairs(
        tmp_path / "pairs.parquet", name="mine", progress=lambda share, _: progress.append(share)
    )
    pairs = open_dataset("mine")
    assert list(pairs.table()["material_id"]) == ["1", "2"]
    assert list(pairs.energy("energy_pbe")) == [-1, -2]
    assert pairs.structure(0) is not None
    assert progress[-1] == 1


def test_a_disordered_structure_leaves_the_rows_energies(write, salt_json, disordered):
    quoted = [text.replace('"', '""') for text in (salt_json, disordered.to(fmt="json"))]
    head = "formula,energy_pbe,energy_r2scan,structure"
    path = write("d.csv", f'{head}\nNaCl,-1,-2,"{quoted[0]}"\nNaKCl2,-3,-4,"{quoted[1]}"\n')
    card = import_pairs(path, name="mine")
    told = "because it is disordered: 1. The first disordered structure: line 3 of d.csv."
    assert told in card.description
    data = open_dataset("mine")
    assert data.energy("energy_pbe").tolist() == [-1.0, -3.0]
    assert data.structure_flags().tolist() == [True, False]
    path = write("e.csv", f'energy_pbe,energy_r2scan,structure\n-3,-4,"{quoted[1]}"\n')
    with pytest.raises(LabError, match=r"^Line 2 of e\.csv: the structure is disordered; add"):
        import_pairs(path, name="other")


def test_formulas_come_from_structures_if_need_be(write, salt_json):
    quoted = salt_json.replace('"', '""')
    path = write("s.csv", f'energy_pbe,energy_r2scan,structure\n-1,-2,"{quoted}"\n')
    import_pairs(path, name="mine")
    assert list(open_dataset("mine").table()["formula"]) == ["NaCl"]
    path = write("s.csv", f'energy_pbe,energy_r2scan,structure\n-1,-2,"{quoted}"\n-1,-2,\n')
    with pytest.raises(LabError, match=r"Line 3 of s.csv: the row has neither"):
        import_pairs(path, name="other")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_a_byte_order_mark(write, delimiter):
    text = "\ufeffformula,energy_pbe,energy_r2scan\r\n\r\nNaCl,-1,-2\r\n".replace(",", delimiter)
    pairs = pairs_from_table(write("p.csv", text))
    assert list(pairs.energy("energy_r2scan")) == [-2]


def test_pairs_are_read_without_importing(pairs_csv):
    pairs = pairs_from_table(pairs_csv("a,Fe2O3,-6.5,-16.5"))
    assert len(pairs) == pairs.card.n == 1
    assert not pairs.has_structures
    assert list(datasets_dir().iterdir()) == []


GOOD = "a,NaCl,-3,-11"
# Long and random enough that its first half decompresses to well over a header.
NOISE = b"".join(b"NaCl,%d,%d\n" % (i, i * i % 9973) for i in range(200_000))
GZIPPED = gzip.compress(b"formula,energy_pbe,energy_r2scan\n" + NOISE, mtime=0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([GOOD, "", "b,KCl,abc,-9"], "Line 4 of pairs.csv: 'abc' in column 'energy_gga' is not a"),
        ([GOOD, '"b\nb",KCl,-1,-2', "c,KCl,1,-inf"], "Line 5 of pairs.csv: '-inf' in column"),
        ([GOOD, "b,XxO,-3,-9"], "Line 3 of pairs.csv: the formula 'XxO' contains Xx, which is no"),
        ([GOOD, "b,CmO,-3,-9"], "Line 3 of pairs.csv: the formula 'CmO' contains Cm, which lies"),
        ([GOOD, "b,,-3,-9"], "Line 3 of pairs.csv: the formula is missing"),
        ([GOOD, ",KCl,-3,-9"], "Line 3 of pairs.csv: column 'material_id' is empty"),
        ([GOOD, "b,KCl,-3"], "Line 3 of pairs.csv has another number of cells than the header's 4"),
        (["a,NaCl,,-11"], "Column 'energy_gga' of pairs.csv contains no energies"),
        ([], "pairs.csv has a header but no rows"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_imported(pairs_csv, rows, message):
    with pytest.raises(LabError) as caught:
        import_pairs(pairs_csv(*rows), name="mine")
    assert str(caught.value).startswith(message)
    assert str(caught.value).count(". ") == 0
    assert list(datasets_dir().iterdir()) == []
    assert "mine" not in {info.card.name for info in list_datasets()}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (np.random.default_rng(0).bytes(4096) + b"\0", "is a binary file"),
        (bytes(range(128, 256)), "Line 1 of t.csv is not UTF-8 text"),
        (b"formula,energy_pbe,energy_r2scan\nFe\x81,-1,-2\n", "Line 2 of t.csv is not UTF-8"),
        ("formula,energy_pbe\n".encode("utf-16"), "no rows"),
        (b"PAR1 and no more", "is a damaged Parquet file"),
        (gzip.compress(b"formula,x", mtime=0)[:12], "cannot be read .the gzip file"),
        (gzip.compress(b"x\n" + bytes(range(128, 256)))[:-8], "cannot be read .the gzip file"),
        (GZIPPED[: len(GZIPPED) // 2], r"t\.csv cannot be read beyond line \d+"),
        (b'{"a": [1, 2]}', "is JSON"),
        (b"formula,,energy_pbe\nNaCl,x,-1\n", "column 2 has no name"),
        (b"formula,formula\n", "the name 'formula' occurs twice"),
        (b"formula,x\nNaCl,1\n", "no column that looks like total energies"),
        (b"formula,energy_pbe\nNaCl,1\n", "no column that looks like a second functional's"),
        (b"energy_pbe,energy_r2scan\n1,1\n", "no column that looks like chemical formulas"),
    ],
)
def test_what_is_no_table_of_pairs_is_refused(write, content, message):
    with pytest.raises(LabError, match=message):
        import_pairs(write("t.csv", content), name="mine")
    with pytest.raises(LabError, match=message):
        pairs_from_table(write("t.csv", content))
    assert list(datasets_dir().iterdir()) == []


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LabError, match=r"none.csv cannot be opened \(no such file"):
        import_pairs(tmp_path / "none.csv", name="mine")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"colour": "formula"}, "no field 'colour'"),
        ({"source": "nowhere"}, "no column 'nowhere' to use as source"),
        ({"target": "energy_gga"}, "mapped as source and as target"),
        ({"formula": ""}, "no column that looks like chemical formulas"),
    ],
)
def test_a_bad_mapping_is_refused(pairs_csv, mapping, message):
    with pytest.raises(LabError, match=message):
        import_pairs(pairs_csv(GOOD), name="mine", mapping=mapping)


def test_a_taken_or_bad_name_is_refused(pairs_csv):
    import_pairs(pairs_csv(GOOD), name="mine")
    with pytest.raises(LabError, match="data set 'mine' exists already"):
        import_pairs(pairs_csv(GOOD), name="mine")
    with pytest.raises(LabError, match="is not a valid name"):
        import_pairs(pairs_csv(GOOD), name="../mine")


def test_one_bad_row_of_very_many_is_named(pairs_csv):
    rows = [f"mp-{i},Fe{i % 7 + 1}O{i % 5 + 1},{-5 - i % 10},-15.5" for i in range(300_000)]
    rows[287_654] = "mp-x,FeO,minus five,-15"
    with pytest.raises(LabError, match=r"Line 287656 of pairs.csv: 'minus five'"):
        import_pairs(pairs_csv(*rows), name="mine")


def test_a_parquet_file_with_two_columns_of_a_name_is_told(tmp_path):
    path = tmp_path / "twice.parquet"
    columns = [pa.array(["LiO"]), pa.array([-3.0]), pa.array([-5.0])]
    names = ["formula", "energy_pbe", "energy_pbe"]
    pq.write_table(pa.Table.from_arrays(columns, names), path)
    with pytest.raises(LabError, match="column 'energy_pbe' occurs twice; rename one"):
        open_table(path)


def test_a_count_of_atoms_that_is_no_number_is_not_needed_for_energies_per_atom(write):
    rows = "a,LiO,2,-3.1,-4.1\nb,FeO,9.0-,-6.1,-14.1\nc,NaCl,2,-3.3,-4.4\n"
    path = write("t.csv", f"id,formula,num_atoms,energy_gga,energy_r2scan\n{rows}")
    assert import_pairs(path, name="mine").n == 3


def test_an_energy_that_no_atom_has_is_refused_with_its_row(pairs_csv):
    path = pairs_csv("a,Fe2O3,-6.5,-16.5", "b,MgO,-1e9,-15")
    with pytest.raises(LabError, match=r"Line 3.*energy_gga of -1e\+09 eV/atom is larger than any"):
        import_pairs(path, name="mine")
    assert list_datasets() == [info for info in list_datasets() if info.embedded]
