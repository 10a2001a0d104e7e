from pathlib import Path

import pytest

from core.frames.vasp.folders import (
    calculations_of,
    folders_of,
    material_of,
    materials_of,
    with_label,
)


def found(*names: str) -> list[tuple[str, list[str]]]:
    return [
        (one.label, [path.name for path in one.files])
        for one in calculations_of([Path(name) for name in names])
    ]


def test_each_calculation_is_found_once():
    assert found("INCAR", "OUTCAR", "POSCAR", "vasprun.xml") == [("", ["vasprun.xml", "OUTCAR"])]
    assert found("OUTCAR.gz") == [("", ["OUTCAR.gz"])]
    assert found("vasprun.xml", "vasprun.xml.gz") == [("", ["vasprun.xml"])]
    assert found("OUTCAR.relax1.gz", "OUTCAR.relax2.gz", "vasprun.xml.relax1.gz") == [
        ("relax1", ["vasprun.xml.relax1.gz", "OUTCAR.relax1.gz"]),
        ("relax2", ["OUTCAR.relax2.gz"]),
    ]
    assert found("vasprun.relax1.xml", "relax1.OUTCAR") == [
        ("relax1", ["vasprun.relax1.xml", "relax1.OUTCAR"])
    ]
    assert found("OUTCAR_1", "OUTCAR_2") == [("1", ["OUTCAR_1"]), ("2", ["OUTCAR_2"])]
    assert found("mp_OUTCAR.unfinished.gz", "27998_vasprun.xml") == [
        ("mp_unfinished", ["mp_OUTCAR.unfinished.gz"]),
        ("27998", ["27998_vasprun.xml"]),
    ]
    assert found("README", "POTCAR", ".vasprun.xml.swp", "outcars.txt", "XDATCAR") == []


@pytest.mark.parametrize(
    ("path", "material"),
    [
        ("mp-149", "mp-149"),
        ("mp-149/relax", "mp-149"),
        ("mp-149/r2SCAN/static", "mp-149"),
        ("PBE/mp-149/relax_2", "mp-149"),
        ("r2scan_static/mp-149", "mp-149"),
        ("oxides/Li2O/double_relax", "oxides/Li2O"),
        ("Si/0001", "Si/0001"),
        ("mp-149_PBE", "mp-149_PBE"),
        ("relax1", ""),
        ("", ""),
    ],
)
def test_materials_are_folders_without_steps_and_functionals(path, material):
    assert material_of(path.split("/")) == material


def test_numbers_need_their_folder():
    assert with_label("HfO2", "1") == "HfO2/1"
    assert with_label("HfO2", "relax") == "relax"
    assert with_label("HfO2", "") == "HfO2"


def test_folders_in_natural_order_without_hidden_ones_and_links(tmp_path):
    for name in ("step_10", "step_2", ".git", "step_2/deep"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "OUTCAR").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [folder.relative_to(tmp_path).as_posix() for folder, _ in folders_of(tmp_path)] == [
        ".",
        "step_2",
        "step_2/deep",
        "step_10",
    ]


@pytest.mark.parametrize(
    ("files", "materials"),
    [
        (["set/a/pw.out", "set/b/pw.out"], ["a", "b"]),
        (
            ["mp-1/relax/pw.out", "mp-1/static/pw.out", "mp-2/relax/pw.out"],
            ["mp-1", "mp-1", "mp-2"],
        ),
        (["mp-1/relax.out.gz", "mp-1/static.out", "mp-2/scf.out"], ["mp-1", "mp-1", "mp-2"]),
        (["set/NaCl.out", "set/MgO.out.xz"], ["NaCl", "MgO"]),
        (["mp-7/relax.out", "mp-7/static.out"], ["mp-7", "mp-7"]),
    ],
)
def test_materials_of_outputs(files, materials, tmp_path):
    assert materials_of([tmp_path / file for file in files]) == materials
