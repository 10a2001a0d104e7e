"""Faults as they come in users' data, each put alone into frames that have none."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.elements import INDEX, SYMBOLS, formula_of
from core.frames.registry import open_dataset
from core.frames.splits import split_by_material
from core.frames.units import EV_PER_A3, HARTREE
from core.reference.fits.facts import family_facts
from core.reference.formation.corrections import hubbard_corrections, mp2020_corrections

GGA, R2SCAN = "mp-frames-gga", "mp-frames-r2scan"

Inject = Callable[[list, np.random.Generator], list]


@dataclass(kw_only=True, frozen=True)
class Fault:
    """A fault.

    Attributes:
        inject: returns frames with it.
        found: kinds of the findings that name it, one of them.
        echoes: kinds of findings that may follow from it.
        labels: data set that the frames are taken from.
        card: what the card says otherwise.
        asked: arguments of `Diagnosis.findings`.
        model: pretrained model; by default that of the other functional.
    """

    inject: Inject
    found: str
    echoes: set[str] = field(default_factory=set)
    labels: str = R2SCAN
    card: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    model: str = ""


def fractions_of(frame):
    numbers = np.bincount(frame.atomic_numbers.astype(int) - 1, minlength=94)
    return numbers / len(frame)


def energies(change):
    """Frames whose energies are changed; `change` takes energy, frame and place."""

    def inject(frames, rng):
        return [
            replace(frame, energy_per_atom=float(change(frame.energy_per_atom, frame, place, rng)))
            for place, frame in enumerate(frames)
        ]

    return inject


def labels(name, change, share=1.0):
    """Frames of which a share has another label; `change` takes label, frame and generator."""

    def inject(frames, rng):
        chosen = rng.permutation(len(frames))[: max(1, round(share * len(frames)))]
        changed = list(frames)
        for place in chosen:
            frame = frames[place]
            changed[place] = replace(frame, **{name: change(getattr(frame, name), frame, rng)})
        return changed

    return inject


def references(column, family="mp"):
    facts = family_facts(family)[column]
    return np.array([facts.get(symbol, np.nan) for symbol in SYMBOLS], dtype=float)


def less(values):
    return energies(lambda e, frame, *_: e - np.nansum(fractions_of(frame) * values))


def per_formula_unit(energy, frame, *_):
    counts = np.unique(frame.atomic_numbers, return_counts=True)[1]
    return energy * len(frame) / np.gcd.reduce(counts)


def hubbard(frame):
    return float(hubbard_corrections(fractions_of(frame)[None])[0])


def mp2020(frame):
    return float(mp2020_corrections([formula_of(frame.atomic_numbers)]).corrections[0])


def half(frame, parts=2):
    """Whether a material is in the other part, the same one for all of its frames."""
    return sum(map(ord, frame.material_id)) % parts == 0


def of_a_part(change):
    """Frames of which those of every fourth material have another energy."""
    return energies(lambda e, frame, *_: change(e, frame) if half(frame, 4) else e)


def every_other(term, sign):
    """Frames of which every other material that a term concerns has energies with it."""

    def inject(frames, rng):
        terms = [sign * term(frame) for frame in frames]
        concerned = dict.fromkeys(
            frame.material_id for frame, value in zip(frames, terms, strict=True) if value
        )
        chosen = set(list(concerned)[::2])
        return [
            replace(frame, energy_per_atom=frame.energy_per_atom + value)
            if frame.material_id in chosen
            else frame
            for frame, value in zip(frames, terms, strict=True)
        ]

    return inject


def permuted(forces, frame, rng):
    return np.roll(forces, 1, axis=0)


def reordered(stress):
    wrong = stress.copy()
    # VASP's xy yz zx read as ASE's yz xz xy
    for (i, j), (k, m) in {(1, 2): (0, 1), (0, 2): (1, 2), (0, 1): (0, 2)}.items():
        wrong[i, j] = wrong[j, i] = stress[k, m]
    return wrong


def pushed(forces, *_):
    large = forces.copy()
    large[0] += 300.0
    large[1] -= 300.0
    return large


def skewed(stress, *_):
    wrong = stress.copy()
    wrong[0, 1] += 20.0
    return wrong


def copies(frames, rng, *, material=None, energy=0.0, n=20):
    chosen = rng.permutation(len(frames))[:n]
    again = [
        replace(
            frames[place],
            frame_id=f"{frames[place].frame_id}|{i}",
            material_id=frames[place].material_id if material is None else f"{material}-{i}",
            energy_per_atom=frames[place].energy_per_atom + energy,
        )
        for i, place in enumerate(chosen)
    ]
    return [*frames, *again]


def of_others(frames, rng):
    order = rng.permutation(len(frames))
    return [
        replace(frame, energy_per_atom=frames[other].energy_per_atom)
        for frame, other in zip(frames, order, strict=True)
    ]


def scaled(factor, share=1.0):
    def inject(frames, rng):
        chosen = set(rng.permutation(len(frames))[: max(1, round(share * len(frames)))].tolist())
        return [
            replace(frame, lattice=frame.lattice * factor) if place in chosen else frame
            for place, frame in enumerate(frames)
        ]

    return inject


def collided(frames, rng):
    place = int(rng.integers(len(frames)))
    coords = frames[place].frac_coords.copy()
    coords[1] = coords[0] + 0.05
    return [*frames[:place], replace(frames[place], frac_coords=coords), *frames[place + 1 :]]


def mixed_functionals(frames, rng):
    other = open_dataset(GGA)
    known = {name: i for i, name in enumerate(other.table()["frame_id"])}
    return [
        replace(frame, energy_per_atom=float(other.energies()[known[frame.frame_id]]))
        if half(frame)
        else frame
        for frame in frames
    ]


def all_electron(energy, frame, *_):
    return energy + float(fractions_of(frame) @ np.linspace(-20, -30_000, 94))


def of_element(symbol, shift):
    return energies(lambda e, frame, *_: e + shift * fractions_of(frame)[INDEX[symbol]])


def with_radium(frames, rng):
    changed = list(frames)
    for place in rng.permutation(len(frames))[:12]:
        numbers = frames[place].atomic_numbers.copy()
        numbers[0] = 88
        changed[place] = replace(frames[place], atomic_numbers=numbers)
    return changed


def rare(frames, rng):
    """Energies of a functional of which nothing is known, and Ca in held-out frames alone."""
    shift = rng.normal(0, 3, 94)
    rows = split_by_material(np.array([one.material_id for one in frames]), seed=0).train
    trained = {frames[row].material_id for row in rows}
    held_out = sorted({one.material_id for one in frames} - trained)
    # Ids decide the split: those of held-out materials go to the ones with Ca, and the other way.
    with_ca = {one.material_id for one in frames if 20 in one.atomic_numbers}
    to_held_out = sorted(with_ca & trained)
    to_train = [name for name in held_out if name not in with_ca]
    n = min(len(to_train) // 2, len(to_held_out))
    ids = dict(zip(to_held_out[:n], to_train[:n], strict=True))
    ids |= {name: other for other, name in ids.items()}
    return [
        replace(
            one,
            energy_per_atom=one.energy_per_atom + float(fractions_of(one) @ shift),
            material_id=ids.get(one.material_id, one.material_id),
        )
        for one in frames
        if one.material_id not in to_held_out[n:]
    ]


def zero_at(values):
    def change(energy, frame, place, rng):
        return values if place % 40 == 3 else energy

    return change


def wrong_one(shift):
    return energies(lambda e, _, place, *__: e + shift * (place == 17))


MP_GGA = {"functional": "GGA/GGA+U", "corrections": "MP2020"}
HA_BOHR = HARTREE / 0.529177210544
PAPER = {"energy": 3.0, "force": 1.0, "stress": 0.1, "magmom": 1.0}

FAULTS: dict[str, Fault] = {
    "totals of the cell": Fault(
        inject=energies(lambda e, frame, *_: e * len(frame)), found="energy_extent"
    ),
    "totals of the formula unit": Fault(inject=energies(per_formula_unit), found="energy_extent"),
    "energies in hartree": Fault(inject=energies(lambda e, *_: e / HARTREE), found="energy_unit"),
    "energies in kJ/mol": Fault(inject=energies(lambda e, *_: e * 96.485), found="energy_unit"),
    "binding energies, positive": Fault(inject=energies(lambda e, *_: -e), found="energy_unit"),
    "a part as totals of the cell": Fault(
        inject=of_a_part(lambda e, frame: e * len(frame)), found="unit_mixture"
    ),
    "a part in hartree": Fault(
        inject=of_a_part(lambda e, _: e / HARTREE), found="unit_mixture", labels=GGA, card=MP_GGA
    ),
    "a part positive": Fault(inject=of_a_part(lambda e, _: -e), found="unit_mixture"),
    "a constant added": Fault(inject=energies(lambda e, *_: e + 5.0), found="energy_reference"),
    "formation energies": Fault(
        inject=less(references("e_crystal_r2scan")), found="energy_reference"
    ),
    "formation energies in GGA": Fault(
        inject=less(references("e_crystal_pbe")),
        found="energy_reference",
        labels=GGA,
        card=MP_GGA,
    ),
    "atomization energies": Fault(
        inject=less(references("e_atom_r2scan", "matpes")), found="energy_reference"
    ),
    "another functional than the card says": Fault(
        inject=energies(lambda e, *_: e), found="functional", card=MP_GGA
    ),
    "another code": Fault(inject=energies(all_electron), found="energy_zero"),
    "another pseudopotential of Ca": Fault(inject=of_element("Ca", -4.0), found="element_offset"),
    "U of Fe, Mn and others missing": Fault(
        inject=energies(lambda e, frame, *_: e + hubbard(frame)),
        found="hubbard",
        model="chgnet-0.3.0",
        labels=GGA,
        card=MP_GGA,
    ),
    "+U mixture": Fault(
        inject=every_other(hubbard, 1),
        found="hubbard_mixture",
        labels=GGA,
        card=MP_GGA,
    ),
    "corrected, and the card says not": Fault(
        inject=energies(lambda e, *_: e),
        found="corrections",
        labels=GGA,
        card=MP_GGA | {"corrections": "none"},
    ),
    "uncorrected, and the card says corrected": Fault(
        inject=energies(lambda e, frame, *_: e - mp2020(frame)),
        found="corrections",
        labels=GGA,
        card=MP_GGA,
    ),
    "half of them corrected": Fault(
        inject=every_other(mp2020, -1),
        found="corrections_mixture",
        labels=GGA,
        card=MP_GGA,
    ),
    "two functionals": Fault(inject=mixed_functionals, found="energy_mixture"),
    "energies of other frames": Fault(
        inject=of_others, found="energy_mismatch", labels=GGA, card=MP_GGA
    ),
    "one energy off by 12 eV/atom": Fault(inject=wrong_one(12.0), found="energy_outliers"),
    "one energy off by 3 eV/atom": Fault(inject=wrong_one(-3.0), found="energy_outliers"),
    "missing energies as 0": Fault(inject=energies(zero_at(0.0)), found="energy_placeholder"),
    "missing energies as -999": Fault(inject=energies(zero_at(-999.0)), found="energy_placeholder"),
    "gradients for forces": Fault(inject=labels("forces", lambda f, *_: -f), found="force_unit"),
    "forces in Ha/bohr": Fault(
        inject=labels("forces", lambda f, *_: f / HA_BOHR), found="force_unit"
    ),
    "missing forces as 0": Fault(
        inject=labels("forces", lambda f, *_: np.zeros_like(f)), found="force_placeholder"
    ),
    "forces of other atoms": Fault(inject=labels("forces", permuted), found="force_mismatch"),
    "forces without those of the first atom": Fault(
        inject=labels("forces", lambda f, *_: np.vstack([np.zeros((1, 3)), f[1:]]), share=0.5),
        found="net_force",
    ),
    "a frame with 500 eV/Å": Fault(
        inject=labels("forces", pushed, share=0.005), found="force_size"
    ),
    "a stress of 900 GPa": Fault(
        inject=labels("stress", lambda s, *_: s + 500 * np.eye(3), share=0.01),
        found="stress_size",
    ),
    "stress as VASP writes it": Fault(
        inject=labels("stress", lambda s, *_: -10 * s), found="stress_unit"
    ),
    "stress in eV/Å³": Fault(
        inject=labels("stress", lambda s, *_: s / EV_PER_A3), found="stress_unit"
    ),
    "stress of the other sign": Fault(
        inject=labels("stress", lambda s, *_: -s), found="stress_unit"
    ),
    "stress in another order": Fault(
        inject=labels("stress", lambda s, *_: reordered(s)), found="stress_order"
    ),
    "stress that is not symmetric": Fault(
        inject=labels("stress", skewed, share=0.3), found="stress_symmetry"
    ),
    "magmoms of 40 μB": Fault(
        inject=labels("magmoms", lambda m, *_: m + 40.0, share=0.05), found="magmom_size"
    ),
    "duplicates": Fault(inject=copies, found="duplicates"),
    "one structure, two energies": Fault(
        inject=lambda frames, rng: copies(frames, rng, energy=0.1), found="contradictions"
    ),
    "copies under other ids": Fault(
        inject=lambda frames, rng: copies(frames, rng, material="new", n=60),
        found="leak",
        echoes={"duplicates"},
    ),
    "an id per frame": Fault(
        inject=lambda frames, _: [replace(one, material_id=one.frame_id) for one in frames],
        found="leak",
    ),
    "lattices in bohr": Fault(inject=scaled(1 / 0.529177), found="length_unit"),
    "atoms that collide": Fault(inject=collided, found="collision"),
    "an element in held-out frames alone": Fault(
        inject=rare, found="few_per_element", card={"functional": "HSE06"}
    ),
    "elements that the model never saw": Fault(
        inject=with_radium,
        found="unseen_elements",
        # The labels are still those of other elements.
        echoes={"energy_mixture", "energy_outliers", "collision"},
    ),
    "a loss ratio that drowns the energy": Fault(
        inject=lambda frames, _: frames,
        found="loss_weight",
        asked={"ratios": PAPER | {"force": 300.0}},
    ),
    "the source's AtomRef": Fault(
        inject=lambda frames, _: frames, found="references", asked={"method": "frozen"}
    ),
    "fifteen frames": Fault(inject=lambda frames, _: frames[:15], found="few_frames"),
}
