"""Quantum ESPRESSO's XML gives what the text output of the same run does."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import LabError
from core.frames.schema import Card, Frame
from core.frames.sources.opening import open_source
from core.frames.sources.record_frames import RecordFrames
from core.progress import silent

CODES = Path(__file__).parents[3] / "data" / "formats" / "codes"
XML = gzip.decompress((CODES / "qe_TiO2_data-file-schema.xml.gz").read_bytes()).decode()
BEFORE = XML[: XML.index("<step>")]
STEP = XML[XML.index("<step>") : XML.index("</step>") + len("</step>")]


def read(path: Path) -> tuple[list[Frame], list[str]]:
    source = open_source(path)
    assert source is not None
    records = RecordFrames(source)
    frames = list(records.frames(silent))
    report = records.describe(Card(name="x", kind="frames", n=len(frames))).report
    assert report is not None
    return frames, [refused.why for refused in report.refused]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "data-file-schema.xml"
        path.write_text(text)
        return path

    return written


def test_steps_are_those_of_the_text_output(written):
    source = open_source(written(XML))
    assert source is not None
    assert (source.form, source.functional) == ("espresso-xml", "PBE-D3")
    frames, refused = read(written(XML))
    others, _ = read(CODES / "qe_TiO2_opt_pw.out.gz")
    assert not refused
    assert len(frames) == len(others) == 6
    for frame, other in zip(frames, others, strict=True):
        assert frame.atomic_numbers.tolist() == other.atomic_numbers.tolist()
        # ASE takes the Rydberg of CODATA 2006 for the text
        assert frame.energy_per_atom == pytest.approx(other.energy_per_atom, rel=1e-7)
        np.testing.assert_allclose(frame.forces, other.forces, atol=1e-6)
        np.testing.assert_allclose(frame.stress, other.stress, atol=1e-4)
        np.testing.assert_allclose(frame.lattice, other.lattice, atol=2e-6)


def test_a_last_state_that_is_the_last_step_is_one_frame(written):
    output = STEP.replace("<step>", "<output>").replace("</step>", "</output>")
    frames, refused = read(written(f"{BEFORE}{STEP}{output}</qes:espresso>"))
    assert (len(frames), refused) == (1, [])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("achieved>true", "achieved>false"), "did not converge"),
        (("etot>", "other>"), "no energy"),
        (("<etot>-2", "<etot>two"), "incomplete or damaged"),
        (('name="Ti"', 'name=""'), "incomplete or damaged"),
        (('name="Ti"', 'name="Xx"'), "'Xx', which is not an element"),
        (("atomic_structure", "structure"), "no structure"),
        (("<forces ", "<forces>1.0 2.0 3.0</forces><other "), "damaged"),
    ],
)
def test_a_broken_step_is_left_out(change, why, written):
    frames, (refused,) = read(written(f"{BEFORE}{STEP}{STEP.replace(*change)}</qes:espresso>"))
    assert len(frames) == 1
    assert why in refused


def test_an_encoding_that_is_none_is_told(written):
    with pytest.raises(LabError, match="the XML is damaged"):
        read(written(XML.replace("UTF-8", "UTF-9", 1)))


def test_steps_before_a_break_are_taken(written):
    frames, (refused,) = read(written(BEFORE + STEP + STEP[:2000]))
    assert len(frames) == 1
    assert refused.startswith("the XML is damaged")


@pytest.mark.parametrize(
    ("dft", "functional"),
    [
        ("<functional>PBESOL</functional>", "PBEsol"),
        (
            "<functional>SCAN</functional><dftU><lda_plus_u_kind>0</lda_plus_u_kind></dftU>",
            "SCAN+U",
        ),
        ("<functional>PBE</functional><vdW><vdw_corr>grimme-d2</vdw_corr></vdW>", "PBE-D2"),
        ("<functional>XYZ</functional>", None),
    ],
)
def test_functionals_are_those_of_the_run(dft, functional, written):
    begin, end = XML.index("<dft>"), XML.index("</dft>")
    source = open_source(written(f"{XML[:begin]}<dft>{dft}{XML[end:]}"))
    assert source is not None
    assert source.functional == functional


def test_a_document_type_is_not_read(written):
    entities = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
    path = written(XML.replace("<qes:espresso", f"{entities}<qes:espresso", 1))
    source = open_source(path, "espresso-xml")
    assert source is not None
    assert not source.recognises(path)
    with pytest.raises(LabError, match="does not begin as"):
        list(RecordFrames(source).frames(silent))


def test_labels_of_species_are_elements(written):
    frames, _ = read(written(XML.replace('name="Ti"', 'name="Ti1"').replace('"O"', '"O_up"')))
    assert set(frames[0].atomic_numbers.tolist()) == {8, 22}
