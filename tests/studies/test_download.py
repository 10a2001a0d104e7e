"""Each entry of the catalogue, served small in exactly its form: downloaded, imported, right."""

import gzip
import io
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pymatgen.core import Lattice, Structure

from core.frames.catalogue import entries
from core.frames.catalogue.entries import ENTRIES
from core.frames.registry import open_frame_set
from core.progress import silent
from core.studies.download import DownloadStudy
from tests.frames.catalogue.conftest import host as _host

host = _host

MAGMOMS = [0.5, -1.5]
STRUCTURE = Structure(
    Lattice.from_parameters(4, 5, 6, 80, 95, 100),
    ["Fe", "O"],
    [[0.1, 0, 0], [0.4, 0.6, 0.5]],
    site_properties={"magmom": MAGMOMS},
)
FORCES = [[0.1, 0.2, 0.3], [-0.1, -0.2, -0.3]]
KBAR = [[30.0, 1.0, 2.0], [1.0, 20.0, 3.0], [2.0, 3.0, 10.0]]
ENERGY = -7.0
FUNCTIONAL = {"PBEsol": "pbesol", "SCAN": "scan", "PBE": "pbe", "r2SCAN": "r2SCAN"}


def mptrj(corrected):
    frame = {
        "structure": STRUCTURE.as_dict(),
        "uncorrected_total_energy": ENERGY,
        "energy_per_atom": (ENERGY - 1.374) / 2 if corrected else ENERGY / 2,
        "force": FORCES,
        "stress": KBAR,
        "magmom": MAGMOMS,
        "bandgap": 2.5,
        "mp_id": "mp-1",
    }
    if corrected:
        frame |= {"corrected_total_energy": ENERGY - 1.374, "ef_per_atom": -1.0}
    return json.dumps({"mp-1": {"mp-1-0-0": frame, "mp-1-1-3": frame}}).encode()


def matpes(functional):
    documents = [
        {
            "matpes_id": f"matpes-20240214_1_{i}",
            "structure": STRUCTURE.as_dict(),
            "energy": ENERGY,
            "nsites": 2,
            "forces": FORCES,
            "stress": [30.0, 20.0, 10.0, 3.0, 2.0, 1.0],
            "bandgap": 2.5,
            "functional": functional,
            "cohesive_energy_per_atom": -2.0,
            "bader_magmoms": MAGMOMS,
            "provenance": {"original_mp_id": "mp-1"},
        }
        for i in range(2)
    ]
    return "\n".join(map(json.dumps, documents)).encode()


def lemat(functional, *, steps):
    rows = [
        {
            "elements": ["Fe", "O"],
            "nsites": 2,
            "dimension_types": [1, 1, 1],
            "lattice_vectors": STRUCTURE.lattice.matrix.tolist(),
            "immutable_id": "mp-1-0" if steps else f"mp-{i}",
            "cartesian_site_positions": STRUCTURE.cart_coords.tolist(),
            "species_at_sites": ["Fe", "O"],
            "stress_tensor": KBAR,
            "energy": ENERGY,
            "forces": FORCES,
            "functional": functional,
            "cross_compatibility": True,
            **({"relaxation_step": i, "relaxation_number": 0} if steps else {}),
        }
        for i in range(2)
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def served(entry):
    """Return the files of an entry, small."""
    if entry.key == "mptrj-2022.9":
        return {"MPtrj_2022.9_full.json": mptrj(corrected=True)}
    if entry.key == "mp-r2scan":
        return {"mp-r2scan.json.gz": gzip.compress(mptrj(corrected=False))}
    if entry.key.startswith("matpes"):
        return {entry.files[0]: matpes(entry.functional)}
    folder = entry.files[0].removesuffix("*.parquet")
    content = lemat(FUNCTIONAL[entry.functional], steps=entry.key.startswith("lemat-traj"))
    return {f"{folder}train-0.parquet": content}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_downloaded_and_imported_with_the_right_labels(entry, host, monkeypatch):
    # The check of the labels needs torch, and is tested where it belongs.
    checked = SimpleNamespace(imported_findings=lambda *_, **__: [])
    monkeypatch.setitem(sys.modules, "core.checks.doctor", checked)
    small = replace(entry, checksums={})
    monkeypatch.setattr(entries, "ENTRIES", (small,))
    host.files = served(small)
    result = DownloadStudy(entry=small.key, name="mine").compute(silent)
    assert result.dataset == "mine"
    data = open_frame_set("mine")
    assert len(data) == 2
    card = data.card
    assert (card.functional, card.corrections) == (entry.functional, entry.corrections)
    assert card.licence.endswith(f"doi:{entry.doi}")
    frame = data.frame(0)
    corrected = entry.corrections == "MP2020"
    assert frame.energy_per_atom == pytest.approx((ENERGY - 1.374 * corrected) / 2)
    if corrected:
        assert frame.uncorrected_energy_per_atom == pytest.approx(ENERGY / 2)
    np.testing.assert_allclose(frame.forces, FORCES, atol=1e-6)
    np.testing.assert_allclose(frame.stress, -0.1 * np.array(KBAR), atol=1e-6)
    if "magmoms" in entry.labels:
        np.testing.assert_allclose(frame.magmoms, np.abs(MAGMOMS), atol=1e-6)
    if "band gap" in entry.labels:
        assert frame.bandgap == pytest.approx(2.5)
    n_materials = 2 if entry.key.startswith("lemat-bulk") else 1
    assert card.n_materials == n_materials
