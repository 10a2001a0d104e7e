"""Single wrong energies and mixtures are seen; the energies of one functional are not."""

import numpy as np
import pandas as pd
import pytest

from core.elements import SYMBOLS, fractions_from_formulas
from core.frames.registry import open_frame_set
from core.reference.fits.energy_scatter import mismatch_findings, scatter_findings
from core.reference.fits.facts import family_facts


@pytest.fixture(scope="module", params=["mp-frames-gga", "mp-frames-r2scan"])
def frames(request):
    data = open_frame_set(request.param)
    return data.fractions(), data.energies(), data.table()["frame_id"].to_numpy()


def test_energies_of_one_functional_raise_nothing(frames):
    assert scatter_findings(*frames) == []


def test_a_wrong_energy_is_named(frames):
    fractions, energies, names = frames
    wrong = energies.copy()
    wrong[7] += 620
    (finding,) = scatter_findings(fractions, wrong, names)
    assert finding.kind == "energy_outliers"
    assert finding.message.startswith("1 energies")
    assert f"{names[7]} by +62" in finding.message


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_energies_of_two_functionals_are_a_mixture(share):
    gga, r2scan = open_frame_set("mp-frames-gga"), open_frame_set("mp-frames-r2scan")
    ids = pd.Index(gga.table()["frame_id"])
    place = ids.get_indexer(r2scan.table()["frame_id"])
    other = np.random.default_rng(0).random(len(ids)) < share
    energies = np.where(other, r2scan.energies()[np.argsort(place)], gga.energies())
    (finding,) = scatter_findings(gga.fractions(), energies, ids.to_numpy())
    assert finding.kind == "energy_mixture"


@pytest.mark.parametrize("seed", range(3))
def test_energies_in_another_order_are_those_of_other_rows(frames, seed):
    fractions, energies, names = frames
    order = np.random.default_rng(seed).permutation(len(energies))
    (finding,) = scatter_findings(fractions, energies[order], names)
    assert "belong to other rows" in finding.message
    assert mismatch_findings(fractions, energies) == []


def test_energies_of_formation_are_those_of_their_rows():
    data = open_frame_set("mp-frames-gga")
    facts = family_facts("mp")["e_crystal_pbe"]
    elements = np.array([facts.get(symbol, 0.0) for symbol in SYMBOLS])
    formation = data.energies() - data.fractions() @ elements
    assert mismatch_findings(data.fractions(), 2 * formation) == []


def test_energies_that_are_all_far_off_are_of_other_rows_or_scales(frames):
    fractions, energies, _ = frames
    far = np.random.default_rng(0).choice([-1e4, 1e4], len(energies))
    (finding,) = mismatch_findings(fractions, energies + far)
    assert finding.kind == "energy_mixture"


def test_few_energies_say_nothing():
    fractions = fractions_from_formulas(["LiF", "NaCl"] * 5)
    assert scatter_findings(fractions, np.arange(10.0) * 100, np.arange(10).astype(str)) == []
