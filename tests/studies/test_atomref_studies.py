"""Studies of one fit: intervals and priors, in place and kept."""

import numpy as np
import pytest
from pydantic import ValidationError

from core.frames.registry import open_dataset
from core.progress import silent
from core.reference.fits.atomref import fit_lstsq
from core.reference.fits.uncertainty import bootstrap, standard_errors
from core.studies.atomref_intervals import AtomRefIntervals
from core.studies.catalog import study_of
from core.studies.data_efficiency import DataEfficiencyStudy
from core.studies.job.directory import Job
from core.studies.job.local import do_here
from core.studies.model_offset import OffsetStudy
from core.studies.prior_comparison import PriorStudy
from core.studies.selection import PairSelection

PAIRS = PairSelection(
    dataset="mp-structures", source="energy_gga_chgnet", target="energy_r2scan_chgnet"
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


def test_another_checkpoint_of_the_same_name_is_another_study(tmp_path):
    file = tmp_path / "model.pth.tar"
    studies = [
        AtomRefIntervals(pairs=PAIRS, model=str(file)),
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
    assert np.isnan(table.loc[["He", "Ne", "Ac"], "half_width"]).all()
    assert np.isfinite(table.drop(index=["He", "Ne", "Ac"])).all(axis=None)
    assert (table["count"] == [n for n in (X > 0).sum(axis=0) if n]).all()
    kept = do_here(Job.of(study), silent)
    again = Job.of(study_of("atomref-intervals", study.model_dump(mode="json"))).result()
    np.testing.assert_array_equal(again.interval.high, kept.interval.high)
    assert again.interval.level == 0.95


def test_priors_of_the_embedded_pairs_are_compared_and_kept():
    study = PriorStudy(pairs=PAIRS, repeats=5, own_strength=False, strength=1.0)
    found = do_here(Job.of(study), silent)
    assert found.priors == ["shifted", "crystal", "atom", "source"]
    assert found.strength == 1.0
    assert found.mae[0, 0] < 0.1 * found.mae[3, 0]
    again = Job.of(study_of("prior-comparison", study.model_dump(mode="json"))).result()
    assert again.table().equals(found.table())
    own = PriorStudy(pairs=PAIRS, repeats=5)
    assert own.key() != study.key()


def test_settings_tell_studies_apart_and_are_checked():
    one, other = AtomRefIntervals(pairs=PAIRS), AtomRefIntervals(pairs=PAIRS, side="difference")
    assert one.key() != other.key()
    assert one.datasets == ["mp-structures"]
    slow = AtomRefIntervals(pairs=PAIRS, method="residual")
    assert slow.seconds() > 10 * one.seconds()
    with pytest.raises(ValidationError):
        AtomRefIntervals(pairs=PAIRS, strength=0)
    with pytest.raises(ValidationError):
        PriorStudy(pairs=PAIRS, method="lstsq")
