"""The data efficiency study: from the name of a data set to a saved result."""

import numpy as np
import pytest

from core.potential.models import get_atomref, load_model
from core.progress import silent
from core.reference.fits.priors import prior
from core.reference.shifts.data_efficiency import data_efficiency
from core.studies.catalog import study_of
from core.studies.job.directory import Job
from core.studies.job.local import compute_here


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(tmp_path))
    pairs = {
        "dataset": "mp-structures",
        "source": "energy_gga_chgnet",
        "target": "energy_r2scan_chgnet",
    }
    return study_of("few", {"pairs": pairs, "elements": ["O"], "seed": 3})


def test_result_is_that_of_its_parts_and_is_kept(study):
    job = Job.of(study)
    result = compute_here(job, silent)
    kept = Job.of(study).result()
    np.testing.assert_array_equal(kept.curve.mae, result.curve.mae)
    assert "crystal shift" in result.target_prior
    pairs = study.pairs.open().pairs.containing(["O"])
    own = get_atomref(load_model("chgnet-0.3.0"))
    expected = data_efficiency(
        pairs.fractions,
        pairs.source,
        pairs.target,
        pairs.material_id,
        priors=(own, prior(own, "GGA/GGA+U", "r2SCAN").energies),
        seed=3,
    )
    np.testing.assert_allclose(result.curve.pearson, expected.pearson)
    assert result.curve.sizes[-1] == 1000
