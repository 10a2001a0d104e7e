"""Data: elements, distributions and frames of a data set, and the filters of all three."""

import json
import re

import numpy as np
import pytest
from streamlit.proto.SelectWidgetFilterMode_pb2 import FILTER_MODE_PREFIX

from core.elements import SYMBOLS
from core.frames.registry import open_dataset
from core.frames.schema import Card, Frame
from core.frames.store import write_frames

NAME = "mp-frames-r2scan"


@pytest.fixture(scope="module")
def frames():
    data = open_dataset(NAME)
    return data.frames(range(len(data)))


def has(frame, *symbols):
    return {SYMBOLS[z - 1] for z in frame.atomic_numbers} >= set(symbols)


def counts(at):
    """Return the numbers of frames and materials that are left, as the page says them."""
    (line,) = [one.value for one in at.markdown if one.value.endswith(" materials")]
    numbers = [int(word.replace(",", "")) for word in re.findall(r"[\d,]*\d", line)]
    return (numbers[0], numbers[2]) if len(numbers) == 4 else tuple(numbers)


def box(elements, label):
    return next(one for one in elements if one.label == label)


def drawn(at):
    """Return the elements of the occurrence figure with their hover labels."""
    (figure,) = [one.proto.spec for one in at.get("plotly_chart")]
    return figure


def test_a_data_set_shows_how_often_elements_occur(visit, frames):
    at = visit("data", set=NAME)
    assert counts(at) == (2399, 800)
    table = next(one.value for one in at.dataframe if "share" in one.value)
    expected = sum(has(frame, "Li") for frame in frames)
    assert table.set_index("symbol").loc["Li", "frames"] == expected
    assert f"{expected:,} frames" in drawn(at)
    assert f"describe {NAME}" in at.code[1].value
    assert "Without a label\\: uncorrected energy 2,399, band gap 2,399\\." in [
        one.value for one in at.caption
    ]
    box(at.segmented_control, "Count").set_value("materials").run()
    assert "Materials with the element" in drawn(at)
    box(at.number_input, "Lowest colour up to").set_value(100).run()
    assert json.loads(drawn(at))["layout"]["coloraxis"]["colorbar"]["ticktext"][0] == "≤ 100"


def test_filters_keep_frames_and_are_part_of_the_link(visit, frames):
    at = visit("data", set=NAME, elements=["O"], none=["H", "C"], to="20")
    kept = [
        frame
        for frame in frames
        if has(frame, "O") and not has(frame, "H") and not has(frame, "C") and len(frame) <= 20
    ]
    assert counts(at) == (len(kept), len({frame.material_id for frame in kept}))
    assert at.code[1].value.endswith("--all-of O --none-of H,C --max-atoms 20")
    box(at.multiselect, "All of these elements").set_value([]).run()
    box(at.multiselect, "None of these").set_value([]).run()
    box(at.multiselect, "Any of these").set_value(["F", "Cl"]).run()
    box(at.number_input, "to").set_value(None).run()
    kept = [frame for frame in frames if has(frame, "F") or has(frame, "Cl")]
    assert counts(at)[0] == len(kept)
    box(at.number_input, "Atoms, from").set_value(10).run()
    assert counts(at)[0] == sum(len(frame) >= 10 for frame in kept)
    assert at.code[1].value.endswith("--any-of F,Cl --min-atoms 10")


def test_a_chemical_system_is_those_elements_alone(visit, frames):
    at = visit("data", set=NAME, system="la-O")
    kept = [
        frame for frame in frames if has(frame, "La", "O") and len(set(frame.atomic_numbers)) == 2
    ]
    assert counts(at)[0] == len(kept) > 0
    box(at.text_input, "Chemical system").set_value("Li-Xx").run()
    assert "'Xx' is not an element" in at.error[0].value.replace("\\", "")
    box(at.text_input, "Chemical system").set_value("He-Pu").run()
    assert counts(at)[0] == 0, "an empty choice is shown as such"
    assert not at.exception


def test_limits_of_a_quantity(visit, frames):
    at = visit("data", set=NAME)
    assert box(at.number_input, "At least").disabled
    box(at.selectbox, "Limits of").select("Largest |force| (eV/Å)").run()
    box(at.number_input, "At least").set_value(5.0).run()
    largest = np.array([np.linalg.norm(frame.forces, axis=1).max() for frame in frames])
    assert counts(at)[0] == np.count_nonzero(largest >= 5)
    assert at.code[1].value.endswith("--range force=5:")


def test_distributions_count_every_frame(visit, frames):
    at = visit("data", set=NAME, view="Distributions", elements=["O"])
    table = next(one.value for one in at.dataframe if "median" in one.value).set_index("key")
    kept = [frame for frame in frames if has(frame, "O")]
    assert table.loc["n_atoms", "largest"] == max(len(frame) for frame in kept)
    energies = [frame.energy_per_atom for frame in kept]
    assert table.loc["energy", "median"] == pytest.approx(np.median(energies), rel=1e-5)
    assert "selected frames" in drawn(at)
    box(at.toggle, "Logarithmic counts").set_value(False).run()
    assert '"type":"log"' not in drawn(at).replace(" ", "")


def test_frames_are_sorted_and_paged(visit, frames):
    at = visit(
        "data", set=NAME, view="Frames", sort="Largest |force|", order="largest first", page="2"
    )
    table = next(one.value for one in at.dataframe if "frame_id" in one.value)
    largest = np.array([np.linalg.norm(frame.forces, axis=1).max() for frame in frames])
    order = np.argsort(-largest.astype(np.float32), kind="stable")[25:50]
    assert table["frame_id"].tolist() == [frames[row].frame_id for row in order]
    assert at.code[1].value.endswith("--sort=-force --rows 50")
    first = frames[order[0]]
    assert any(
        one.value.startswith(f"**{first.frame_id}".replace("-", "\\-")) for one in at.markdown
    )
    atoms = next(one.value for one in at.dataframe if "element" in one.value)
    np.testing.assert_allclose(atoms[["Fx", "Fy", "Fz"]], first.forces)
    at = visit("data", set=NAME, view="Frames", frame=frames[3].frame_id)
    assert any(f"{frames[3].frame_id},".replace("-", "\\-") in one.value for one in at.markdown)


def test_labels_that_are_missing_are_counted_and_asked_for(visit, home):
    lone = {
        "atomic_numbers": np.array([3]),
        "frac_coords": np.zeros((1, 3)),
        "lattice": 4 * np.eye(3),
    }
    frames = [
        Frame(frame_id="a", material_id="m", energy_per_atom=-1.0, magmoms=np.ones(1), **lone),
        Frame(frame_id="b", material_id="m", energy_per_atom=-2.0, **lone),
    ]
    card = Card(name="few", kind="frames", functional="PBE")
    write_frames(home / "datasets" / "few", card, frames)
    at = visit("data", set="few")
    said = " ".join(one.value for one in at.caption).replace("\\", "")
    assert "forces 2, stress 2, magmoms 1" in said
    box(at.multiselect, "Labelled with").set_value(["magmom"]).run()
    assert counts(at)[0] == 1
    assert at.code[1].value.endswith("--labels magmom")
    at.query_params["view"] = "Distributions"
    box(at.segmented_control, "View").set_value("distributions").run()
    assert not at.exception


@pytest.mark.parametrize("view", ["Elements", "Distributions", "Frames"])
def test_pairs_are_shown_by_their_energies(visit, view):
    at = visit("data", set="mp-structures", view=view)
    assert counts(at) == (6238, 6238)
    elements = box(at.multiselect, "All of these elements")
    # Enter takes the symbol that is typed, not all that contain its letters.
    assert (elements.proto.select_all, elements.proto.filter_mode) == (0, FILTER_MODE_PREFIX)
    elements.set_value(["Fe", "O"]).run()
    assert 0 < counts(at)[0] < 6238
    assert not at.error
    if view == "Frames":
        box(at.multiselect, "All of these elements").set_value(["He", "Pu"]).run()
        assert "No pairs are left" in at.info[0].value


def test_a_filter_leads_back_to_a_page_that_exists(visit):
    at = visit("data", set=NAME, view="Frames", page="90")
    box(at.multiselect, "All of these elements").set_value(["Li", "Fe"]).run()
    assert not at.exception, at.exception
    table = next(one.value for one in at.dataframe if "frame_id" in one.value)
    assert len(table) == 6
    at = visit("data", set=NAME, view="Frames", page="9999")
    assert not at.error
