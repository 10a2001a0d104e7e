"""Structures and the stock package, for checks of core.potential against it."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from chgnet.graph import CrystalGraphConverter
from chgnet.model import CHGNet
from pymatgen.core import Lattice, Structure

from core.potential.graph import PackedGraph, convert
from core.potential.models import load_model
from tests.salts import rock_salt
from tests.stock_chgnet import CONVERTER, stock_prediction


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _perturbed(structure: Structure, amount: float, seed: int) -> Structure:
    """Displace every atom by a random vector with a standard deviation of ``amount`` Å."""
    noise = np.random.default_rng(seed).normal(0, amount, (len(structure), 3))
    return Structure(
        structure.lattice,
        structure.species,
        structure.cart_coords + noise,
        coords_are_cartesian=True,
    )


def _structures() -> dict[str, Structure]:
    cubic = Lattice.cubic
    salt = rock_salt(5.69)
    oxide = rock_salt(4.33, "Fe", "O")
    perovskite = Structure(
        cubic(3.91),
        ["Sr", "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    )
    layered = Structure(
        Lattice.hexagonal(2.82, 14.05),
        ["Li", "Co", "O", "O"],
        [[0, 0, 0.5], [0, 0, 0], [1 / 3, 2 / 3, 0.08], [2 / 3, 1 / 3, 0.92]],
    )
    wurtzite = Structure(
        Lattice.hexagonal(3.25, 5.2),
        ["Zn", "Zn", "O", "O"],
        [[2 / 3, 1 / 3, 0.5], [1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0.882], [1 / 3, 2 / 3, 0.382]],
    )
    monolayer = Structure(
        Lattice.hexagonal(2.46, 40.0), ["C", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]]
    )
    adsorbed = oxide.copy()
    adsorbed.append("H", [0.02, 0.03, 0.75])
    slab = Structure(
        Lattice(np.diag([4.33, 4.33, 30.0])),
        adsorbed.species,
        adsorbed.cart_coords,
        coords_are_cartesian=True,
    )
    outside = Structure(
        perovskite.lattice,
        perovskite.species,
        perovskite.frac_coords
        + np.array([[3, -2, 0], [0, 0, 5], [-1, 1, 1], [0, 0, 0], [7, 0, -4]]),
    )
    return {
        "one atom, angles with its own images": Structure(cubic(2.8), ["Po"], [[0, 0, 0]]),
        "one atom, bonds at the angle cut-off": Structure(cubic(3.0), ["Po"], [[0, 0, 0]]),
        "one atom, bonds at the bond cut-off": Structure(cubic(6.0), ["Xe"], [[0, 0, 0]]),
        "one atom, no angles": Structure(cubic(5.3), ["Xe"], [[0.3, 0.1, 0.9]]),
        "one atom, primitive face-centred cell": Structure(
            Lattice([[0, 1.8, 1.8], [1.8, 0, 1.8], [1.8, 1.8, 0]]), ["Cu"], [[0, 0, 0]]
        ),
        "two atoms, skewed cell": Structure(
            Lattice([[2.5, 0, 0], [2.4, 1.9, 0], [-2.2, 3.1, 2.6]]),
            ["Al", "Ni"],
            [[0.1, 0.2, 0.3], [0.55, 0.7, 0.85]],
        ),
        "chain with exactly straight angles": Structure(
            Lattice(np.diag([2.2, 20.0, 20.0])), ["Pu"], [[0.5, 0.5, 0.5]]
        ),
        "hydrogen molecule in a box": Structure(
            cubic(5.9), ["H", "H"], [[0.5, 0.5, 0.5], [0.5, 0.5, 0.62]]
        ),
        "rock salt": salt,
        "perturbed oxide": _perturbed(oxide, 0.1, 0),
        "perovskite": perovskite,
        "perturbed perovskite supercell": _perturbed(perovskite * (2, 2, 1), 0.08, 1),
        "atoms outside the first cell": outside,
        "perturbed layered oxide": _perturbed(layered, 0.05, 2),
        "wurtzite": wurtzite,
        "perturbed wurtzite": _perturbed(wurtzite, 0.06, 3),
        "monolayer in vacuum": monolayer,
        "perturbed monolayer in vacuum": _perturbed(monolayer * (2, 2, 1), 0.05, 4),
        "slab with an adsorbate": _perturbed(slab, 0.05, 5),
    }


STRUCTURES = _structures()


@pytest.fixture(scope="session")
def structures() -> dict[str, Structure]:
    """Varied structures by description; none is left-handed or has an isolated atom."""
    return STRUCTURES


def pytest_generate_tests(metafunc):
    if "structure" in metafunc.fixturenames:
        metafunc.parametrize("structure", STRUCTURES.values(), ids=list(STRUCTURES))


@pytest.fixture(scope="session")
def pack() -> Callable[[Structure], PackedGraph]:
    """Our graph of a pymatgen structure."""

    def graph(structure: Structure) -> PackedGraph:
        return convert(structure.atomic_numbers, structure.frac_coords, structure.lattice.matrix)

    return graph


@pytest.fixture(scope="session")
def converter() -> CrystalGraphConverter:
    return CONVERTER


@pytest.fixture(scope="session")
def released() -> CHGNet:
    """chgnet-0.3.0 in single precision; not to be changed."""
    return load_model("chgnet-0.3.0")


@pytest.fixture
def double() -> CHGNet:
    """chgnet-0.3.0 in double precision."""
    return load_model("chgnet-0.3.0").double()


@pytest.fixture(scope="session")
def stock() -> Callable[..., SimpleNamespace]:
    """Stock chgnet's own forward, on undisturbed coordinates, in the model's precision."""
    return stock_prediction
