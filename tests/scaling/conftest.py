"""A lab with one small data set of frames."""

import numpy as np
import pytest

from core.frames.registry import open_dataset
from core.frames.store import write_frames

N_MATERIALS = 20


@pytest.fixture(scope="module")
def small_lab(tmp_path_factory):
    """The lab's home; its data set "small" has 20 materials of the embedded set, three frames each.

    These are the ones with the fewest atoms, their labels as they are.
    """
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATOMREF_LAB_HOME", str(home))
        data = open_dataset("mp-frames-r2scan")
        ids, n_atoms = data.material_ids(), data.n_atoms()
        by_size = ids[np.argsort(n_atoms, kind="stable")]
        chosen = list(dict.fromkeys(by_size.tolist()))[:N_MATERIALS]
        rows = np.flatnonzero(np.isin(ids, chosen))
        changes = {"name": "small", "title": "Twenty small materials"}
        card = data.card.model_copy(update=changes)
        write_frames(home / "datasets" / "small", card, data.frames(rows))
        yield home
