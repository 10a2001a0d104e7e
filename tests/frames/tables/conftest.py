import json

import pytest
from pymatgen.core import Lattice, Structure

HEADER = "material_id,formula,energy_gga,energy_r2scan\n"


@pytest.fixture
def salt():
    """Rock salt's primitive cell."""
    lattice = Lattice.from_parameters(4, 4, 4, 60, 60, 60)
    return Structure(lattice, ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])


@pytest.fixture
def salt_json(salt):
    return json.dumps(salt.as_dict())


@pytest.fixture
def disordered():
    return Structure(Lattice.cubic(3), [{"Na": 0.5, "K": 0.5}, "Cl"], [[0, 0, 0], [0.5] * 3])


@pytest.fixture
def write(tmp_path):
    """Return a writer of one file of text or bytes."""

    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


@pytest.fixture
def pairs_csv(write):
    """Return a writer of a CSV of pairs from its rows."""
    return lambda *rows: write("pairs.csv", HEADER + "".join(f"{row}\n" for row in rows))
