"""vasprun.xml gives what ASE and pymatgen read from it, and what they do not."""

import gzip
import io
import warnings
from pathlib import Path

import ase.io
import numpy as np
import pytest
from pymatgen.io.vasp import Vasprun

from core.frames.vasp.steps import Step
from core.frames.vasp.vasprun import VasprunReader, looks_like_vasprun
from tests.frames.vasp.files import KBAR, MadeStep, vasprun

FORMATS = Path(__file__).parents[2] / "data" / "formats"


def read(text: str | bytes, *, size: int = 1 << 18) -> tuple[VasprunReader, list[Step]]:
    content = text if isinstance(text, bytes) else text.encode("latin-1")
    reader = VasprunReader(content[i : i + size] for i in range(0, len(content), size))
    return reader, list(reader.steps())


def test_a_step_has_the_values_of_ase():
    made = MadeStep(added=-3.5, frac_coords=np.array([[0.1, 0.2, 0.3], [-0.4, 1.25, 0.6]]))
    text = vasprun([MadeStep(), made], parameters={"PSTRESS": "250.0"})
    _, steps = read(text)
    for step, atoms in zip(
        steps, ase.io.iread(io.StringIO(text), index=":", format="vasp-xml"), strict=True
    ):
        assert step.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
        np.testing.assert_allclose(step.lattice, atoms.cell.array)
        np.testing.assert_allclose(step.frac_coords, atoms.get_scaled_positions(wrap=False))
        np.testing.assert_allclose(step.forces, atoms.get_forces())
        np.testing.assert_allclose(
            step.stress, atoms.get_stress(voigt=False) * -1602.1766208, rtol=1e-6
        )
    assert steps[1].energy == pytest.approx(made.zero - 3.5)
    assert steps[1].added == pytest.approx(-3.5)


@pytest.mark.parametrize("is_shifted", [True, False])
@pytest.mark.parametrize("has_pressure_work", [True, False])
def test_the_energy_is_right_whatever_the_labels_of_the_version(is_shifted, has_pressure_work):
    """VASP 5 writes the entropy as e_0_energy; P·V is in the energy of the step or is not."""
    text = vasprun(
        [MadeStep(zero=-7.1, free=-7.3)],
        is_shifted=is_shifted,
        has_pressure_work=has_pressure_work,
        parameters={"PSTRESS": "100.0"},
    )
    assert read(text)[1][0].energy == pytest.approx(-7.1)


@pytest.mark.parametrize("is_shifted", [True, False])
def test_the_energy_of_a_step_without_electronic_steps(is_shifted):
    step = MadeStep(n_electronic=0, zero=-7.1, free=-7.3)
    assert read(vasprun([step], is_shifted=is_shifted))[1][0].energy == pytest.approx(-7.1)


def test_real_files_have_pymatgens_structures_and_forces():
    """Those that pymatgen can read; **** in a parameter is too much for it."""
    for name in ("mp_r2scan/relax/vasprun.xml.gz", "vasp/pydmclab_LiF.vasprun.xml.gz"):
        path = FORMATS / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
        reader, steps = read(gzip.decompress(path.read_bytes()))
        assert reader.symbols == run.atomic_symbols
        assert len(steps) == len(run.ionic_steps)
        for step, right in zip(steps, run.ionic_steps, strict=True):
            structure = right["structure"]
            np.testing.assert_allclose(step.lattice, structure.lattice.matrix)
            np.testing.assert_allclose(step.frac_coords, structure.frac_coords)
            np.testing.assert_allclose(step.forces, right["forces"])
            np.testing.assert_allclose(step.stress, right["stress"])
            assert step.n_electronic == len(right["electronic_steps"])


@pytest.mark.parametrize("size", [7, 1000, 1 << 18])
def test_the_size_of_chunks_and_useless_sections_change_nothing(size):
    text = vasprun([MadeStep(), MadeStep(zero=-11.0, free=-11.2)])
    section = "<eigenvalues>\n <r> *** & < </r>\n</eigenvalues>\n<dos><i name='e'>1</i></dos>"
    text = text.replace(" </calculation>", f"{section}\n </calculation>")
    reader, steps = read(text, size=size)
    assert reader.is_whole
    assert reader.problem is None
    assert [step.energy for step in steps] == pytest.approx([-10.0, -11.0])


def test_the_title_of_a_calculation_may_hold_what_xml_escapes():
    """VASP writes SYSTEM as it is; expat and lxml give up at it."""
    text = vasprun([MadeStep()], incar={"SYSTEM": "Li & <F> \x1b é"})
    reader, steps = read(text)
    assert len(steps) == 1
    assert reader.is_whole


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_file_that_breaks_off_gives_its_whole_steps(share):
    text = vasprun([MadeStep(zero=-10.0 - one) for one in range(20)])
    reader, steps = read(text[: int(share * len(text))])
    assert not reader.is_whole
    assert len(steps) in {int(20 * share) - 1, int(20 * share), int(20 * share) - 2}
    assert [step.energy for step in steps] == pytest.approx(
        [-10.0 - one for one in range(len(steps))]
    )
    assert all(step.problem is None for step in steps)


def test_a_step_counts_once_its_energy_is_written():
    text = vasprun([MadeStep()])
    end = text.index("</energy>", text.index('name="forces"')) + len("</energy>")
    reader, steps = read(text[:end])
    assert len(steps) == 1
    assert not reader.is_in_step
    reader, steps = read(text[: text.index('name="forces"')])
    assert steps == []
    assert reader.is_in_step


def test_damaged_xml_keeps_the_steps_before_it():
    text = vasprun([MadeStep(), MadeStep(), MadeStep()])
    second = text.index("<calculation>", text.index("</calculation>"))
    reader, steps = read(text[: second + 60] + "<<>>" + text[second + 60 :])
    assert len(steps) == 1
    assert reader.problem is not None
    assert "XML" in reader.problem


def test_overflowed_numbers_are_said():
    text = vasprun([MadeStep(), MadeStep(), MadeStep()])
    parts = text.split("<calculation>")
    parts[1] = parts[1].replace(
        'name="forces" >\n   <v>      0.10000000', 'name="forces" >\n   <v>****************'
    )
    last = parts[2].rindex("<scstep>")
    parts[2] = parts[2][:last] + parts[2][last:].replace("    -10.00000000", "****************")
    _, steps = read("<calculation>".join(parts))
    assert steps[0].problem == "its forces have numbers that VASP wrote as ****"
    assert steps[1].energy is None
    assert steps[2].energy == pytest.approx(-10.0)


def test_numbers_that_fill_their_columns():
    text = vasprun([MadeStep()]).replace(
        "<v>      0.10000000     -0.20000000", "<v>      0.10000000-123456.20000000"
    )
    np.testing.assert_allclose(read(text)[1][0].forces[0], [0.1, -123456.2, 0.3])


def test_steps_of_the_machine_learned_force_field_are_marked():
    text = vasprun([MadeStep()], learned=[MadeStep(), MadeStep()], incar={"ML_LMLFF": "T"})
    _, steps = read(text)
    assert [step.is_learned for step in steps] == [False, True, True]


def test_a_structure_between_calculations_is_no_step():
    text = vasprun([MadeStep(), MadeStep()])
    begin = text.index("  <structure >")
    structure = text[begin : text.index("</structure>", begin) + len("</structure>\n")]
    place = text.index(" </calculation>") + len(" </calculation>\n")
    _, steps = read(text[:place] + structure + text[place:])
    assert [step.problem for step in steps] == [None, None]


def test_steps_at_nelm_are_unconverged():
    text = vasprun([MadeStep(n_electronic=4), MadeStep(n_electronic=3)], parameters={"NELM": "4"})
    assert [step.is_unconverged for step in read(text)[1]] == [True, False]
    exact = vasprun([MadeStep(n_electronic=1)], parameters={"NELM": "1"}, incar={"ALGO": "Exact"})
    assert not read(exact)[1][0].is_unconverged


def test_electronic_steps_of_a_response_are_no_step():
    """They follow the energy of the ground state in the same calculation."""
    text = vasprun([MadeStep(zero=-7.1, free=-7.3)], parameters={"NELM": "8"})
    response = '<scstep><energy><i name="e_fr_energy"> 3.0 </i></energy></scstep>\n'
    place = text.rindex(" </calculation>")
    _, steps = read(text[:place] + 20 * response + text[place:])
    assert len(steps) == 1
    assert steps[0].n_electronic == 5
    assert not steps[0].is_unconverged
    assert steps[0].energy == pytest.approx(-7.1)


def test_a_calculation_without_energy_says_so():
    text = vasprun([MadeStep(), MadeStep()])
    begin = text.index("  <energy>", text.index('name="stress"'))
    end = text.index("</energy>", begin) + len("</energy>")
    _, steps = read(text[:begin] + text[end:])
    assert steps[0].problem == "it has no structure or no energy"
    assert steps[1].problem is None


def test_elements_come_from_the_potcar_where_vasp_writes_none():
    text = vasprun(
        [MadeStep()], elements=[("r", "PAW_PBE Zr_sv 04Jan2005"), ("X", "PAW_PBE Xe 07Sep2000")]
    )
    assert read(text)[0].symbols == ["Zr", "Xe"]


def test_labels_may_be_missing():
    _, steps = read(vasprun([MadeStep(stress=None), MadeStep(forces=None)]))
    assert steps[0].stress is None
    assert steps[1].forces is None
    np.testing.assert_allclose(steps[1].stress, KBAR)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE modeling [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><modeling>&c;</modeling>',
        '<!DOCTYPE modeling SYSTEM "file:///etc/passwd"><modeling></modeling>',
        "<modeling>" + 100_000 * "<a>",
        '<modeling><i name="x">' + 100_000 * "1 " + "</i></modeling>",
        "<modeling><incar>" + "".join(f'<i name="{n}">1</i>' for n in range(2000)),
        "<modeling><calculation>" + 2000 * "<scstep><energy><i> 1</i></energy></scstep>",
        "<modeling><rc>" + 2000 * "<c>1</c>",
        "<modeling>\0\1\2</modeling>",
        "<modeling><calculation></b></calculation></modeling>",
    ],
    ids=["entities", "external", "deep", "long", "tags", "loop", "cells", "binary", "unclosed"],
)
def test_hostile_files_are_given_up_in_a_few_words(text, monkeypatch):
    monkeypatch.setattr("core.frames.vasp.vasprun._MOST_VALUES", 1000)
    reader, steps = read(text)
    assert steps == []
    assert reader.problem is not None
    assert len(reader.problem) < 100


def test_recognition_by_content():
    assert looks_like_vasprun(b"<modeling>\n")
    assert looks_like_vasprun(b'<?xml version="1.0"?>\n<modeling>')
    assert not looks_like_vasprun(b"<html><modelings></html>")
