"""What the names of columns say: which label, in which functional, with which corrections."""

import re
from collections.abc import Iterable

from core.frames.functionals import (
    MIXED,
    functional_of,
    is_functional,
    other_words,
    same_functional,
    words_of,
)
from core.frames.schema import DFT, Corrections, EnergyColumn
from core.frames.unit_words import unit_words
from core.frames.units import (
    TOTAL_WORDS,
    UnknownUnitError,
    is_total,
    unit_in_name,
    words_without_units,
)

UNKNOWN = "unknown"

# Field to the usual names of its column, the likeliest first.
_IDS: dict[str, str] = {
    "material_id": "material_id materials_id mp_id mpid mat_id material original_mp_id "
    "original_material_id parent_id parent_material_id matpes_id jid trajectory_id traj_id task_id "
    "entry_id compound_id identifier structure_id struct_id crystal_id likely_mpid wbm_id oqmd_id "
    "icsd_id icsd icsd_number icsd_code cod_id cod_number aflow_id auid refcode sys_id mol_id "
    "molecule_id source_id database_id record_id immutable_id gdb_id calc_id calculation_id "
    "sample_id system_id configuration_id config_id uid uuid sid db_id id dir_name directory "
    "folder path file_path filename file_name file name index __index_level_0__",
    "frame_id": "frame_id frame",
    "formula": "formula formula_pretty pretty_formula reduced_formula chemical_formula "
    "full_formula formula_sum composition compound",
    "n_atoms": "nsites n_sites natoms n_atoms num_atoms num_sites number_of_atoms nat",
    "functional": "functional xc xc_functional dft_functional dft_type level_of_theory theory "
    "run_type theory_level dft_level func energy_type thermo_type calc_type method",
    "structure": "structure structures structure_json final_structure cif poscar atoms",
}
NAMES: dict[str, tuple[str, ...]] = {field: tuple(names.split()) for field, names in _IDS.items()}
"""Usual names of the columns of ids, formulas, numbers of atoms, functionals and structures."""

_SPELLINGS = {name.replace("_", ""): name for names in NAMES.values() for name in names}

SURE_FUNCTIONALS = frozenset(NAMES["functional"][: NAMES["functional"].index("func")])
"""Names of columns that hold each row's functional, whatever is in them."""

_LABELS: dict[str, frozenset[str]] = {
    "forces": frozenset(
        re.findall(
            "[a-z_]+",
            "force forces frc grad grads gradient gradients energy_grad energy_grads "
            "energy_gradient energy_gradients total_gradient scf_gradient dedr dedx de_dr de_dx "
            "d_edx d_edr",
        )
    ),
    "stress": frozenset({"stress", "stresses", "stress_tensor", "virial", "virial_tensor"}),
    "magmoms": frozenset({"magmoms", "magmom", "magnetic_moments", "magnetic_moment"}),
    "bandgap": frozenset({"bandgap", "band_gap"}),
}
_LABEL_WORD = re.compile("forces?|stress(?:es)?|virials?", re.IGNORECASE)
_AFFIXES = frozenset({"ref", "dft", "vasp", "qm", "gt"})
"""Words that tools put before or behind a label, as in MACE's REF_energy."""

# Words that change no label's meaning, or its sign, which its unit states.
_QUALIFIERS = _AFFIXES | {"voigt", "cauchy", "atomic", "cartesian", "negative", "neg", "minus"}

_PLAIN_ENERGIES = tuple(
    re.findall(
        "[a-z_]+",
        "energy total_energy potential_energy energy_total etot e_tot e_total toten free_energy",
    )
)

POTENTIALS = frozenset(
    {
        *("chgnet", "mace", "m3gnet", "megnet", "matgl", "sevennet", "sevenn", "mattersim", "orb"),
        *("uma", "fairchem", "eqv2", "equiformer", "nequip", "allegro", "grace", "alignn", "ani"),
    }
)
"""Potentials, by which the labels that they made are named, as janus-core's mace_mp_forces."""

_TAKES_CORRECTIONS = frozenset({MIXED, "GGA", "GGA+U", "PBE", "PBE+U"})
_UNCORRECTED = frozenset({"uncorrected", "uncorr", "raw"})
_CORRECTED = frozenset({"corrected", "corr", "adjusted", "mp2020"})
_A_CORRECTION = r"mp[\s_-]?2020|corr(?:ect(?:ed|ions?))?|adjust(?:ed|ments?)"
# Phrases such as "without MP2020 corrections", "no_corr" and "nonCorrected", and their opposites.
_PHRASES = tuple(
    (
        re.compile(
            rf"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))(?i:{words})[\s_-]*(?:(?i:the|any|mp)[\s_-]+)*"
            rf"(?:(?i:{_A_CORRECTION})(?![a-z])[\s_-]*)+"
        ),
        f" {meaning} ",
    )
    for words, meaning in (
        ("without|w[/_]?o|no|non|not|un|before|minus|excl(?:uding)?", "uncorrected"),
        ("with|incl(?:uding)?|after|plus", "corrected"),
    )
)
_OF_AN_ENTRY = frozenset({"from", "cse"})
"""Words beside the energies that Matbench Discovery took from computed structure entries."""
_ENERGY_WORDS = frozenset({"e", "en", "ener", "eng", "energy", "energies", "final"})
"""Words that every total energy may have; what is relaxed ends in its final energy."""
# Words that mark an energy other than the total energy.
_NOT_TOTAL = re.compile(
    "ids?|(?:formation|form|ef|ed|eg|hull|above|ehull|enthalpy|decomposition|cohesive|cohesion|"
    "exfoliation|fermi|atomi[sz]ation|exchange|dispersion|electrostatic|repulsion|gap|surface|"
    "adsorption|reaction|binding|vacancy|difference|diff|delta|shift|error|std|mae|rmse|mse|loss|"
    "weight|uncertainty|correction|zpe|kinetic|interaction|gradient|gradients|grad|type|cutoff)"
    "(?:energy|energies)?"
)
_LIKE_LABELS = re.compile(r"energ\w*|forces?|stress\w*|virials?|grad\w*|magmoms?|magnetic|moments?")


def plain_name(name: str) -> str:
    """Return a name in lower case with underscores: Material ID and materialId are material_id."""
    plain = re.sub(r"[\s.-]+", "_", name.strip().lower())
    return _SPELLINGS.get(plain.replace("_", ""), plain)


def first_named(columns: Iterable[str], field: str) -> str | None:
    """Return the column that has the likeliest of a field's usual names, None if none has."""
    plain: dict[str, str] = {}
    for column in columns:
        plain.setdefault(plain_name(column), column)
    return next((plain[name] for name in NAMES[field] if name in plain), None)


def label_named(name: str) -> tuple[str, str | None] | None:
    """Return which label a column is named after, and the functional that the name contains.

    Units, and words such as REF, dft or vasp, do not count.

    Returns:
        "forces", "stress", "magmoms" or "bandgap", with a functional or None; None for another
        name.
    """
    words = words_without_units(" ".join(other_words(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", name))))
    core = "_".join(word for word in words if word not in _QUALIFIERS)
    for label, names in _LABELS.items():
        if core in names:
            return label, functional_of(name)
    return None


def model_named(name: str) -> str | None:
    """Return the potential that a label is named after, None if there is none."""
    return next((word for word in words_of(name) if word in POTENTIALS), None)


def letter_named(name: str) -> str:
    """Return what is left of a name without units and words such as REF: "e" of E_dft and E_eV."""
    return "_".join(word for word in words_without_units(name) if word not in _AFFIXES)


def looks_like_label(name: str) -> bool:
    """Return whether a column's name sounds like a label that training could use."""
    words = words_of(name)
    return any(map(_LIKE_LABELS.fullmatch, words)) and not any(map(_NOT_TOTAL.fullmatch, words))


def energy_column(name: str, *, of_cells: bool = False) -> EnergyColumn | None:
    """Guess from its name which energy a column holds; None if it is not a total energy.

    Args:
        name: the column's name.
        of_cells: whether names such as total_energy, usually of a whole cell, count as well.
    """
    plain = _with_plain_corrections(name)
    words = set(words_of(plain))
    is_energy = (
        any("energ" in word for word in words)
        or ("e" in words and bool(is_functional(name) or is_total(name) or _states_unit(name)))
        or not {"etot", "toten", "etotal"}.isdisjoint(words)
        or _is_functional_with_unit(plain)
    )
    if not is_energy or any(map(_NOT_TOTAL.fullmatch, words)):
        return None
    if is_total(name) and not of_cells and not _is_complete(name):
        return None  # usually of the whole cell
    return as_energies(name)


def as_energies(name: str) -> EnergyColumn:
    """Return what the name of a column that holds energies says of them."""
    plain = _with_plain_corrections(name)
    words = set(words_of(plain))
    functional = functional_of(plain)
    corrections: Corrections = "unknown"
    if words & _UNCORRECTED:
        corrections = "none"
    elif words & _CORRECTED:
        corrections = "MP2020"
    elif functional and functional not in _TAKES_CORRECTIONS:
        # Only GGA and GGA+U energies take MP2020 corrections.
        corrections = "none"
    return EnergyColumn(
        column=name,
        functional=functional or UNKNOWN,
        corrections=corrections,
        labels=model_named(name) or DFT,
    )


def of_one_functional(first: EnergyColumn, second: EnergyColumn) -> bool:
    """Return whether two columns hold the energies of one functional by one method.

    Where the functional is not known, it is the same one if only units and words such as
    "uncorrected" tell the names apart.
    """
    if first.labels != second.labels:
        return False
    if UNKNOWN not in {first.functional, second.functional}:
        return same_functional(first.functional, second.functional)
    return first.functional == second.functional and _stem(first.column) == _stem(second.column)


def differ_in_corrections(first: EnergyColumn, second: EnergyColumn) -> bool:
    """Return whether two columns are energies of one functional with and without corrections."""
    uncorrected = [energy.corrections == "none" for energy in (first, second)]
    return sum(uncorrected) == 1 and of_one_functional(first, second)


def is_plainer(first: EnergyColumn, second: EnergyColumn) -> bool:
    """Return whether a column is taken for the energies of a functional and another one is not.

    The other one may be a relative energy, a flag or a count, for its name has all words of the
    first and more; or the totals of cells, for only the first states energies per atom.
    """
    if (
        UNKNOWN in {first.functional, second.functional}
        or not of_one_functional(first, second)
        or second.corrections not in {first.corrections, "unknown"}
    ):
        return False
    words, others = (_words_beside_functional(energy.column) for energy in (first, second))
    if words == others:
        return _is_per_atom(first.column) and not _is_per_atom(second.column)
    return words < others


def plain_energy(columns: Iterable[str]) -> str | None:
    """Return the column that is called energy and little else, which means a total energy.

    Where several are, as in files of ASE with energy and free_energy, the plainest one counts, and
    one that is marked as the reference, as in REF_energy, before one that is not.
    """
    plain: dict[str, tuple[bool, str]] = {}
    for column in columns:
        words = words_without_units(column)
        core = "_".join(word for word in words if word not in _AFFIXES)
        is_marked = not _AFFIXES.isdisjoint(words)
        if core not in plain or (is_marked and not plain[core][0]):
            plain[core] = is_marked, column
    return next((plain[name][1] for name in _PLAIN_ENERGIES if name in plain), None)


def of_one_set(energy: str, columns: Iterable[str]) -> dict[str, str]:
    """Return forces and stress to the columns that are called like an energy but for the label.

    Files hold several sets of labels, such as REF_energy and REF_forces beside energy and forces.

    Args:
        energy: name of the column of energies.
        columns: names of further columns.
    """
    stem = re.sub("energy", "", energy, flags=re.IGNORECASE)
    found: dict[str, str] = {}
    for column in columns:
        match = _LABEL_WORD.search(column)
        if match and column[: match.start()] + column[match.end() :] == stem:
            found.setdefault("forces" if match[0][0] in "fF" else "stress", column)
    return found


def states_atoms(name: str) -> bool:
    """Return whether a name says that its energies are per atom."""
    return "atom" in unit_words(name)


def _with_plain_corrections(name: str) -> str:
    """Return a name in which "corrected" or "uncorrected" stands for a phrase that means it."""
    for phrase, meaning in _PHRASES:
        name = phrase.sub(meaning, name)
    return name


def _stem(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell two methods apart."""
    left_out = _UNCORRECTED | _CORRECTED | TOTAL_WORDS | _OF_AN_ENTRY | _ENERGY_WORDS
    words = words_without_units(_with_plain_corrections(name))
    return tuple(word for word in words if word not in left_out)


def _words_beside_functional(name: str) -> set[str]:
    """Return the words that tell two columns of one functional apart."""
    return set(_stem(" ".join(other_words(_with_plain_corrections(name))))) - _AFFIXES


def _is_functional_with_unit(name: str) -> bool:
    """Return whether a name is a functional and a unit of energy, as in "r2scan (eV/atom)"."""
    words = words_without_units(" ".join(other_words(re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", name))))
    try:
        unit = unit_in_name("energy", name)
    except UnknownUnitError:
        return False
    return unit is not None and is_functional(name) and not set(words) - _AFFIXES


def _is_per_atom(name: str) -> bool:
    """Return whether a name states a unit of energy per atom."""
    try:
        unit = unit_in_name("energy", name)
    except UnknownUnitError:
        return False
    return unit is not None and unit.is_complete and unit.per == "atom"


def _states_unit(name: str) -> bool:
    try:
        return unit_in_name("energy", name) is not None
    except UnknownUnitError:
        return True


def _is_complete(name: str) -> bool:
    """Return whether a name says what its energy belongs to."""
    return bool({"atom", "cell", "fu"} & set(unit_words(name)))
