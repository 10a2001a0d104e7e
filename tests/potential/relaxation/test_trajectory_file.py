"""A trajectory is read while it is being written."""

import numpy as np

from core.potential.relaxation.relaxed import all_steps
from core.potential.relaxation.trajectory_file import TrajectoryFile, read_trajectory


def test_what_is_there_so_far_is_read_and_a_torn_record_is_not(tmp_path):
    path = tmp_path / "deep" / "way.bin"
    assert read_trajectory(path, 2) is None
    coords = np.random.default_rng(0).random((2, 2, 3)).astype(np.float32)
    with TrajectoryFile(path, 2) as file:
        assert read_trajectory(path, 2) is None
        for step in range(2):
            file.add(-3.0 - step, 0.5 / (step + 1), coords[step], (4.0 - step) * np.eye(3))
        found = read_trajectory(path, 2)
    assert found.energies.tolist() == [-3.0, -4.0]
    assert found.max_forces.tolist() == [0.5, 0.25]
    np.testing.assert_array_equal(found.frac_coords, coords)
    path.write_bytes(path.read_bytes()[:-1])
    assert len(read_trajectory(path, 2)) == 1
    table = all_steps({"model": found})
    np.testing.assert_allclose(table["volume_per_atom"], [32.0, 13.5])
    assert table["change_mev_per_atom"].tolist() == [0.0, -1000.0]
    assert table["model"].tolist() == ["model"] * 2
