"""A Slurm of two nodes for all tests here; where there can be none, they are skipped."""

import importlib.util

import pytest

from tests.cluster import slurm
from tests.runs.conftest import lab

__all__ = ["lab"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if why := slurm.missing():
        pytest.skip(f"Slurm {why}")
    if importlib.util.find_spec("submitit") is None:
        pytest.skip("Slurm needs submitit: pip install 'atomref-lab[slurm]'")
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch:
        try:
            for name, value in slurm.up(folder).items():
                patch.setenv(name, value)
            yield folder
        finally:
            slurm.down(folder)
