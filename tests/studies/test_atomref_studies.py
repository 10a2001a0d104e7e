"""Studies of one fit, computed and stored."""

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import LabError
from core.frames.registry import open_dataset
from core.progress import silent
from core.reference.fits.atomref import fit_lstsq, fit_ridge
from core.reference.fits.uncertainty import bootstrap, standard_errors
from core.studies.atomref_fit import AtomRefStudy
from core.studies.atomref_intervals import AtomRefIntervals
from core.studies.catalog import study_of
from core.studies.data_efficiency import DataEfficiencyStudy
from core.studies.job.directory import Job
from core.studies.job.local import compute_here
from core.studies.model_offset import OffsetStudy
from core.studies.prior_comparison import PriorStudy
from core.studies.selection import EnergySelection, PairSelection

PAIRS = PairSelection(
    dataset="mp-structures", source="energy_gga_chgnet", target="energy_r2scan_chgnet"
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


def test_another_checkpoint_of_the_same_name_is_another_study(tmp_path):
    file = tmp_path / "model.pth.tar"
    studies = [
        AtomRefIntervals(pairs=PAIRS, method="ridge", model=str(file)),
        DataEfficiencyStudy(pairs=PAIRS, model=str(file)),
        OffsetStudy(dataset="mp-structures", model=str(file)),
    ]
    keys = []
    for content in (b"one", b"another"):
        file.write_bytes(content)
        keys.append([study.key() for study in studies])
    assert all(before != after for before, after in zip(*keys, strict=True))


def test_intervals_of_the_embedded_pairs_are_kept():
    study = AtomRefIntervals(pairs=PAIRS, resamplings=100)
    told = []
    found = study.compute(lambda share, _: told.append(share))
    data = open_dataset("mp-structures")
    X, y = data.fractions(), data.energy("energy_r2scan_chgnet")
    materials = data.table()["material_id"].to_numpy()
    fit = fit_lstsq(X, y, functional="r2SCAN")
    np.testing.assert_array_equal(found.errors, standard_errors(fit, X, y, materials))
    expected = bootstrap(X, y, materials, fit=fit, n=100)
    np.testing.assert_array_equal(found.interval.low, expected.low)
    assert told[-1] == 1.0
    assert told == sorted(told)
    table = found.table().set_index("symbol")
    # He, Ne and Ac are in one material each; of Kr, Pa and Xe, three to six say nothing.
    unknown = ["He", "Ne", "Ac", "Kr", "Pa", "Xe"]
    assert np.isnan(table.loc[unknown, ["half_width", "low", "high"]]).all(axis=None)
    assert np.isfinite(table.drop(index=unknown)).all(axis=None)
    assert sorted(found.overview(10).undetermined) == sorted(unknown)
    assert found.overview(10).widest[0] < 5
    assert (table["count"] == [n for n in (X > 0).sum(axis=0) if n]).all()
    kept = compute_here(Job.of(study), silent)
    again = Job.of(study_of("atomref-intervals", study.model_dump(mode="json"))).result()
    np.testing.assert_array_equal(again.interval.high, kept.interval.high)
    assert again.interval.level == 0.95


def test_priors_of_the_embedded_pairs_are_compared_and_kept():
    study = PriorStudy(pairs=PAIRS, repeats=5, own_strength=False, strength=1.0)
    found = compute_here(Job.of(study), silent)
    assert found.priors == ["shifted", "crystal", "atom", "source"]
    assert found.strength == 1.0
    assert found.mae[0, 0] < 0.1 * found.mae[3, 0]
    again = Job.of(study_of("prior-comparison", study.model_dump(mode="json"))).result()
    assert again.table().equals(found.table())
    own = PriorStudy(pairs=PAIRS, repeats=5)
    assert own.key() != study.key()


def test_page_and_command_ask_for_one_comparison_of_priors():
    on_page = AtomRefStudy(pairs=PAIRS, method="ridge", strength=0.3, start="atom")
    alone = EnergySelection(dataset="mp-structures", column="energy_r2scan_chgnet")
    asked = [on_page, on_page.model_copy(update={"pairs": alone})]
    asked.append(on_page.model_copy(update={"pairs": alone.model_copy(update={"column": None})}))
    keys = {PriorStudy.of(study, own_strength=False).key() for study in asked}
    assert len(keys) == 1
    automatic = on_page.model_copy(update={"strength": "auto"})
    own = {PriorStudy.of(it, own_strength=True).key() for it in (on_page, automatic)}
    assert own == {PriorStudy.of(automatic, own_strength=False).key()}
    assert not own & keys
    source = on_page.model_copy(update={"side": "source"})
    assert PriorStudy.of(source, own_strength=False).pairs.column == "energy_gga_chgnet"


@pytest.fixture(scope="module")
def pairs():
    return PAIRS.open().pairs


def fitted(side, method="lstsq"):
    return AtomRefStudy(pairs=PAIRS, side=side, method=method, strength=0.3).fitted(silent)


def test_sides_are_their_energies(pairs):
    for side, energies, functional in (
        ("target", pairs.target, "r2SCAN"),
        ("source", pairs.source, "GGA/GGA+U"),
    ):
        found = fitted(side)
        expected = fit_lstsq(pairs.fractions, energies, functional=functional)
        np.testing.assert_array_equal(found.atomref.energies, expected.energies)
        assert found.atomref.functional == functional
        assert found.atomref.labels != "dft"
        np.testing.assert_array_equal(found.energies, energies)


def test_the_difference_is_the_fit_to_the_shift(pairs):
    found = fitted("difference")
    expected = fit_lstsq(pairs.fractions, pairs.shift, functional="shift")
    np.testing.assert_allclose(found.atomref.energies, expected.energies, atol=1e-8)
    assert found.atomref.functional == "r2SCAN − GGA/GGA+U"
    pulled = fitted("difference", "ridge")
    expected = fit_ridge(
        pairs.fractions, pairs.shift, prior=pulled.prior, strength=0.3, functional="shift"
    )
    np.testing.assert_allclose(pulled.atomref.energies, expected.energies, atol=1e-8)
    np.testing.assert_allclose(
        standard_errors(pulled.atomref, pulled.fractions, pulled.energies, pulled.materials),
        standard_errors(expected, pairs.fractions, pairs.shift, pairs.material_id),
        rtol=1e-6,
    )


def test_the_difference_of_huber_fits_is_not_a_fit():
    with pytest.raises(LabError, match="not linear"):
        fitted("difference", "huber")


def test_settings_tell_studies_apart_and_are_checked():
    one, other = AtomRefIntervals(pairs=PAIRS), AtomRefIntervals(pairs=PAIRS, side="difference")
    assert one.key() != other.key()
    assert one.datasets == ["mp-structures"]
    slow = AtomRefIntervals(pairs=PAIRS, method="residual")
    assert slow.seconds() > 10 * one.seconds()
    with pytest.raises(ValidationError):
        AtomRefIntervals(pairs=PAIRS, method="ridge", strength=0)
    with pytest.raises(ValidationError):
        PriorStudy(pairs=PAIRS, method="lstsq")
    free = AtomRefStudy(pairs=PAIRS, strength=5, model="chgnet-r2scan")
    assert free == AtomRefStudy(pairs=PAIRS)


def test_commands_compute_the_same_fit():
    command = AtomRefStudy(pairs=PAIRS, method="ridge", strength="auto", start="atom").command
    assert command == (
        "atomref atomref mp-structures --column energy_r2scan_chgnet --method ridge "
        "--model chgnet-0.3.0 --strength auto --prior atom"
    )
    frames = PairSelection(dataset="mp-frames-gga", other="mp-frames-r2scan")
    difference = AtomRefStudy(pairs=frames, side="difference").command
    assert difference.endswith("atomref mp-frames-r2scan --method lstsq --minus mp-frames-gga")
    source = AtomRefStudy(pairs=frames, side="source").command
    assert source.endswith("atomref mp-frames-gga --method lstsq")
