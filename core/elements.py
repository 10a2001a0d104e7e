"""The 94 elements H to Pu in CHGNet's order, and compositions as fractions of them."""

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from core.errors import LabError

_SYMBOL = re.compile("[A-Z][a-z]?")
SYMBOLS: tuple[str, ...] = tuple(
    _SYMBOL.findall(
        "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As "
        "Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu "
        "Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu"
    )
)
"""Chemical symbols; the element of atomic number Z is at Z − 1, as in CHGNet's AtomRef."""

N_ELEMENTS = len(SYMBOLS)
"""Number of elements that CHGNet supports, 94."""

INDEX: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}
"""Zero-based index of each symbol."""

ISOTOPES: dict[str, str] = {"D": "H", "T": "H"}
"""Symbols of isotopes, which have the references of their element."""

_BEYOND_PU = frozenset(
    _SYMBOL.findall("Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og")
)
FORMULA_REMEDY = "write it like LiCoO2, with elements from H to Pu"

_LONGEST = 500
"""Characters of a formula; pymatgen's time and depth grow with its brackets."""

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_MARKUP = re.compile(r"\$|</?sub>|_\{([0-9.]+)\}|_(?=[0-9])")
_CHARGE = re.compile(
    r"(?:\[[0-9]*[+-]\]|(?:[\s^]|(?<=\]))[0-9]*[+-]|[⁰¹²³⁴⁵⁶⁷⁸⁹]*[⁺⁻]|(?<![0-9]{2})(?<![0-9]e)[+-][0-9]*)$"
)
_NUMBER = r"(?:[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?|[0-9]+\.)?"
_PLAIN = re.compile(rf"(?:[A-Z][a-z]?{_NUMBER})+")
_ELEMENT = re.compile(rf"([A-Z][a-z]?)({_NUMBER})")
# A point before a whole number of water or ammonia, CuSO4.5H2O, parts a salt from its hydrate; one
# after an element without a number or with 0, Ni0.5H2O, is a decimal point.
_HYDRATE = re.compile(
    r"(?<=[)\]A-Za-z1-9])\s*\.\s*([0-9]*(?:\.[0-9]+)?)\s*(\(?(?:H2O|D2O|OH2|NH3)\)?)$"
)
_POINT = re.compile(r"(?<=[A-Za-z0-9)\]])\.(?=[A-Z(\[])")
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_DOT = "·•⋅∙‧․・×*"
# In 3Al2O3.2SiO2 the point may part two oxides, or be that of 3.2.
_WHOLE_POINT = re.compile(
    rf"(?:(?<![{_DOT}\s.0-9])[1-9][0-9]*|(?<=[A-Za-z]))\.[1-9][0-9]*(?=[A-Z(\[])"
)
_NONMETALS = frozenset(_SYMBOL.findall("H D C N O F P S Cl Br I"))
_ANIONS = _NONMETALS - {"H", "D", "C", "P"}
# Neither a charge nor an exponent's; pymatgen would subtract what follows it.
_INNER_SIGN = re.compile(r"(?<=[A-Za-z0-9)\]}])(?<![0-9]e)[+\u2212\u2013-](?=.)")
_WORD = re.compile(r"(?:[A-Z][a-z]?|[()\[\]{}0-9.]|(?<=[0-9])e[+-]?(?=[0-9]))+")
# Polytypes (4H), and space groups (P1, I41), structure types (B2, C15) and phases (HP, II), which
# read as elements.
_POLYTYPE = re.compile(r"[0-9.]+[A-Z(\[{].*")
_PHASE = re.compile("P[1-6][0-9]*|[BCD][0-9]+|I41?|[FI][24][0-9]+|Pm|I{2,3}|IV|VI{1,3}|H[PT]")
_SUM_IN_BRACKETS = re.compile(rf"[(\[{{]([^()\[\]{{}}]*[{_DOT}][^()\[\]{{}}]*)[)\]}}]")
_TERM = re.compile(r"\s*([0-9.]*)\s*(\S.*)", re.DOTALL)
# Numerals behind an element are its oxidation number, not iodine and vanadium.
_OXIDATION = re.compile(r"(?<=[A-Za-z])\((?:I{1,3}|IV|VI{0,3}|IX)\)")
# What a name of a file or a polymorph ends with, as in LiCoO2_166; subscripts of LaTeX follow a
# symbol or a bracket, as in Li_2O.
_ENDING = re.compile(r"(?<=[0-9])_[0-9]+$|(?<=[A-Za-z])_[0-9]{2,}$")
_MISSING = frozenset({"nan", "NaN", "NAN", "<NA>", "#N/A", "N/A", "n/a", "None", "null", "NULL"})


class FormulaError(LabError):
    """A formula that is not a composition of the elements H to Pu.

    Attributes:
        row: position of the formula in the sequence that was read, from 0.
        problem: what is wrong with it, without the remedy.
    """

    def __init__(self, problem: str, *, row: int = 0) -> None:
        super().__init__(f"{problem}; {FORMULA_REMEDY}.")
        self.row = row
        self.problem = problem


def _position(number: int) -> tuple[int, int]:
    """Return (row, column) of an atomic number in the 18-column table, both from 1."""
    if 57 <= number <= 71:
        return 9, number - 54
    if 89 <= number <= 94:
        return 10, number - 86
    starts = (1, 3, 11, 19, 37, 55, 87)
    row = sum(number >= start for start in starts)
    place = number - starts[row - 1]
    if row == 1:
        return 1, 1 if number == 1 else 18
    if row in {2, 3}:
        return row, place + 1 if place < 2 else place + 11
    if row == 6 and place >= 2:
        return 6, place - 13
    return row, place + 1


POSITION: dict[str, tuple[int, int]] = {
    symbol: _position(index + 1) for index, symbol in enumerate(SYMBOLS)
}
"""(row, column) of each symbol in the 18-column table; rows 9 and 10 are the f-block."""


def atomic_number(symbol: str) -> int:
    """Return the atomic number of an element from H to Pu, or of an isotope of one (D, T).

    Raises:
        KeyError: if there is no such element.
    """
    return INDEX[ISOTOPES.get(symbol, symbol)] + 1


def fractions_from_flat(numbers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Compute the compositions of many frames at once.

    Args:
        numbers: concatenated atomic numbers of all frames, (N,) integers from 1 to 94.
        offsets: start of each frame and end of the last one, (n + 1,) integers.

    Returns:
        Composition fractions, (n, 94); each row sums to 1.
    """
    sizes = np.diff(offsets)
    n = len(sizes)
    flat = np.asarray(numbers[offsets[0] : offsets[-1]], dtype=np.intp) - 1
    flat += np.repeat(np.arange(n, dtype=np.intp) * N_ELEMENTS, sizes)
    counts = np.bincount(flat, minlength=n * N_ELEMENTS).reshape(n, N_ELEMENTS)
    return counts / sizes[:, None]


def fractions_from_formula(formula: str) -> np.ndarray:
    """Read one formula as composition fractions, (94,).

    Raises:
        FormulaError: if it is not a composition of the elements H to Pu.
    """
    fractions: np.ndarray = fractions_from_formulas([formula])[0]
    return fractions


def fractions_from_formulas(formulas: Sequence[str] | pd.Series | np.ndarray) -> np.ndarray:
    """Read formulas as composition fractions; each distinct formula is read once.

    Brackets (Ca(OH)2), hydrates (CuSO4·5H2O, CuSO4.5H2O), isotopes (D2O), spaces, subscripts and
    exponents (Fe9e-05Ni0.99991) are understood; charges (SO4-2, [SO4]2-, NH4+) are ignored.

    Args:
        formulas: chemical formulas, (n,) strings.

    Returns:
        Composition fractions, (n, 94); each row sums to 1.

    Raises:
        FormulaError: for the first formula that is not a composition of the elements H to Pu.
    """
    amounts = amounts_from_formulas(formulas)
    fractions: np.ndarray = amounts / amounts.sum(axis=1, keepdims=True)
    return fractions


def amounts_from_formulas(formulas: Sequence[str] | pd.Series | np.ndarray) -> np.ndarray:
    """Read formulas as numbers of atoms in the formula as it is written, (n, 94).

    Args and errors as of `fractions_from_formulas`.
    """
    codes, distinct = pd.factorize(np.asarray(formulas, dtype=object), use_na_sentinel=False)
    amounts = np.zeros((len(distinct), N_ELEMENTS))
    for number, formula in enumerate(distinct):
        try:
            for symbol, amount in _amounts(formula).items():
                amounts[number, atomic_number(symbol) - 1] += amount
        except FormulaError as error:
            row = int(np.argmax(codes == number))
            raise FormulaError(error.problem, row=row) from None
    return amounts if len(distinct) == len(codes) else amounts[codes]


def as_hydrate(formula: str) -> str | None:
    """Return how a formula with a point before its water is read, None if it has none.

    CuSO4.5H2O is read as CuSO4·5H2O, not as 4.5 oxygen atoms and water.
    """
    text = formula.strip().translate(_SUBSCRIPTS)
    if any(dot in text for dot in _DOT):
        return None  # in UO2SO4·3.5H2O the point is a decimal point
    whole = _HYDRATE.sub(r"·\1\2", text)
    return None if whole == text else whole


def _amounts(formula: object) -> dict[str, float]:
    """Return the number of atoms of each element in a formula."""
    if not isinstance(formula, str) or not formula.strip() or formula.strip() in _MISSING:
        raise FormulaError("the formula is missing")
    if len(formula) > _LONGEST:
        raise FormulaError(f"the formula {formula[:20]!r}… has over {_LONGEST} characters")
    if doubt := _doubt(formula.strip().translate(_SUBSCRIPTS)):
        raise FormulaError(f"the formula {formula!r} {doubt}")
    text = _CHARGE.sub("", _MARKUP.sub(r"\1", formula.strip().translate(_SUBSCRIPTS)))
    text = _POINT.sub("·", as_hydrate(text) or text)
    terms = _ELEMENT.findall(text)
    is_plain = _PLAIN.fullmatch(text)
    if not is_plain and (doubt := _doubt_of_parts(text)):
        raise FormulaError(f"the formula {formula!r} {doubt}")
    unknown = [symbol for symbol, _ in terms if ISOTOPES.get(symbol, symbol) not in INDEX]
    if unknown:
        what = "lies beyond Pu" if unknown[0] in _BEYOND_PU else "is not an element"
        raise FormulaError(f"the formula {formula!r} contains {unknown[0]}, which {what}")
    amounts = dict.fromkeys((symbol for symbol, _ in terms), 0.0)
    try:
        if is_plain:  # pymatgen takes ten times as long
            for symbol, number in terms:
                amounts[symbol] += float(number or 1)
        else:
            amounts = _composition(text)
    except (ValueError, RecursionError):
        raise FormulaError(f"the formula {formula!r} cannot be read") from None
    if not sum(amounts.values()):
        raise FormulaError(f"the formula {formula!r} contains no atoms")
    if not np.isfinite(sum(amounts.values())):
        raise FormulaError(f"the formula {formula[:20]!r} has an infinite number of atoms")
    return amounts


def _doubt(text: str) -> str:
    """Return why a formula may mean something else than it says; empty if there is no doubt."""
    if numeral := _OXIDATION.search(text):
        return f"contains {numeral[0]}, which looks like an oxidation number; leave it out"
    if ending := _ENDING.search(text):
        return f"ends in {ending[0]}, which looks like the number of a space group; leave it out"
    whole = as_hydrate(text) or text
    for point in _WHOLE_POINT.finditer(whole):
        rest = whole[point.end() :]
        left, right = _SYMBOL.findall(whole[: point.end()]), set(_SYMBOL.findall(rest))
        # An element on both sides, or a molecule behind an anion (CaCl2.2CH3OH), as no formula with
        # decimal amounts has.
        is_molecule = len(right) > 1 and right <= _NONMETALS and "." not in rest
        if not right.isdisjoint(left) or (is_molecule and left[-1] in _ANIONS):
            return f"may mean {point[0]} atoms or two parts; write · between two parts"
    return ""


def _doubt_of_parts(text: str) -> str:
    """Return which word or sign in a formula without charges may be no part of it."""
    for part in re.split(f"[{_DOT}]", text):
        words = part.split()
        if words and re.fullmatch("[0-9.]+", words[0]):
            del words[0]
        if not words or not _WORD.fullmatch(words[0]):
            continue
        for place, word in enumerate(words[1:], 1):
            # Where each element stands alone, as in Ga1 P1, the next one is an element.
            is_whole = any(len(_SYMBOL.findall(one)) > 1 for one in words[:place])
            is_number = word.isdecimal() and len(word) > 1 and words[place - 1][-1] not in ")]}"
            is_phase = place == len(words) - 1 and _PHASE.fullmatch(word)
            if (
                not _WORD.fullmatch(word)
                or _POLYTYPE.fullmatch(word)
                or (is_whole and (is_number or is_phase))
            ):
                return (
                    f"has {word!r} behind a space, which may be no part of it; leave it out, or "
                    "write · before a further part"
                )
    sign = _INNER_SIGN.search(text)
    return (
        f"has {sign[0]!r} between its parts; write · between two parts, a number for x, and no "
        "other words"
        if sign
        else ""
    )


def _composition(text: str) -> dict[str, float]:
    """Read a formula with brackets or several parts."""
    from pymatgen.core import Composition  # noqa: PLC0415  takes a second to import

    if any(text.count(left) != text.count(right) for left, right in _BRACKETS):
        raise ValueError(text)
    text = _SUM_IN_BRACKETS.sub(lambda match: f"({_as_product(match[1])})", text)
    return Composition(_as_product(text)).get_el_amt_dict()


def _as_product(text: str) -> str:
    """Rewrite 2NaCl·MgCl2 as (NaCl)2(MgCl2)1, which pymatgen reads."""
    terms = [_TERM.fullmatch(term) for term in re.split(f"[{_DOT}]", text)]
    if not all(terms):
        raise ValueError(text)
    return "".join(f"({term[2]}){term[1] or 1}" for term in terms if term)


def formula_of(atomic_numbers: np.ndarray) -> str:
    """Return the reduced formula of a cell, as pymatgen writes it.

    Args:
        atomic_numbers: of its atoms, (n,) integers from 1 to 94.
    """
    return _formula_of_atoms(np.asarray(atomic_numbers, dtype=np.uint8).tobytes())


@lru_cache(maxsize=1 << 12)
def _formula_of_atoms(numbers: bytes) -> str:
    """Return the formula of atoms in the order of a cell, which frames of a material share."""
    counts = np.bincount(np.frombuffer(numbers, dtype=np.uint8), minlength=1)
    return _reduced_formula(tuple((int(z), int(counts[z])) for z in np.flatnonzero(counts)))


@lru_cache(maxsize=1 << 17)
def _reduced_formula(counts: tuple[tuple[int, int], ...]) -> str:
    from pymatgen.core import Composition  # noqa: PLC0415  takes a second to import

    with warnings.catch_warnings():
        # pymatgen warns that noble gases have no electronegativity to sort by.
        warnings.simplefilter("ignore", UserWarning)
        return Composition({SYMBOLS[z - 1]: count for z, count in counts}).reduced_formula


_CHEMISTRIES: tuple[tuple[str, str], ...] = (
    ("oxide", "O"),
    ("halide", "F Cl Br I At"),
    ("chalcogenide", "S Se Te Po"),
    ("pnictide", "N P As Sb Bi"),
    ("carbide", "C"),
    ("boride", "B"),
    ("silicide", "Si"),
    ("hydride", "H"),
)


def chemistry(fractions: np.ndarray) -> list[str]:
    """Classify compositions by their anions.

    A single element is an "element". Anything else is classified by the first of these rules that
    applies: oxide (O), halide (F, Cl, Br, I, At), chalcogenide (S, Se, Te, Po), pnictide (N, P,
    As, Sb, Bi), carbide (C), boride (B), silicide (Si), hydride (H); so a sulfate is an oxide.
    Compositions without any of these elements are "intermetallic".

    Args:
        fractions: composition fractions, (n, 94).
    """
    present = np.asarray(fractions) > 0
    conditions = [present.sum(axis=1) == 1]
    names = ["element"]
    for name, symbols in _CHEMISTRIES:
        conditions.append(present[:, [INDEX[symbol] for symbol in symbols.split()]].any(axis=1))
        names.append(name)
    classes: list[str] = np.select(conditions, names, default="intermetallic").tolist()
    return classes
