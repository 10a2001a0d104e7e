import pytest
from pymatgen.core import Lattice, Structure

from core.errors import LabError
from core.frames.schema import Card
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

SALT = Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])


@pytest.fixture
def folder(tmp_path):
    SALT.to(filename=str(tmp_path / "POSCAR-1.vasp"), fmt="poscar")
    SALT.to(filename=str(tmp_path / "two.cif"))
    (tmp_path / "bad.cif").write_text("no structure")
    rows = ["POSCAR-1.vasp,-3.5", "two,-4", "../secret,1", "missing.vasp,1", "bad,1", "two,x"]
    (tmp_path / "id_prop.csv").write_text("\n".join(rows))
    return tmp_path


@pytest.mark.parametrize("name", ["", "id_prop.csv"])
def test_targets_may_be_energies(folder, name):
    source = open_source(folder / name)
    assert source is not None
    assert source.form == "id-prop"
    frames = RecordFrames(source, mapping={"energy": "target"}, units={"energy": "eV/atom"})
    found = list(frames.frames(silent))
    assert [frame.energy_per_atom for frame in found] == [-3.5, -4]
    assert [frame.frame_id for frame in found] == ["POSCAR-1.vasp", "two"]
    assert [frame.atomic_numbers.tolist() for frame in found] == [[11, 17], [11, 17]]
    report = frames.describe(Card(name="x", kind="frames")).report
    assert report is not None
    places = [one.where for one in report.refused]
    assert places == [f"line {number} of id_prop.csv" for number in range(3, 7)]


def test_targets_are_not_taken_for_energies(folder):
    source = open_source(folder)
    assert source is not None
    with pytest.raises(LabError, match=r"--map energy=KEY: id, target"):
        RecordFrames(source)
