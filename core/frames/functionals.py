"""Names of functionals: their usual spelling, with dispersion and U, and when two are the same."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

MIXED = "GGA/GGA+U"
"""Materials Project's energies: GGA for some compositions, GGA+U for the others."""

_PARTS_OF_MIXED = frozenset({"GGA", "GGA+U"})
_COVERED_BY_MIXED = _PARTS_OF_MIXED | {"PBE", "PBE+U"}

# Pattern, name, rank: sources of a transfer usually rank below its targets.
_BASES: tuple[tuple[str, str, int], ...] = (
    ("r2scan", "r2SCAN", 4),
    ("r2scanl", "r2SCAN-L", 4),
    ("rscan", "rSCAN", 3),
    ("scan", "SCAN", 3),
    ("scanl", "SCAN-L", 3),
    ("(meta|m)gga", "meta-GGA", 3),
    ("hse03", "HSE03", 5),
    ("hse(06)?", "HSE06", 5),
    ("hsesol", "HSEsol", 5),
    ("pbe0", "PBE0", 5),
    ("pbeh", "PBEh", 5),
    ("pbesol", "PBEsol", 2),
    ("revpbe", "revPBE", 1),
    ("rpbe", "RPBE", 1),
    ("pbe", "PBE", 1),
    ("gga", "GGA", 1),
    ("lda", "LDA", 0),
    ("pw91", "PW91", 1),
    ("am05", "AM05", 2),
    ("revtpss", "revTPSS", 3),
    ("tpss", "TPSS", 3),
    ("m06l", "M06-L", 3),
    ("b3lyp", "B3LYP", 5),
    ("blyp", "BLYP", 1),
    ("(tb)?mbj", "mBJ", 3),
    ("optb88", "optB88", 2),
    ("optb86b", "optB86b", 2),
    ("optpbe", "optPBE", 2),
    ("beef", "BEEF", 2),
    ("wb97x", "ωB97X", 5),
    ("wb97m", "ωB97M", 5),
    ("vdwdf", "vdW-DF", 2),
    ("vdwdf2", "vdW-DF2", 2),
    ("revvdwdf2", "rev-vdW-DF2", 2),
)
_RANKS = {name: rank for _, name, rank in _BASES}
_DISPERSIONS = {
    "d2": "-D2",
    "d3": "-D3",
    "d3zero": "-D3(0)",
    "d3bj": "-D3(BJ)",
    "d3m": "-D3M",
    "d3mbj": "-D3M(BJ)",
    "d3op": "-D3(op)",
    "d4": "-D4",
    "mbd": "-MBD",
    "ts": "-TS",
    "xdm": "-XDM",
    "ddsc": "-dDsC",
    "ulg": "-ULG",
    "vdw": "-vdW",
    "vdwsurf": "-vdWsurf",
    "rvv10": "+rVV10",
    "vv10": "+VV10",
}
_MODIFIERS = {"u": "+U", **_DISPERSIONS, "atm": "-ATM", "3c": "-3c", "soc": "+SOC"}
_PLACES = {name: place for place, name in enumerate(_MODIFIERS.values())}
_OF_RANGE_SEPARATED = {"d": "-D", "v": "-V"}
_GLUED = re.compile(rf"(.+?)({'|'.join(sorted(_MODIFIERS, key=len, reverse=True))})")
_CAMEL = re.compile(
    r"(?<=[a-z])(?=[A-Z][a-z]|R2)|(?<=[a-z]{2})(?<!rev)(?<!opt)(?=PBE|SCAN|HSE|LDA|GGA|TPSS)"
)
_CONNECTING = frozenset({"with", "and", "plus", "incl", "including"})
# Names of several words, as one word.
_JOINED = tuple(
    (re.compile(pattern), joined)
    for pattern, joined in (
        (r"ωb97", "wb97"),
        (r"(?<![a-z0-9])(xc_)?(lda|m?gga)[_-](x|c|xc)[_-]", " "),  # of libxc
        (r"(?<![a-z0-9])r[\s^${_(-]{0,3}2[\s}$)_-]{0,3}scan", "r2scan"),
        (r"(?<![a-z0-9])(r2)?scan[\s_-]+l(?![a-z0-9])", r"\1scanl"),
        (r"(?<![a-z0-9])meta[\s_-]+gga", "metagga"),
        (r"(?<![a-z0-9])rev[\s_-]*vdw[\s_-]*df[\s_-]*2", "revvdwdf2"),
        (r"(?<![a-z0-9])vdw[\s_-]*df[\s_-]*2", "vdwdf2"),
        (r"(?<![a-z0-9])vdw[\s_-]*df", "vdwdf"),
        (r"(?<![a-z0-9])m06[\s_-]*l(?![a-z0-9])", "m06l"),
        (r"(?<![a-z0-9])(pbe|hse)[\s_-]+sol(?![a-z0-9])", r"\1sol"),
        (r"(?<![a-z0-9])hse[\s_(-]+(0[36])(?![0-9.])", r"hse\1"),
        (r"(?<![a-z0-9])tb[\s_-]+mbj", "tbmbj"),
        (r"(?<![a-z])(dft[\s_-]?)?(d3m?)[\s_-]*\(?bj(?![a-z0-9])\)?", r"\2bj"),
        (r"(?<![a-z])(dft[\s_-]?)?d3[\s_-]*\(?(0|zero)(?![a-z0-9.])\)?", "d3zero"),
        (r"(?<![a-z])(dft[\s_-]?)?d3[\s_-]*\(op\)", "d3op"),
        (r"(?<![a-z])dft[\s_-]?(d[234]m?)(?![a-z0-9])", r"\1"),
        (r"(?<![a-z0-9])d[\s_-]*dsc(?![a-z0-9])", "ddsc"),
        (r"(vd[\s_-]?w|ts)[\s^{_(-]{0,3}surf(?![a-z])", "vdwsurf"),
        (r"(?<![a-z])vdw[\s_(-]{0,2}(ts|mbd)(?![a-z0-9])", r"\1"),
        (r"(?<![a-z])(atoms?|cell|mol|site|unit)[\s^*({$_]*[-\u2212]1(?![0-9/.])", r"\1"),
        (r"(?<![a-z0-9])f[.\s_]{0,2}u(?![a-z0-9])", "fu"),
        (r"(?<![a-z0-9])(k?j|k?cal)[\s_/*]*(per)?[\s_]*mol", "kjmol"),
        (r"(gga|pbe)[\s_]*\(\+\s*u\)", r"\1 \1 u"),
        # Energies of decomposition and formation, and gaps.
        (r"(?<![a-z0-9])e[\s_(-]{1,2}([dfg])(?![a-z0-9])", r"e\1"),
        (r"spin[\s_-]*orbit([\s_-]*coupling)?", "soc"),
        (r"\b3[\s_-]c\b", "3c"),
        (
            rf"(?<![a-z])(without|no)[\s_+-]*({'|'.join(_MODIFIERS)}|dispersion)(?![a-z0-9])",
            " ",
        ),
    )
)
# Short words beside a functional that are no part of its name. Others, such as L, h or 1/2, are.
_HARMLESS = frozenset(
    re.findall(
        "[a-zμö0-9]+",
        "e en eng ener e0 etot tot per ev mev m ha mha ry mry kjmol kj mol kcal unit atom at "
        "site cell fu a ang bohr au k gpa kbar pa μb dft vasp qe gpaw cp2k aims paw psp 52 54 "
        "64 mp oqmd wbm omat icsd raw corr mp2020 ref gt qm id ids of in the to and for with "
        "by is spin calc run type xc func name data set set1 opt geo sp scf nscf line dfpt "
        "nmr md aimd band gap vol mag form hull diff std mae y x z xx yy zz xy yz zx mace orb "
        "uma ani new old best col free pot my our pw pz vwn ca",
    )
)
# Long words that are part of a functional's name.
_TELLING = re.compile(
    "hybrid|double|screen|range|separat|meta|revised|modified|tuned|scaled|exact|surf|dispers|"
    "hubbard|grimme|becke|tkatch|scheffler|kernel|solids?$|random|acfdt|phase|embed|shot|"
    "gaussian|delta|lambda|alpha|omega|truhlar|local|scissor|interact|quasi|bethe|dmft|koopm"
)
_OF_HYBRIDS = re.compile("hybrid|screen|range|separat|exact")
_LONGEST = 500
"""Characters of a name; a longer text is none, and would take seconds to part into words."""

_HYBRID = 5
_LONGEST_SHORT = 4


def canonical_functional(functional: str) -> str:
    """Return the usual spelling of a functional: r2scan-d4 becomes r2SCAN-D4.

    A text that is more than the name of one functional is returned as it is.
    """
    text = functional.strip()
    names, others = _read(text)
    if len(names) == 1 and not others:
        return names[0]
    return MIXED if set(names) == _PARTS_OF_MIXED and not others else text


def functional_of(text: str) -> str | None:
    """Return the functional that a phrase or a column's name contains.

    GGA alone is taken for GGA/GGA+U, as in names of columns from Materials Project.

    Returns:
        Its usual spelling; None if there is none, or several, or if the text has words that may
        make it another functional, as in "PBE-1/2" or "CAM-B3LYP".
    """
    found, others = _read(text)
    names = set(found)
    if _may_be_other(found, others):
        return None
    if "GGA" in names and names <= _PARTS_OF_MIXED:
        return MIXED
    return names.pop() if len(names) == 1 else None


def functional_of_row(value: str) -> str:
    """Return the functional that a cell names, which may be a phrase such as "GGA Static".

    A text that may name another functional than the one that it contains is returned whole.
    """
    if len(value) > _LONGEST:
        return f"{value[:40]}…"
    names, others = _read(value)
    if len(names) == 1 and not _may_be_other(names, others):
        return names[0]
    return canonical_functional(value)


def other_words(text: str) -> list[str]:
    """Return the words of a text that are no part of a functional's name, in lower case."""
    return list(_read(text)[1])


def is_functional(text: str) -> bool:
    """Return whether a text contains the name of a functional."""
    return bool(_read(text)[0])


def same_functional(first: str, second: str) -> bool:
    """Return whether two names are spellings of one functional."""
    return canonical_functional(first).casefold() == canonical_functional(second).casefold()


def covers(asked: str, given: str) -> bool:
    """Return whether energies in one functional are among those asked for.

    Only the same functional is; GGA and PBE, each with and without +U, where GGA/GGA+U is asked
    for; and a functional with a dispersion correction that is not named, as PBE-vdW, where it is
    asked for with a named one.
    """
    asked, given = canonical_functional(asked), canonical_functional(given)
    if same_functional(asked, given):
        return True
    base = given.removesuffix("-vdW")
    if base != given and asked.startswith(f"{base}-"):
        return any(asked == canonical_functional(f"{base}{name}") for name in _DISPERSIONS.values())
    return asked == MIXED and given in _COVERED_BY_MIXED


def rank(functional: str) -> int:
    """Return a number that is lower for the usual sources of a transfer than for its targets."""
    if functional == MIXED:
        return _RANKS["GGA"]
    matches = [name for name in _RANKS if functional.startswith(name)]
    return _RANKS[max(matches, key=len)] if matches else 1


def words_of(text: str) -> list[str]:
    """Return the words of a name in lower case: energyPbe_U has energy, pbe and u."""
    parted = _CAMEL.sub(" ", text)
    parted = parted.lower().replace("²", "2")
    for pattern, joined in _JOINED:
        parted = pattern.sub(joined, parted)
    return re.findall(r"[a-z0-9α-ω]+", parted)


def _read(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the functionals in a text, each once, and its other words; none of a long text."""
    return _read_short(text) if len(text) <= _LONGEST else ((), ())


@lru_cache(maxsize=1 << 12)
def _read_short(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    words = words_of(text)
    names: list[str] = []
    others: list[str] = []
    place = 0
    while place < len(words):
        name, place = _name_at(words, place)
        if name is None:
            others.append(words[place - 1])
        elif name not in names:
            names.append(name)
    return tuple(names), tuple(others)


def _name_at(words: list[str], place: int) -> tuple[str | None, int]:
    """Return the functional that begins at a word, and the place after it."""
    base, modifiers = _base(words[place]), []
    glued = _GLUED.fullmatch(words[place])
    if base is None and glued and (base := _base(glued[1])):
        modifiers.append(_MODIFIERS[glued[2]])
    place += 1
    if base is None:
        return None, place
    known = _MODIFIERS | (_OF_RANGE_SEPARATED if base.startswith("ω") else {})
    while place < len(words):
        skipped = int(words[place] in _CONNECTING)
        if place + skipped == len(words) or words[place + skipped] not in known:
            break
        modifiers.append(known[words[place + skipped]])
        place += 1 + skipped
    return base + "".join(_in_order(modifiers)), place


def _base(word: str) -> str | None:
    for pattern, name, _ in _BASES:
        if re.fullmatch(pattern, word):
            return name
    return None


def _in_order(modifiers: list[str]) -> Iterator[str]:
    """Yield U, dispersion, further corrections and spin-orbit coupling, each once."""
    yield from dict.fromkeys(sorted(modifiers, key=lambda modifier: _PLACES.get(modifier, 1)))


def _may_be_other(names: Sequence[str], words: Iterable[str]) -> bool:
    """Return whether words beside functionals may make them other functionals."""
    if all(rank(name) == _HYBRID for name in names):
        words = (word for word in words if not _OF_HYBRIDS.match(word))
    return any(
        _TELLING.match(word)
        or ((len(word) <= _LONGEST_SHORT or any(map(str.isdigit, word))) and word not in _HARMLESS)
        for word in words
    )
