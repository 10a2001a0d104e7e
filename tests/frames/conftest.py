import numpy as np
import pytest

from core.frames.schema import Frame


@pytest.fixture(autouse=True)
def lab_home(tmp_path, monkeypatch):
    """Keep the user's own data sets out of every test."""
    home = tmp_path / "home"
    monkeypatch.setenv("ATOMREF_LAB_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def make_frames():
    """Return a maker of n random frames, three a material, labels missing here and there."""

    def make(n, *, seed=0):
        rng = np.random.default_rng(seed)
        return [_frame(i, rng) for i in range(n)]

    return make


def _frame(i, rng):
    n = int(rng.integers(1, 7))
    return Frame(
        frame_id=f"f{i}",
        material_id=f"m{i // 3}",
        atomic_numbers=rng.integers(1, 95, n).astype(np.uint8),
        frac_coords=rng.random((n, 3)),
        lattice=np.eye(3) * 4 + rng.random((3, 3)),
        energy_per_atom=float(rng.normal()) if i % 4 else None,
        uncorrected_energy_per_atom=float(rng.normal()) if i % 5 else None,
        forces=rng.normal(size=(n, 3)) if i % 2 else None,
        stress=rng.normal(size=(3, 3)) if i % 3 else None,
        magmoms=rng.random(n) if i % 7 else None,
        bandgap=float(rng.random()) if i % 3 else None,
    )
