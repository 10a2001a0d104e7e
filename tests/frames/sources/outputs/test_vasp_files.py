"""Output of VASP as frames: files, folders, what is left out and what is said."""

import bz2
import gzip
import lzma
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.importing import open_input
from core.frames.sources.many import ManyFiles
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.frames.sources.records import RecordSource, Steps
from core.progress import silent
from tests.frames.vasp.files import KBAR, MadeStep, outcar, vasprun

FORMATS = Path(__file__).parents[3] / "data" / "formats"


def source_of(path: Path, *, steps: Steps = "all", with_unconverged: bool = False) -> RecordSource:
    source = open_source(path)
    assert source is not None
    source.choose(steps, with_unconverged=with_unconverged)
    return source


def read(
    path: Path, functional: str | None = None, **choices: Any
) -> tuple[list[Frame], dict[str, int], str]:
    """Return the frames, the reasons for those left out, and the description."""
    records = RecordFrames(source_of(path, **choices), functional=functional)
    frames = list(records.frames(silent))
    card = records.describe(Card(name="x", kind="frames", n=len(frames)))
    assert card.report is not None
    return frames, card.report.reasons, card.description


def made(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="latin-1")
    return path


def test_a_functional_that_no_step_names_is_the_users(tmp_path):
    unnamed = vasprun([MadeStep()], elements=[("Mg", "US Mg"), ("O", "US O")])
    frames, reasons, _ = read(made(tmp_path / "one" / "vasprun.xml", unnamed), "PBE")
    assert (len(frames), reasons) == (1, {})
    for name in ("a", "c"):
        made(tmp_path / name / "vasprun.xml", vasprun([MadeStep()]))
    frames, reasons, _ = read(tmp_path, "PBE")
    assert len(frames) == 2
    assert reasons == {"it does not name its functional, as others do": 1}


@pytest.mark.parametrize("write", [vasprun, outcar])
def test_units_signs_and_ids(tmp_path, write):
    path = made(tmp_path / "mp-1" / "relax" / write.__name__, write([MadeStep(), MadeStep()]))
    frames, reasons, text = read(path)
    assert reasons == {}
    assert [frame.frame_id for frame in frames] == ["mp-1-0", "mp-1-1"]
    assert {frame.material_id for frame in frames} == {"mp-1"}
    frame = frames[0]
    assert frame.energy_per_atom == pytest.approx(-5.0)
    assert frame.forces is not None
    np.testing.assert_allclose(frame.forces, [[0.1, -0.2, 0.3], [-0.1, 0.2, -0.3]])
    np.testing.assert_allclose(frame.stress, -0.1 * KBAR)
    np.testing.assert_allclose(frame.frac_coords, MadeStep().frac_coords, atol=1e-5)
    assert frame.atomic_numbers.tolist() == [3, 9]
    assert "kBar" in text
    assert "assumed" not in text


@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"]
)
def test_compressed_files_are_recognised_by_content(tmp_path, compress):
    for number, write in enumerate((vasprun, outcar)):
        path = tmp_path / f"any{number}"
        path.write_bytes(compress(write([MadeStep()]).encode()))
        assert len(read(path)[0]) == 1


def test_steps_at_nelm_are_left_out_and_counted_unless_asked_for():
    path = FORMATS / "vasp" / "parsevasp_OUTCAR.nelm-breach-partial.gz"
    frames, reasons, _ = read(path)
    assert [frame.frame_id.rpartition("-")[2] for frame in frames] == ["1", "3", "4"]
    assert reasons == {"its electronic loop did not converge within NELM = 10 steps": 2}
    assert len(read(path, with_unconverged=True)[0]) == 5
    with pytest.raises(LabError, match=r"Step 0 of parsevasp_overflow.xml.gz: .* NELM = 60"):
        read(FORMATS / "vasp" / "parsevasp_overflow.xml.gz")


def test_the_last_step_only(tmp_path):
    root = tmp_path / "runs"
    for name in ("a", "b"):
        steps = [MadeStep(zero=-10.0 - one) for one in range(3)]
        made(root / name / "vasprun.xml", vasprun(steps))
    frames, _, _ = read(root, steps="last")
    assert [frame.frame_id for frame in frames] == ["a-2", "b-2"]
    assert [frame.energy_per_atom for frame in frames] == pytest.approx([-6.0, -6.0])


def test_crashed_and_unfinished_runs(tmp_path):
    with pytest.raises(LabError, match="stopped before its first ionic step"):
        read(FORMATS / "vasp" / "parsevasp_OUTCAR.crashed.gz")
    frames, reasons, text = read(FORMATS / "vasp" / "parsevasp_OUTCAR.unfinished.gz")
    assert len(frames) == 12
    assert reasons == {}
    assert "did not run to their end" in text
    whole = outcar([MadeStep(), MadeStep()], is_whole=False)
    frames, reasons, _ = read(made(tmp_path / "OUTCAR", whole[: whole.rindex("TOTAL-FORCE")]))
    assert len(frames) == 1
    assert reasons == {"VASP stopped before this ionic step was finished": 1}


def test_broken_streams_keep_the_steps_before_the_break(tmp_path):
    content = gzip.compress(vasprun([MadeStep() for _ in range(300)]).encode())
    path = tmp_path / "vasprun.xml.gz"
    path.write_bytes(content[: len(content) * 2 // 3])
    frames, reasons, _ = read(path)
    assert 100 < len(frames) < 300
    assert reasons == {"the gzip file breaks off": 1}


def test_learned_steps_are_left_out_and_counted(tmp_path):
    path = made(tmp_path / "vasprun.xml", vasprun([MadeStep()], learned=3 * [MadeStep()]))
    frames, reasons, _ = read(path)
    assert len(frames) == 1
    assert reasons == {"it was made by VASP's machine-learned force field instead of DFT": 3}


def test_many_steps_that_are_left_out_do_not_hide_those_behind_them(tmp_path):
    made(tmp_path / "a" / "OUTCAR", outcar(250 * [MadeStep(n_electronic=60)]))
    made(tmp_path / "b" / "OUTCAR", outcar([MadeStep()]))
    frames, reasons, _ = read(tmp_path)
    assert [frame.frame_id for frame in frames] == ["b-0"]
    assert sum(reasons.values()) == 250


def test_band_structures_are_left_out_and_counted(tmp_path):
    """Their charge density is fixed, so their energies are not self-consistent."""
    made(tmp_path / "mp-1" / "static" / "vasprun.xml", vasprun([MadeStep()]))
    for name, text in (
        ("vasprun.xml", vasprun([MadeStep()], parameters={"ICHARG": "11"})),
        ("OUTCAR", outcar([MadeStep()], tags={"ICHARG": "    11    charge: 1-file"})),
    ):
        made(tmp_path / "mp-1" / f"nscf_{name}" / name, text)
    frames, reasons, _ = read(tmp_path)
    assert [frame.frame_id for frame in frames] == ["mp-1/static-0"]
    assert reasons == {"its charge density was not optimized (ICHARG = 11)": 2}


def test_pressure_work_is_not_in_the_energies(tmp_path):
    xml = vasprun([MadeStep()], parameters={"PSTRESS": "500.0"})
    out = outcar([MadeStep()], tags={"PSTRESS": "  500.0 pullay stress"})
    for name, text in (("vasprun.xml", xml), ("OUTCAR", out)):
        frames, _, description = read(made(tmp_path / "x" / name, text))
        assert frames[0].energy_per_atom == pytest.approx(-5.0)
        assert "P·V" in description


def test_a_stress_of_which_only_the_trace_is_computed_is_left_out(tmp_path):
    path = made(tmp_path / "vasprun.xml", vasprun([MadeStep()], parameters={"ISIF": "1"}))
    frames, _, text = read(path)
    assert frames[0].stress is None
    assert "ISIF = 1" in text


def test_magmoms_that_are_not_collinear_become_magnitudes(tmp_path):
    moments = np.array([[1.0, 2.0, 2.0], [0.0, -3.0, 4.0]])
    path = made(tmp_path / "OUTCAR", outcar([MadeStep(magmoms=moments)]))
    frames, _, text = read(path)
    np.testing.assert_allclose(frames[0].magmoms, [3.0, 5.0])
    assert "not collinear" in text


def test_elements_that_chgnet_does_not_know_are_refused(tmp_path):
    elements = [("Am", "PAW_PBE Am 08May2007"), ("F", "PAW_PBE F 08Apr2002")]
    made(tmp_path / "a" / "vasprun.xml", vasprun([MadeStep()], elements=elements))
    made(tmp_path / "b" / "vasprun.xml", vasprun([MadeStep()]))
    frames, reasons, _ = read(tmp_path)
    assert len(frames) == 1
    assert reasons == {"it contains Am, not an element from H to Pu": 1}


def test_a_file_whose_atoms_do_not_match_is_refused(tmp_path):
    text = vasprun([MadeStep(), MadeStep()]).replace(
        "   <v>     -0.10000000      0.20000000     -0.30000000 </v>\n", "", 1
    )
    frames, reasons, _ = read(made(tmp_path / "vasprun.xml", text))
    assert len(frames) == 1
    assert reasons == {"it has 1 forces for 2 atoms": 1}


def test_dispersion_that_the_file_does_not_name(tmp_path):
    """It is in the INCAR beside the file, or the functional says that it is there."""
    path = made(tmp_path / "x" / "vasprun.xml", vasprun([MadeStep(added=-3.0)]))
    assert RecordFrames(source_of(path)).functionals == {"PBE-vdW": 1}
    assert len(read(path, "PBE-D3")[0]) == 1
    with pytest.raises(LabError, match="names PBE-vdW"):
        read(path, "PBE")
    assert "-vdW" in read(path)[2]
    made(tmp_path / "x" / "INCAR", "# IVDW = 11\nIVDW = 12 ! with damping\n")
    assert RecordFrames(source_of(path)).functionals == {"PBE-D3(BJ)": 1}


def test_a_folder_of_several_functionals_gives_the_one_asked_for(tmp_path):
    for functional, tags in (("PBE", {}), ("r2SCAN", {"METAGGA": "R2SCAN"})):
        for material in ("mp-1", "mp-2"):
            path = tmp_path / material / functional / "vasprun.xml"
            made(path, vasprun([MadeStep()], incar=tags))
    made(
        tmp_path / "mp-3" / "PBE" / "vasprun.xml",
        vasprun([MadeStep()], incar={"LDAU": "T", "LDAUU": "5.3 0.0"}),
    )
    frames, _, text = read(tmp_path, "r2SCAN")
    assert [frame.material_id for frame in frames] == ["mp-1", "mp-2"]
    assert [frame.frame_id for frame in frames] == ["mp-1/r2SCAN-0", "mp-2/r2SCAN-0"]
    assert "2 in PBE" in text
    assert "1 in PBE+U" in text
    assert len(read(tmp_path, "GGA/GGA+U")[0]) == 3


def test_a_folder_with_and_without_u_is_of_the_mixed_scheme(tmp_path):
    for name, tags in (("a", {}), ("b", {"LDAU": "T", "LDAUU": "5.3 0.0"})):
        made(tmp_path / name / "vasprun.xml", vasprun([MadeStep()], incar=tags))
    found = open_input(tmp_path)
    assert found.functional({}, "frames") == "GGA/GGA+U"
    assert len(list(found.records(functional="GGA/GGA+U").frames(silent))) == 2


def test_each_calculation_of_a_tree_is_read_once(tmp_path):
    spin = {"parameters": {"ISPIN": "2"}}
    steps = [MadeStep(zero=-10.0 - one, magmoms=np.array([one + 1.0, -0.5])) for one in range(3)]
    xml, out = vasprun(steps, **spin), outcar(steps)
    made(tmp_path / "both" / "vasprun.xml", xml)
    made(tmp_path / "both" / "OUTCAR", out)
    made(tmp_path / "xml" / "vasprun.xml", xml)
    made(tmp_path / "xml" / "vasprun.xml.bak", "")
    made(tmp_path / "out" / "deep" / "er" / "OUTCAR", out)
    made(tmp_path / "broken" / "vasprun.xml", xml[: xml.rindex("<structure") - 3000])
    made(tmp_path / "broken" / "OUTCAR", out)
    made(tmp_path / "empty" / "vasprun.xml", "")
    made(tmp_path / "empty" / "OUTCAR", out)
    made(tmp_path / "other" / "config.xml", "<project></project>")
    frames, _, _ = read(tmp_path)
    counts = {
        name: [frame for frame in frames if frame.material_id == name]
        for name in ("both", "xml", "out/deep/er", "broken", "empty")
    }
    for name, of_one in counts.items():
        energies = [frame.energy_per_atom for frame in of_one]
        assert energies == pytest.approx([-5.0, -5.5, -6.0]), name
        assert [frame.frame_id for frame in of_one] == [f"{name}-{one}" for one in range(3)]
    for name in ("both", "out/deep/er", "empty"):
        np.testing.assert_allclose(
            [f.magmoms for f in counts[name]], [[1, 0.5], [2, 0.5], [3, 0.5]]
        )
    assert all(frame.magmoms is None for frame in counts["xml"])


def test_magmoms_of_another_run_are_not_taken(tmp_path):
    made(tmp_path / "a" / "vasprun.xml", vasprun([MadeStep()], parameters={"ISPIN": "2"}))
    other = MadeStep(zero=-11.0, magmoms=np.array([1.0, 2.0]))
    made(tmp_path / "a" / "OUTCAR", outcar([other]))
    frames, _, _ = read(tmp_path)
    assert frames[0].magmoms is None


def test_progress_counts_calculations(tmp_path):
    for number in range(5):
        made(tmp_path / str(number) / "OUTCAR", outcar([MadeStep()]))
    seen: list[tuple[float, str]] = []
    list(source_of(tmp_path).records(lambda share, what: seen.append((share, what))))
    assert seen[-1] == (1.0, "calculations of VASP: 5 of 5")
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)


def test_a_folder_without_calculations_is_no_source(tmp_path):
    made(tmp_path / "x" / "POSCAR", "Li\n1.0\n")
    with pytest.raises(LabError, match="is a folder without outputs of VASP"):
        open_source(tmp_path)


def test_files_of_both_kinds_are_one_form(tmp_path):
    paths = [
        made(tmp_path / "a" / "vasprun.xml", vasprun([MadeStep()])),
        made(tmp_path / "b" / "OUTCAR", outcar([MadeStep()])),
    ]
    source = ManyFiles([source_of(path) for path in paths])
    assert [frame.material_id for frame in RecordFrames(source).frames(silent)] == ["a", "b"]


def test_a_structure_list_of_sevennet(tmp_path):
    folder = FORMATS / "vasp" / "sevennet"
    (tmp_path / "training").mkdir()
    shutil.copyfile(folder / "structure_list", tmp_path / "training" / "structure_list")
    (tmp_path / "data" / "label_1").mkdir(parents=True)
    for number in (1, 2):
        content = gzip.decompress((folder / f"OUTCAR_{number}.gz").read_bytes())
        (tmp_path / "data" / "label_1" / f"OUTCAR_{number}").write_bytes(content)
    frames, reasons, _ = read(tmp_path / "training" / "structure_list")
    assert [frame.frame_id for frame in frames] == ["label_1/1-0", "label_1/2-0"]
    assert frames[0].energy_per_atom == pytest.approx(-28.74078703)
    assert reasons == {"it cannot be opened (no such file or directory)": 8}


def test_steps_that_a_structure_list_asks_for(tmp_path):
    steps = [MadeStep(zero=-10.0 - one) for one in range(6)]
    for name in "ab":
        made(tmp_path / name / "OUTCAR", outcar(steps))
    path = made(tmp_path / "structure_list", "[x]\na/OUTCAR 1:6:2\nb/OUTCAR -1\n")
    assert [frame.frame_id for frame in read(path)[0]] == ["a-1", "a-3", "a-5", "b-5"]
    assert [frame.frame_id for frame in read(path, steps="last")[0]] == ["a-5", "b-5"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nomad_AlN.XDATCAR", "XDATCAR"),
        ("INCAR", "INCAR"),
        ("POSCAR.gz", "POSCAR"),
        ("CONTCAR_relax", "CONTCAR"),
        ("POTCAR", "POTCAR"),
        ("trajectory", "XDATCAR"),
    ],
)
def test_other_files_of_vasp_say_what_to_give_instead(tmp_path, name, kind):
    shutil.copyfile(FORMATS / "vasp" / "nomad_AlN.XDATCAR", tmp_path / name)
    with pytest.raises(LabError, match=rf"\({kind} of VASP\).*vasprun.xml or the OUTCAR"):
        open_source(tmp_path / name)


def test_files_that_no_library_reads_say_what_to_do(tmp_path):
    packed = tmp_path / "OUTCAR.Z"
    packed.write_bytes(b"\x1f\x9d\x90" + bytes(100))
    with pytest.raises(LabError, match=r"OUTCAR.Z: it is packed by compress \(.Z\); .* gunzip"):
        read(packed)


@pytest.mark.parametrize("suffix", ["", "gz", "xz"])
def test_archives_are_not_taken_for_their_first_file(tmp_path, suffix):
    file = made(tmp_path / "OUTCAR", outcar([MadeStep()]))
    path = tmp_path / f"runs.tar.{suffix}".rstrip(".")
    with tarfile.open(path, f"w:{suffix}") as archive:
        archive.add(file, "mp-1/OUTCAR")
    with pytest.raises(LabError, match=r"is an archive \(tar\); unpack it"):
        open_source(path)


XML, OUT = vasprun([MadeStep()]), outcar([MadeStep()])
MALFORMED = {
    "cut header": XML[: XML.index("<atominfo>")],
    "no atoms": XML.replace("<rc><c>Li", "<x><c>Li").replace("</c></rc>", "</c></x>"),
    "entities": '<!DOCTYPE modeling [<!ENTITY a "b">]><modeling>&a;</modeling>',
    "only the start": "<modeling>",
    "binary behind the start": "<modeling>\x00\x01\x02" + 1000 * "\xff",
    "words for numbers": XML.replace("      4.00000000", "     four"),
    "not a number": XML.replace("      4.00000000", "           NaN"),
    "flat cell": XML.replace("      4.00000000", "      0.00000000"),
    "two positions": XML.replace("<v>      0.50000000", "<v>"),
    "elements that are none": XML.replace(">Li<", ">Qq<").replace("Li_sv", "Qq"),
    "energy overflow": XML.replace("    -10.00000000", "****************"),
    "crashed": OUT[: OUT.index("----")],
    "without elements": OUT.replace("TITEL", "GONE").replace("POTCAR:", "GONE:"),
    "counts for words": OUT.replace("ions per type =           1  1", "ions per type = a b"),
    "other counts": OUT.replace("ions per type =           1  1", "ions per type =  3  7"),
    "without forces": OUT[: OUT.index(" POSITION")],
    "without energy": OUT.replace("energy  without", "nothing"),
    "lattice overflow": OUT.replace("  4.000000000", "*************"),
    "energy without a number": OUT.replace("(sigma->0) =", "(sigma->0) = x"),
    "energy that is not finite": OUT.replace("(sigma->0) =      -10.00000000", "(sigma->0) = Inf"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_files_are_one_sentence_and_take_nothing_with_them(tmp_path, case):
    name = "vasprun.xml" if "<modeling" in MALFORMED[case] else "OUTCAR"
    bad = made(tmp_path / "bad" / name, MALFORMED[case])
    with pytest.raises(LabError) as caught:
        read(bad)
    message = str(caught.value)
    assert len(message) < 250
    assert message.count(". ") == 0
    assert "Traceback" not in message
    made(tmp_path / "good" / "OUTCAR", OUT)
    frames, reasons, _ = read(tmp_path)
    assert [frame.material_id for frame in frames] == ["good"]
    assert sum(reasons.values()) == 1
