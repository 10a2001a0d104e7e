"""Calling the command line as a reader of its answers does, and data to call it on."""

import json
import re

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from core.cli import app
from core.frames.schema import Card, Frame
from core.frames.store import write_frames
from core.home import datasets_dir

FORMULAS = ["LiF", "NaCl", "MgO", "LiCl", "NaF", "CaO", "MgF2", "CaCl2", "Li2O", "Na2O"]


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def answer(*words):
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.output
    # On a busy machine a command may take long enough to report its progress.
    assert all(re.search(r"\d+%", line) for line in result.stderr.splitlines()), result.stderr
    return json.loads(result.stdout)


def mistake(*words):
    result = invoke(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def pair_table(path, n=40, seed=0):
    rng = np.random.default_rng(seed)
    formulas = [FORMULAS[i % len(FORMULAS)] for i in range(n)]
    source = rng.normal(-5, 1, n)
    table = pd.DataFrame(
        {
            "material_id": [f"m-{i}" for i in range(n)],
            "formula": formulas,
            "energy_gga_corrected": source,
            "energy_r2scan": source - 9 + rng.normal(0, 0.1, n),
        }
    )
    table.to_csv(path, index=False)
    return table


def balanced(forces):
    """Forces that sum to zero, as those of a calculation do."""
    return forces - forces.mean(axis=0)


def make_frames(name="salt", n=10, functional="r2SCAN", shift=0.0):
    """Rattled rock salt in ten lattice constants, with invented labels."""
    rng = np.random.default_rng(1)
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    frames = [
        Frame(
            frame_id=f"f-{i}",
            material_id=f"m-{i}",
            atomic_numbers=np.array([11] * 4 + [17] * 4),
            frac_coords=np.vstack([corners, corners + 0.5]) + rng.normal(0, 0.01, (8, 3)),
            lattice=np.eye(3) * (5.4 + 0.05 * i),
            energy_per_atom=-3.4 + 0.01 * i + shift,
            forces=balanced(rng.normal(0, 0.1, (8, 3))),
        )
        for i in range(n)
    ]
    write_frames(
        datasets_dir() / name, Card(name=name, kind="frames", functional=functional), frames
    )
