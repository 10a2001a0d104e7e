"""The 94 elements H to Pu in CHGNet's order, and compositions as fractions of them."""

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

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
"""94: what CHGNet knows."""

INDEX: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}
"""Symbol to zero-based index."""

_BEYOND_PU = frozenset(
    _SYMBOL.findall("Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og")
)
_PLAIN_FORMULA = r"^(?:[A-Z][a-z]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)?)+$"
_PLAIN_TOKEN = re.compile(r"([A-Z][a-z]?)([0-9.]*)")
_TOKEN = re.compile(r"[A-Z][a-z]?|[()\[\]{}]|[·•⋅∙*]|[0-9]+\.?[0-9]*|\.[0-9]+|\S")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_CHUNK = 100_000


class FormulaError(LabError):
    """A formula that is not a composition of H to Pu.

    Attributes:
        row: Position of the formula in the sequence that was read, from 0.
        problem: What is wrong with it, without the remedy.
    """

    def __init__(self, problem: str, *, row: int = 0) -> None:
        super().__init__(f"{problem}; write it like LiCoO2, with elements from H to Pu.")
        self.row = row
        self.problem = problem


def _position(number: int) -> tuple[int, int]:
    """Place an atomic number in the 18-column table: (row, column), both from 1."""
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
"""Symbol to (row, column) of the 18-column table; lanthanides and actinides in rows 9 and 10."""


def fractions_from_flat(numbers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Count compositions of many frames at once.

    Args:
        numbers: Atomic numbers of all frames one after the other, (N,) integers from 1 to 94.
        offsets: Where each frame begins and the last one ends, (n + 1,) integers.

    Returns:
        Composition fractions (n, 94), each row summing to 1.
    """
    sizes = np.diff(offsets)
    n = len(sizes)
    flat = np.asarray(numbers[offsets[0] : offsets[-1]], dtype=np.intp) - 1
    flat += np.repeat(np.arange(n, dtype=np.intp) * N_ELEMENTS, sizes)
    counts = np.bincount(flat, minlength=n * N_ELEMENTS).reshape(n, N_ELEMENTS)
    return counts / sizes[:, None]


def fractions_from_formula(formula: str) -> np.ndarray:
    """Read one formula as composition fractions (94,).

    Raises:
        FormulaError: An unknown element, one beyond Pu, or text that is no formula.
    """
    return fractions_from_formulas([formula])[0]


def fractions_from_formulas(formulas: Sequence[str] | pd.Series | np.ndarray) -> np.ndarray:
    """Read many formulas as composition fractions.

    Each distinct formula is read once: plain ones (Fe2O3, Li0.5CoO2) by one regular expression
    over all of them, the rest one by one: brackets (Ca(OH)2), sums (UO4·4H2O), subscripts (Fe₂O₃)
    and spaces (Fe2 O3).

    Args:
        formulas: Chemical formulas, (n,) strings.

    Returns:
        Composition fractions (n, 94), each row summing to 1.

    Raises:
        FormulaError: The first formula that is not a composition of H to Pu, with its row.
    """
    codes, distinct = pd.factorize(np.asarray(formulas, dtype=object), use_na_sentinel=False)
    table = np.empty((len(distinct), N_ELEMENTS))
    for start in range(0, len(distinct), _CHUNK):
        chunk = distinct[start : start + _CHUNK]
        try:
            table[start : start + len(chunk)] = _read(chunk)
        except FormulaError:
            code, error = _first_bad(chunk)
            row = int(np.argmax(codes == start + code))
            raise FormulaError(error.problem, row=row) from None
    return table if len(distinct) == len(codes) else table[codes]


def _first_bad(formulas: np.ndarray) -> tuple[int, FormulaError]:
    """Find the first formula of a chunk that cannot be read, by halving."""
    low, high = 0, len(formulas)
    while True:
        middle = (low + high + 1) // 2
        try:
            _read(formulas[low:middle])
        except FormulaError as error:
            if middle - low == 1:
                return low, error
            high = middle
        else:
            low = middle


def _read(formulas: np.ndarray) -> np.ndarray:
    """Read distinct formulas as fractions, all in one go."""
    amounts = np.zeros((len(formulas), N_ELEMENTS))
    texts = pa.array([f if isinstance(f, str) else None for f in formulas], pa.string())
    plain = pc.fill_null(pc.match_substring_regex(texts, _PLAIN_FORMULA), False)
    mask = plain.to_numpy(zero_copy_only=False)
    chosen = texts.filter(plain)
    # Every formula begins with a capital, so joined ones part again by themselves.
    tokens = _PLAIN_TOKEN.findall("".join(chosen.to_pylist()))
    unknown = {symbol for symbol, _ in tokens} - INDEX.keys()
    if unknown:
        raise _unknown(min(unknown), next(f for f in formulas[mask] if min(unknown) in f))
    columns = [INDEX[symbol] for symbol, _ in tokens]
    sizes = pc.count_substring_regex(chosen, "[A-Z]").to_numpy()
    rows = np.repeat(np.flatnonzero(mask), sizes)
    numbers = np.array([float(amount) if amount else 1.0 for _, amount in tokens])
    np.add.at(amounts, (rows, np.array(columns, dtype=np.intp)), numbers)
    for row in np.flatnonzero(~mask):
        amounts[row] = _read_any(formulas[row])
    totals = amounts.sum(axis=1)
    if not np.all(totals > 0):
        empty = formulas[int(np.argmin(totals > 0))]
        raise FormulaError(f"the formula {empty!r} holds no atoms")
    return amounts / totals[:, None]


def _unknown(symbol: str, formula: str) -> FormulaError:
    what = "lies beyond Pu" if symbol in _BEYOND_PU else "is no element"
    return FormulaError(f"the formula {formula!r} holds {symbol}, which {what}")


def _read_any(formula: object) -> np.ndarray:
    """Read one formula of any form: amounts (94,)."""
    if not isinstance(formula, str) or not formula.strip():
        raise FormulaError("the formula is missing")
    tokens = _TOKEN.findall(formula.translate(_SUBSCRIPTS))
    for token in tokens:
        if _SYMBOL.fullmatch(token) and token not in INDEX:
            raise _unknown(token, formula)
    try:
        amounts, end = _read_sum(tokens, 0)
    except ValueError:
        end = -1
    if end != len(tokens):
        raise FormulaError(f"the formula {formula!r} cannot be read")
    return amounts


def _read_sum(tokens: list[str], at: int) -> tuple[np.ndarray, int]:
    """Read 2H2O·CaO from a token on: amounts (94,) and the token after it."""
    total = np.zeros(N_ELEMENTS)
    while True:
        factor, at = _read_number(tokens, at)
        start = at
        while at < len(tokens) and (tokens[at] in INDEX or tokens[at] in _CLOSING):
            token = tokens[at]
            if token in INDEX:
                amounts, at = np.eye(1, N_ELEMENTS, INDEX[token])[0], at + 1
            else:
                amounts, at = _read_sum(tokens, at + 1)
                if tokens[at : at + 1] != [_CLOSING[token]]:
                    raise ValueError(token)
                at += 1
            count, at = _read_number(tokens, at)
            total += factor * count * amounts
        if at == start:
            raise ValueError(tokens[at:])
        if at == len(tokens) or tokens[at] not in "·•⋅∙*":
            return total, at
        at += 1


def _read_number(tokens: list[str], at: int) -> tuple[float, int]:
    """Read a number from a token on, 1 if there is none, and the token after it."""
    if at < len(tokens) and tokens[at][0] in "0123456789.":
        return float(tokens[at]), at + 1
    return 1.0, at


def formula_of(atomic_numbers: np.ndarray) -> str:
    """Return the reduced formula of a cell, as pymatgen writes it.

    Args:
        atomic_numbers: (n,) integers from 1 to 94.
    """
    counts = np.bincount(np.asarray(atomic_numbers), minlength=1)
    return _reduced_formula(tuple((int(z), int(counts[z])) for z in np.flatnonzero(counts)))


@lru_cache(maxsize=1 << 17)
def _reduced_formula(counts: tuple[tuple[int, int], ...]) -> str:
    from pymatgen.core import Composition  # noqa: PLC0415  slow to import, only writers need it

    with warnings.catch_warnings():
        # Noble gases have no electronegativity to sort by; pymatgen says so at length.
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
    """Name the chemistry of compositions by one rule.

    A single element is an "element". Anything else takes the first name whose elements it holds:
    oxide (O), halide (F, Cl, Br, I, At), chalcogenide (S, Se, Te, Po), pnictide (N, P, As, Sb,
    Bi), carbide (C), boride (B), silicide (Si), hydride (H); so a sulfate is an oxide. What holds
    none of these is an "intermetallic".

    Args:
        fractions: Composition fractions (n, 94).
    """
    present = np.asarray(fractions) > 0
    conditions = [present.sum(axis=1) == 1]
    names = ["element"]
    for name, symbols in _CHEMISTRIES:
        conditions.append(present[:, [INDEX[symbol] for symbol in symbols.split()]].any(axis=1))
        names.append(name)
    return np.select(conditions, names, default="intermetallic").tolist()
