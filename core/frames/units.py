"""Units of labels, the one table of them: read from names of columns, converted to the lab's.

The lab stores energies in eV/atom, forces in eV/Å, stress in GPa with the sign of ∂E/∂ε (that of
CHGNet and ASE, −0.1 × VASP's kBar), magmoms in μB and band gaps in eV. Constants are CODATA 2018.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from core.errors import LabError
from core.frames.functionals import is_functional
from core.frames.unit_words import NO_UNITS, OTHER_UNITS, unit_words

Label = Literal["energy", "forces", "stress", "magmoms", "bandgap"]
Extent = Literal["atom", "cell", "formula unit"]

BASE: dict[Label, str] = {
    "energy": "eV/atom",
    "forces": "eV/Å",
    "stress": "GPa",
    "magmoms": "μB",
    "bandgap": "eV",
}
"""The unit in which each label is stored."""

HARTREE = 27.211386245988
"""Energy in eV."""
RYDBERG = HARTREE / 2
BOHR = 0.529177210903
"""Length in Å."""
KJ_PER_MOL = 1e3 / 96485.33212
"""Energy of 1 kJ/mol in eV."""
EV_PER_A3 = 160.2176634
"""Pressure of 1 eV/Å³ in GPa."""

_ENERGIES: dict[str, tuple[str, float]] = {
    "ev": ("eV", 1.0),
    "mev": ("meV", 1e-3),
    "ha": ("Ha", HARTREE),
    "mha": ("mHa", HARTREE / 1e3),
    "ry": ("Ry", RYDBERG),
    "mry": ("mRy", RYDBERG / 1e3),
    "kj mol": ("kJ/mol", KJ_PER_MOL),
    "j mol": ("J/mol", KJ_PER_MOL / 1e3),
    "kcal mol": ("kcal/mol", 4.184 * KJ_PER_MOL),
}
_LENGTHS: dict[str, tuple[str, float]] = {"a": ("Å", 1.0), "bohr": ("bohr", BOHR), "nm": ("nm", 10)}
TOTAL_WORDS = frozenset({"total", "tot", "etot", "toten", "etotal"})
"""Words for the energy of a whole cell."""

# Brackets may hold brackets, as in kJ/(mol Å).
_BRACKETS = re.compile(r"\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\]")
_NEGATIVE = frozenset({"negative", "neg", "minus"})
_MINUS = re.compile(r"\s*[-\u2212]")

_EXTENTS: dict[str, tuple[str, Extent]] = {
    "atom": ("atom", "atom"),
    "cell": ("cell", "cell"),
    "fu": ("f.u.", "formula unit"),
}
# VASP prints stress in kB with the sign of a pressure.
_PRESSURES: dict[str, tuple[str, float]] = {
    "gpa": ("GPa", 1.0),
    "mpa": ("MPa", 1e-3),
    "pa": ("Pa", 1e-9),
    "kbar": ("kBar", -0.1),
}
_ATOMIC: dict[Label, list[str]] = {
    "energy": ["ha"],
    "forces": ["ha", "bohr"],
    "stress": ["ha", "bohr3"],
    "bandgap": ["ha"],
}


@dataclass(kw_only=True, frozen=True, slots=True)
class Unit:
    """A unit of one label.

    Attributes:
        name: its usual spelling; a leading "-" reverses the sign.
        factor: what one unit is in the label's base unit, for energies and virials before they
            are divided.
        per: what an energy belongs to; "atom" for other labels.
        is_virial: whether a stress is a virial, W = −V·σ, to be divided by −V.
        is_complete: whether the text that named it also said what an energy belongs to.
    """

    name: str
    factor: float
    per: Extent = "atom"
    is_virial: bool = False
    is_complete: bool = True

    # What overflows is infinite, and refused with its place as other infinite labels are.
    @np.errstate(over="ignore")
    def energies(self, values: np.ndarray, *, atoms: np.ndarray | None) -> np.ndarray:
        """Convert energies to eV/atom.

        Args:
            values: energies in this unit, (n,).
            atoms: number of atoms in the cell or the formula unit, (n,); needed unless the energies
                are per atom.
        """
        converted = np.asarray(values, dtype=np.float64) * self.factor
        if self.per == "atom":
            return converted
        if atoms is None:
            raise ValueError(f"{self.name} needs the number of atoms")
        return np.asarray(converted / atoms)

    @np.errstate(over="ignore")
    def array(self, values: np.ndarray, *, volume: float = 1.0) -> np.ndarray:
        """Convert forces, stress or magmoms.

        Args:
            values: in this unit.
            volume: of the cell, Å³, for virials.
        """
        converted = np.asarray(values, dtype=np.float64) * self.factor
        return -EV_PER_A3 * converted / volume if self.is_virial else converted


class UnknownUnitError(LabError):
    """A unit that is not in the table.

    Attributes:
        text: the unit as it was given.
    """

    def __init__(self, text: str, label: Label) -> None:
        super().__init__(f"{text!r} is not a known unit of {label}; choose {known(label)}.")
        self.text = text


def base_unit(label: Label) -> Unit:
    """Return the unit in which a label is stored."""
    return Unit(name=BASE[label], factor=1.0)


def units_of(label: Label) -> list[Unit]:
    """Return the units of a label that a form offers, the base unit first."""
    return list(_LISTED[label])


def unit_named(label: Label, text: str) -> Unit:
    """Return the unit that a text names.

    Args:
        label: what is measured.
        text: such as "Ha/atom", "kJ/mol per cell", "-eV/Å" or "kBar". A leading "-" reverses the
            sign, so gradients are forces in "-eV/Å"; virials are stress in "eV virial".

    Raises:
        UnknownUnitError: if it is not in the table.
    """
    stripped = text.strip().replace("−", "-")
    unit = _parsed(label, unit_words(stripped.lstrip("-")))
    if unit is None:
        raise UnknownUnitError(text.strip(), label)
    return _reversed(unit) if stripped.startswith("-") else unit


def unit_in_name(label: Label, name: str, *, below: str = "") -> Unit | None:
    """Return the unit that the name of a column states.

    Args:
        label: what the column holds.
        name: its name, such as "energy_pbe [Ha/atom]", "forces_ha_bohr" or "E_total".
        below: what a second header row says about the column's unit.

    Returns:
        The unit; None if neither says one.

    Raises:
        UnknownUnitError: if one is stated that is not in the table.
    """
    words = unit_words(name)
    if label == "stress" and "virial" in words and "stress" not in words and not below.strip():
        return _virial_in(name, words)
    unit = unit_named(label, below) if below.strip() else _in_brackets(label, name)
    rest = unit_words(_BRACKETS.sub(" ", name)) if unit else words
    unit = unit or _in_words(label, rest)
    if label == "energy" and (unit is None or not unit.is_complete):
        extent = _extent_in(rest)
        if extent is None and (other := _other_extent(rest)):
            raise UnknownUnitError(other, label)
        extent = extent or ("cell" if is_total(name) else None)
        if extent is not None:
            name_of_unit = (unit or base_unit(label)).name.removesuffix("/atom")
            spelled, per = _EXTENTS[extent]
            unit = replace(
                unit or base_unit(label),
                name=f"{name_of_unit}/{spelled}",
                per=per,
                is_complete=True,
            )
    if label == "forces" and (any(word.startswith("grad") for word in words) or _is_slope(words)):
        unit = _reversed(unit or base_unit(label))
    # "Minus" inside the name of an energy is a difference, as in energy_minus_atomref.
    telling = words[:1] if label == "energy" else words
    if not _NEGATIVE.isdisjoint(telling) or _MINUS.match(name):
        unit = _reversed(unit or replace(base_unit(label), is_complete=label != "energy"))
    return unit


def is_total(name: str) -> bool:
    """Return whether a name says that its energies are totals, as in E_tot or TOTEN."""
    return "total" in name.lower() or not TOTAL_WORDS.isdisjoint(unit_words(name))


def with_extent(unit: Unit, other: Unit) -> Unit:
    """Return a unit of energy that belongs to what another one belongs to."""
    extent = other.name.rpartition("/")[2]
    return replace(unit, name=f"{unit.name.rpartition('/')[0]}/{extent}", per=other.per)


def describe(unit: Unit, label: Label) -> str:
    """Return a unit in words, with the sign where it differs from the lab's."""
    if unit.is_virial:
        return f"{unit.name} (−V × stress)"
    if label == "forces" and unit.factor < 0:
        return f"{unit.name} (gradients)"
    if label == "stress" and unit.factor < 0:
        return f"{unit.name} (the sign of a pressure, as VASP writes it)"
    return unit.name


def known(label: Label) -> str:
    """Return the units of a label for a message."""
    if label == "energy":
        names = ", ".join(name for name, _ in _ENERGIES.values())
        return f"{names}, each per atom, cell or formula unit"
    return ", ".join(unit.name for unit in _LISTED[label])


def words_without_units(name: str) -> list[str]:
    """Return the words of a column's name that name no unit, brackets left out."""
    words = unit_words(_BRACKETS.sub(" ", name))
    return [word for word in words if word not in _VOCABULARY]


def _parsed(label: Label, tokens: list[str]) -> Unit | None:
    """Read tokens that are a unit and nothing else."""
    words = [one for one in tokens if one != "per"]
    if "au" in words:
        place = words.index("au")
        # After an energy, as in Ry/a.u., it is a length.
        words[place : place + 1] = ["bohr"] if place else _ATOMIC.get(label, [])
    if label == "magmoms":
        return base_unit(label) if words == ["μb"] else None
    if label == "stress" and len(words) == 1 and words[0] in _PRESSURES:
        name, factor = _PRESSURES[words[0]]
        return Unit(name=name, factor=factor)
    size = 2 if len(words) > 1 and words[1] == "mol" else 1
    energy = _ENERGIES.get(" ".join(words[:size]))
    if energy is None:
        extent = _EXTENTS.get(" ".join(words)) if tokens[:1] == ["per"] else None
        return _energy_unit(*_ENERGIES["ev"], extent) if label == "energy" and extent else None
    rest = words[size:]
    if label == "bandgap":
        return None if rest else Unit(name=energy[0], factor=energy[1])
    if label == "energy":
        extent = _EXTENTS.get(" ".join(rest))
        return None if rest and extent is None else _energy_unit(*energy, extent)
    return _per_length(label, energy, rest)


def _energy_unit(name: str, factor: float, extent: tuple[str, Extent] | None) -> Unit:
    spelled, per = extent or _EXTENTS["atom"]
    return Unit(name=f"{name}/{spelled}", factor=factor, per=per, is_complete=extent is not None)


def _per_length(label: Label, energy: tuple[str, float], rest: list[str]) -> Unit | None:
    """Read forces, or stress as energy per volume or as a virial."""
    name, factor = energy
    if label == "stress" and rest == ["virial"]:
        return _virial(name.lower())
    if label == "stress" and rest and rest == rest[:1] * 3:
        rest = [f"{rest[0]}3"]  # SchNetPack's eV/Ang/Ang/Ang
    word = rest[0] if len(rest) == 1 else ""
    length = _LENGTHS.get(word.removesuffix("3") if label == "stress" else word)
    if length is None or (label == "stress" and not word.endswith("3")):
        return None
    if label == "forces":
        return Unit(name=f"{name}/{length[0]}", factor=factor / length[1])
    return Unit(name=f"{name}/{length[0]}³", factor=factor / length[1] ** 3 * EV_PER_A3)


def _virial(energy: str) -> Unit:
    name, factor = _ENERGIES[energy]
    return Unit(name=f"{name} virial", factor=factor, is_virial=True)


def _reversed(unit: Unit) -> Unit:
    name = unit.name.removeprefix("-") if unit.name.startswith("-") else f"-{unit.name}"
    return replace(unit, name=name, factor=-unit.factor)


def _virial_in(name: str, words: list[str]) -> Unit:
    """Return the unit of energy of a virial; pressures say nothing of its sign."""
    joined = " ".join(word for word in words if word != "per")
    found = [energy for energy in _ENERGIES if re.search(rf"\b{energy}\b", joined)]
    energy = max(found, key=len, default="ha" if "au" in words else "ev")
    others = {*_PRESSURES, *(f"{length}3" for length in _LENGTHS), *OTHER_UNITS}
    if stated := [word for word in words if word in others and word not in energy.split()]:
        raise UnknownUnitError(f"virial in {' '.join(stated)}", "stress")
    if "atom" in words and "atomic" not in name.lower():
        raise UnknownUnitError("virial per atom", "stress")
    unit = _virial(energy)
    return _reversed(unit) if not _NEGATIVE.isdisjoint(words) or _MINUS.match(name) else unit


def _in_brackets(label: Label, name: str) -> Unit | None:
    """Return the unit in the brackets of a name."""
    for content in (match[0][1:-1] for match in _BRACKETS.finditer(name)):
        tokens = unit_words(content)
        telling = [token for token in tokens if token not in NO_UNITS]
        if unit := _parsed(label, tokens) or _parsed(label, telling):
            return _reversed(unit) if _MINUS.match(content) else unit
        harmless = all(token.isdigit() for token in telling)
        if not harmless and not is_functional(content):
            raise UnknownUnitError(content, label)
    return None


def _in_words(label: Label, words: list[str]) -> Unit | None:
    """Return the unit in the words of a name; the longest one counts."""
    parts = [
        words[start : start + size]
        for size in range(min(5, len(words)), 0, -1)
        for start in range(len(words) - size, -1, -1)
    ]
    # What an energy belongs to may stand apart from its unit, as in energy_per_atom_meV.
    for part in parts:
        if part[0] != "per" and (unit := _parsed(label, part)):
            return unit
    for place, word in enumerate(words):
        if place and word in OTHER_UNITS:
            raise UnknownUnitError(" ".join(words[place:]), label)
    return None


def _extent_in(words: list[str]) -> str | None:
    """Return the key of what an energy belongs to by words such as "per atom"."""
    pairs = pairwise(words)
    return next((word for per, word in pairs if per == "per" and word in _EXTENTS), None)


def _other_extent(words: list[str]) -> str | None:
    """Return what an energy belongs to by words such as "per molecule" that are not known."""
    places = (place for place, (per, word) in enumerate(pairwise(words)) if per == "per")
    return next((" ".join(words[place:]) for place in places if words[place + 1] != "mol"), None)


def _is_slope(words: list[str]) -> bool:
    """Return whether the words are those of a derivative of the energy, as in dE/dR."""
    return re.search("d_?e_?d_?[rx]", "_".join(words)) is not None


def _all_energies() -> Iterator[Unit]:
    for extent in _EXTENTS.values():
        yield from (_energy_unit(*energy, extent) for energy in _ENERGIES.values())


_VOCABULARY = (
    {
        word
        for names in (_ENERGIES, _PRESSURES, _LENGTHS, _EXTENTS)
        for name in names
        for word in name.split()
    }
    | {f"{length}3" for length in _LENGTHS}
    | {"per", "au", "μb"}
    | OTHER_UNITS
)
_LISTED: dict[Label, tuple[Unit, ...]] = {
    "energy": tuple(_all_energies()),
    "forces": tuple(
        unit_named("forces", text)
        for text in ("eV/Å", "-eV/Å", "meV/Å", "Ha/bohr", "-Ha/bohr", "Ry/bohr", "kcal/mol/Å")
    ),
    "stress": tuple(
        unit_named("stress", text)
        for unit in ("GPa", "kBar", "eV/Å³", "Ha/bohr³", "Ry/bohr³", "eV virial")
        for text in ([unit] if "bohr" in unit else [unit, f"-{unit}"])
    ),
    "magmoms": (base_unit("magmoms"),),
    "bandgap": tuple(unit_named("bandgap", text) for text in ("eV", "meV", "Ha")),
}
