"""Studies of a run before it starts: which settings they depend on, and what is kept of them."""

import pytest

from core.checks.diagnosis import Diagnosis, stored
from core.frames.findings import Finding
from core.reference.fits.library import given_atomref, save_atomref
from core.studies.models.preflight import preflight_studies, run_checks, run_findings
from core.training.settings.config import RunConfig
from core.training.settings.methods import METHODS

DATA = "mp-frames-r2scan"
CONFIG = RunConfig(dataset=DATA, frames=300)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))


def keys(config=CONFIG, **changes):
    studies = preflight_studies(RunConfig(**config.model_dump() | changes))
    return {method: study.key() for method, study in studies.items()}


def changed(**changes):
    """Methods whose preflight other settings change."""
    before, after = keys(), keys(**changes)
    return {method for method in METHODS if before[method] != after[method]}


def test_methods_that_begin_alike_have_one_preflight():
    found = keys(method="refit")
    assert list(found) == ["refit", *(method for method in METHODS if method != "refit")]
    assert found["trainable"] == found["frozen"]
    assert found["residual"] == found["linearised"] == found["multifidelity"]
    assert len(set(found.values())) == 4


def test_a_preflight_depends_on_what_changes_its_result_alone():
    later = {"epochs": 9, "learning_rate": 0.1, "device": "cpu", "threads": 1, "name": "mine"}
    assert not changed(**later)
    assert not changed(loss={"energy": 7.0, "force": 0.1})
    everything = set(METHODS)
    assert changed(loss={"magmom": 0.0}) == everything
    assert changed(frames=200) == changed(source_model="chgnet-r2scan") == everything
    pulled = {"residual", "linearised", "multifidelity"}
    assert changed(ridge_strength=0.1) == pulled
    save_atomref("mine", given_atomref({"O": -1.0}, "r2SCAN"))
    assert changed(atomref="mine") == everything - {"refit"}


def test_findings_name_the_further_data_set_and_what_the_method_costs():
    offset = {"as_is": 900.0, "constant": 500.0, "atomref": 70.0, "residual": 60.0}
    twice = Finding(kind="duplicates", severity="warning", message="Two are alike.", rows=[1])
    diagnoses = {
        DATA: Diagnosis(n=5, offset=offset),
        "mp-frames-gga": Diagnosis(n=5, **stored([twice])),
    }
    several = {"method": "multifidelity", "functionals": {"datasets": ("mp-frames-gga",)}}
    config = RunConfig(**CONFIG.model_dump() | several)
    checks = run_checks(config)
    assert list(checks) == list(diagnoses)
    assert [check.frames for check in checks.values()] == [300, None]
    (only,) = run_findings(config, diagnoses)
    assert only.message == "mp-frames-gga: Two are alike."
    costly, _ = run_findings(RunConfig(dataset=DATA, method="frozen"), diagnoses)
    assert costly.cost == pytest.approx(840)
