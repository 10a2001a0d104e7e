"""Hulls of a few phases, with energies from pymatgen."""

import numpy as np
import pandas as pd
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from core.figures.stability.view import HullView

# Formula and energy in eV/atom of made-up phases, the elements at zero.
BINARY = {"Li": 0.0, "O2": 0.0, "Li2O": -2.0, "Li2O2": -1.7, "LiO2": -1.2, "LiO3": -0.5}
TERNARY = BINARY | {"V": 0.0, "V2O5": -2.2, "VO2": -2.3, "LiVO3": -2.4, "Li3VO4": -2.5}
QUATERNARY = TERNARY | {"P": 0.0, "P2O5": -2.1, "LiVPO5": -2.6, "Li3P": -0.5, "LiPO3": -2.0}


def diagram(energies):
    return PhaseDiagram(
        [
            PDEntry(Composition(name), e * Composition(name).num_atoms)
            for name, e in energies.items()
        ]
    )


def hull_view(energies, *, elsewhere=(), title="A model", color="#009E73"):
    """Return what pymatgen finds as a figure's input, one row per phase in the given order."""
    found = diagram(energies)
    elements = sorted(found.elements, key=lambda element: Element(element).Z)
    entries = {entry.composition: entry for entry in found.all_entries}
    entries = [entries[Composition(name)] for name in energies]
    stable = np.array([entry in found.stable_entries for entry in entries])
    above = np.array([found.get_e_above_hull(entry) for entry in entries])
    table = pd.DataFrame(
        {
            "id": [f"p-{i}" for i in range(len(entries))],
            "formula": list(energies),
            "formation": [found.get_form_energy_per_atom(entry) for entry in entries],
            "above_hull": above,
            "decomposition": above,
            "stable": stable,
            "elsewhere": [name in elsewhere for name in energies],
            "competing": "0.5 Li2O + 0.5 O2",
        }
    )
    fractions = np.array(
        [[entry.composition.get_atomic_fraction(e) for e in elements] for entry in entries]
    )
    places = {entry: row for row, entry in enumerate(entries)}
    rivals = [
        [places[other] for other in found.get_decomposition(entry.composition) if other != entry]
        for entry in entries
    ]
    return HullView(
        elements=tuple(map(str, elements)),
        table=table,
        rivals=rivals,
        levels=table["formation"].to_numpy(),
        fractions=fractions,
        corners=fractions[stable],
        depths=table["formation"].to_numpy()[stable],
        title=title,
        color=color,
    )
