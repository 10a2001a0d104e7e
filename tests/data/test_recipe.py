"""The recipe's parts that need no download: archive members and the files it writes."""

import csv
import hashlib
import importlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from chgnet.model import CHGNet
from pymatgen.core import Structure
from sklearn.linear_model import Ridge

from core.elements import SYMBOLS
from core.frames.registry import open_dataset, open_frame_set
from core.frames.splits import training_subset
from core.potential.models import atomref_of, load_model, model_fingerprint
from core.potential.released import MODELS
from core.progress import silent
from core.reference.importance.trees import fitted_trees
from core.studies.check import CheckStudy
from core.studies.job.directory import EMBEDDED_RESULTS, Job
from core.studies.models.labelled import LabelledStudy, mismatch
from core.studies.models.preflight import preflight_studies, run_checks
from core.studies.prior_comparison import PriorStudy

DATA = Path(__file__).parents[2] / "data"
CONTENT = b'{"Fe": 1}'
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(str(DATA / "recipes"))
    return importlib.import_module


@pytest.fixture
def archives(tmp_path):
    with tarfile.open(tmp_path / "thing-1.0.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("thing-1.0/src/refs.json")
        entry.size = len(CONTENT)
        tar.addfile(entry, io.BytesIO(CONTENT))
    with zipfile.ZipFile(tmp_path / "thing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("src/refs.json", CONTENT)
    return tmp_path


@pytest.mark.parametrize("sdist", [True, False])
def test_members_are_read_from_the_cache_and_checked(recipe, archives, sdist):
    fetch = recipe("fetch")
    archive = fetch.fetch("thing==1.0", archives, sdist=sdist)
    assert archive.suffix == (".gz" if sdist else ".whl")
    assert fetch.member(archive, "src/refs.json", SHA256) == CONTENT
    with pytest.raises(ValueError, match="has no member src/none"):
        fetch.member(archive, "src/none", SHA256)
    with pytest.raises(ValueError, match="has SHA-256"):
        fetch.member(archive, "src/refs.json", "0" * 64)


def test_committed_files_are_what_the_recipe_writes(recipe):
    elements = recipe("elements")
    text = (DATA / "elements" / "facts.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    facts = [
        elements.Fact(
            **{k: (float(v) if v else None) if k.startswith("e_") else v for k, v in row.items()}
        )
        for row in rows
    ]
    assert elements.as_csv(facts) == text
    card = json.loads((DATA / "elements" / "facts.json").read_text())
    assert elements.make_card(facts) == card


def test_geometry_is_compared_number_for_number(recipe):
    same = recipe("elements").is_same_geometry
    sites = [{"abc": [0.0, 0.0, 0.0]}]
    one = {"structure": {"lattice": {"matrix": [[1, 0, 0]]}, "sites": sites}}
    other = {"structure": {"lattice": {"matrix": [[1, 0, 1e-9]]}, "sites": sites}}
    assert same(one, one)
    assert not same(one, other)


def test_results_of_the_embedded_data_are_what_their_studies_find(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    jobs = [Job.of(study) for study in recipe("results").studies()]
    assert all(job.is_done for job in jobs)
    assert {job.file for job in jobs} == set(EMBEDDED_RESULTS.iterdir())
    *importances, stability, offset = (job.result() for job in jobs[:4])
    assert [job.result().n for job in jobs[4:10]] == [6238] * 2 + [2399] * 4
    assert not any(job.result().n_left_out for job in jobs[4:10])
    assert [importance.corrections for importance in importances] == ["MP2020", "none"]
    # The model that made the labels predicts them.
    labels = open_dataset("mp-structures").energy(jobs[2].study.column)
    rows = stability.reference.rows
    np.testing.assert_array_equal(stability.reference.energies, labels[rows])
    np.testing.assert_allclose(stability.model.energies, labels[rows], atol=1e-4)
    assert stability.comparison().decomposition_mae < 0.1
    # The same frames have the other model's predictions as labels.
    known, new = (open_dataset(f"mp-frames-{name}").energies() for name in ("gga", "r2scan"))
    rows = offset.found.rows
    np.testing.assert_allclose(offset.found.residuals[:, 0], (new - known)[rows], atol=1e-4)
    # All rows are explained, so the final trees were fitted to them in this order.
    stored = importances[0].importance
    rows = stored.shap_rows
    pairs = jobs[0].study.pairs.open().pairs.select(rows)
    np.testing.assert_array_equal(np.sort(rows), stored.rows)
    X = pairs.fractions[:, stored.counts > 0].astype(np.float32)
    values = stored.differences[np.argsort(np.argsort(rows))]
    trees = fitted_trees(X, values, threads=1, seed=0, progress=silent, what="")
    shap, base = trees.contributions(X[::60], progress=silent)
    np.testing.assert_allclose(stored.shap[::60, stored.counts > 0], shap, atol=2e-4)
    means = np.abs(stored.shap.astype(float)).mean(axis=0)
    assert stored.base == pytest.approx(base, abs=1e-5)
    np.testing.assert_allclose(stored.importance, np.where(stored.counts, means, np.nan), rtol=1e-5)


def test_shipped_predictions_are_the_labels_that_the_models_gave(recipe):
    made = {"chgnet-0.3.0": "mp-frames-gga", "chgnet-r2scan": "mp-frames-r2scan"}
    for job in map(Job.of, recipe("results").studies()):
        if not isinstance(study := job.study, LabelledStudy):
            continue
        asked, own = open_frame_set(study.dataset), open_frame_set(made[study.model])
        found = job.result()
        rows = found.frames.rows
        np.testing.assert_array_equal(rows, asked.split().test)
        for data, errors in ((asked, "label"), (own, "predicted")):
            frames = [data.frame(row) for row in rows]
            labels = {
                "energy": data.energies()[rows],
                "force": np.concatenate([frame.forces for frame in frames]),
                "stress": np.array([frame.stress for frame in frames]),
                "magmom": np.concatenate([frame.magmoms for frame in frames]),
            }
            for kind, values in labels.items():
                # The labels are of double precision, the predictions of single.
                np.testing.assert_allclose(
                    getattr(found.frames, f"{kind}_{errors}"), values, atol=1e-3, err_msg=kind
                )
        model = MODELS[study.model]
        assert found.mismatch == mismatch(
            asked.card, model.functional, model.corrections, study.model
        )


def test_shipped_checks_find_the_shift_and_nothing_in_labels_of_the_model(recipe):
    studies = (one for one in recipe("results").studies() if isinstance(one, CheckStudy))
    new, own, pairs = (Job.of(study).result() for study in studies)
    assert not own.records
    for kind in ("energy", "force", "stress", "magmom"):
        assert np.abs(getattr(own, kind)).max() < 5e-4
    known, other = (open_frame_set(f"mp-frames-{name}").energies() for name in ("gga", "r2scan"))
    # The check compares a sample.
    assert new.offset["as_is"] == pytest.approx(1000 * np.abs(other - known).mean(), rel=0.05)
    assert {one["kind"] for one in pairs.records} >= {"duplicates", "few_per_element"}
    counts = (open_dataset("mp-structures").fractions() > 0).sum(axis=0)
    few = next(one["message"] for one in pairs.records if one["kind"] == "few_per_element")
    for number in np.flatnonzero((counts > 0) & (counts < 3)):
        assert f"{SYMBOLS[number]} ({counts[number]})" in few


def test_shipped_preflights_are_the_errors_of_both_models_labels(recipe):
    """chgnet-0.3.0 predicts its own labels of the same frames, so no network is needed."""
    first_run = recipe("results").FIRST_RUN
    found = {name: Job.of(one).result() for name, one in preflight_studies(first_run).items()}
    data = open_frame_set(first_run.dataset)
    own, new = open_frame_set("mp-frames-gga").energies(), data.energies()
    fractions, split = data.fractions(), data.split()
    train = training_subset(data.material_ids(), split.train, 300, seed=0)
    references = {
        "frozen": atomref_of("chgnet-0.3.0"),
        "refit": np.linalg.lstsq(fractions[train], new[train], rcond=None)[0],
    }
    network = own - fractions @ references["frozen"]
    rows = split.validation
    # The preflight compares a sample of them.
    for method, atomref in references.items():
        error = 1000 * np.abs(network + fractions @ atomref - new)[rows].mean()
        assert found[method].energy_mae_mev_per_atom == pytest.approx(error, rel=0.05)
    assert found["residual"].energy_mae_mev_per_atom < 100
    assert found["residual"].n_train == found["residual"].atomref.n == len(train)
    (check,) = (Job.of(one).result() for one in run_checks(first_run).values())
    assert check.n == len(train) + len(split.validation) + len(split.test)


@pytest.mark.parametrize("model", ["chgnet-0.3.0", "chgnet-r2scan"])
def test_shipped_interaction_energies_are_what_stock_chgnet_predicts(recipe, model):
    interaction = recipe("interaction")
    directory = interaction.INTERACTION / model_fingerprint(load_model(model))
    stock = CHGNet.load(model_name=model.removeprefix("chgnet-"), use_device="cpu", verbose=False)
    for name in ("mp-frames-gga", "mp-frames-r2scan", "mp-structures"):
        data = open_dataset(name)
        with np.load(directory / f"{data.fingerprint}.npz") as stored:
            np.testing.assert_array_equal(stored["rows"], np.arange(len(data)))
            values = stored["values"]
        # The sums of a matrix product depend on the machine.
        expected = interaction.interaction_energies(name, model)
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
        rows = np.flatnonzero(data.n_atoms() < 4)[[0, -1]]
        for row, frame in zip(rows, data.frames(rows), strict=True):
            lattice = frame.lattice
            structure = Structure(lattice, frame.atomic_numbers, frame.frac_coords)
            total = stock.predict_structure(structure)["e"]
            expected = total - data.fractions()[row] @ atomref_of(model)
            assert values[row] == pytest.approx(expected, abs=2e-5)


def test_the_shipped_comparison_of_priors_has_the_errors_of_ridge(recipe):
    (study,) = (one for one in recipe("results").studies() if isinstance(one, PriorStudy))
    found = Job.of(study).result()
    assert (found.repeats, found.sizes[-1], found.n_held_out) == (20, 1000, 1248)
    data = open_dataset("mp-structures")
    X, y = data.fractions(), data.energy(study.pairs.column)
    rng = np.random.default_rng(0)
    for place, prior in enumerate(study.source.priors("r2SCAN").values()):
        left, errors = y - X @ prior.energies, []
        for _ in range(3):
            train, test = np.split(rng.permutation(len(y))[: 1000 + found.n_held_out], [1000])
            # One strength for all elements, near those that the fits find for themselves.
            departure = Ridge(alpha=0.01, fit_intercept=False).fit(X[train], left[train]).coef_
            errors.append(np.abs(left[test] - X[test] @ departure).mean())
        assert np.median(errors) == pytest.approx(found.mae[place, -1], rel=0.1)
