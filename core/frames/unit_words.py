"""The words of units, in whatever spelling: Hartree/Bohr, ha_bohr and Ha bohr⁻¹ are one."""

import re
import unicodedata

_SYNONYMS = {
    "hartree": "ha",
    "hartrees": "ha",
    "eh": "ha",
    "mhartree": "mha",
    "millihartree": "mha",
    "millihartrees": "mha",
    "meh": "mha",
    "rydberg": "ry",
    "rydbergs": "ry",
    "ryd": "ry",
    "mrydberg": "mry",
    "millirydberg": "mry",
    "electronvolt": "ev",
    "electronvolts": "ev",
    "millielectronvolt": "mev",
    "angstrom": "a",
    "angstroms": "a",
    "ang": "a",
    "angström": "a",
    "a0": "bohr",
    "au3": "bohr3",
    "bohrs": "bohr",
    "atoms": "atom",
    "at": "atom",
    "site": "atom",
    "unitcell": "cell",
    "supercell": "cell",
    "structure": "cell",
    "formula": "fu",
    "formulaunit": "fu",
    "kb": "kbar",
    "kbars": "kbar",
    "kilobar": "kbar",
    "kilobars": "kbar",
    "mub": "μb",
    "bohrmagneton": "μb",
    "virials": "virial",
}
_LENGTH_WORDS = "angstroms?3?|ang3?|bohr3?|a3?"
_GLUED = re.compile(
    "(mev|ev|mhartree|mha|hartree|ha|mry|rydberg|ry|kj|kcal|mol)"
    f"((?:per)?(?:mol|atom|cell|fu|{_LENGTH_WORDS}))+"
)
_IN_GLUED = re.compile(
    f"mev|ev|mhartree|mha|hartree|ha|mry|rydberg|ry|kj|kcal|mol|per|atom|cell|fu|{_LENGTH_WORDS}"
)
# energyPerAtom and energyHa, but neither kJ nor milliHartree.
_CAMEL = re.compile(
    r"(?<=[a-zV])(?=Per[A-Z])|(?<=[a-zV]Per)(?=[A-Z])|"
    r"(?<=[a-z][a-z])(?<![Mm]illi)(?<![Kk]ilo)(?<!lectron)(?=[A-UW-Z])"
)
# Words that are units of something, though not ones that are converted here.
OTHER_UNITS = frozenset(
    re.findall(
        "[a-z]+",
        "megaev kev j kj cal kcal erg cm thz hz kelvin bar mbar atm torr psi dyn newton",
    )
)
NO_UNITS = frozenset(
    re.findall(
        "[a-z0-9]+",
        "dft total pot potential corrected uncorrected corr uncorr raw mp final static relaxed "
        "initial scf sigma zero without with and of model target source reference calculated "
        "calc predicted free entropy unit units in the bj mp2020 correction corrections adjusted "
        "not no non wo w o before after incl included including excl excluded excluding",
    )
)


def unit_words(text: str) -> list[str]:
    """Return the words of a unit or a name in lower case, in the spelling of the tables."""
    text = _CAMEL.sub(" ", text)
    text = re.sub(r"(?<![A-Za-z])(E|a)_([h0])(?![A-Za-z0-9])", r"\1\2", text)  # E_h and a_0
    text = re.sub(r"(?<![A-Za-z])Au(?![a-z])", "gold", re.sub(r"[_{}$\\]", " ", text))
    text = re.sub(r"(?<![A-Za-z])MeV(?![a-z])", "megaev", text)
    # NFKC turns Å³, Å⁻¹ and µ into Å3, Å−1 and μ.
    text = unicodedata.normalize("NFKC", text).lower().replace("å", "a").replace("−", "-")
    text = re.sub(r"(\^|\*\*)[\s(]*", "", text)
    text = re.sub(r"(energy|energies)\s*/\s*(?=atom)", r"\1 per ", text)
    text = re.sub(r"(?<=[a-z])-([123])\b", r"\1", text)  # Å-3 is per Å3, Å-1 per Å
    text = re.sub(r"(?<=[a-z])1\b", "", text)
    text = re.sub(r"\bf\.?\s*u\b\.?", "fu", text)
    text = re.sub(r"\b(formula|unit)[\s_]+(unit|cell)\b", r"\1\2", text)
    text = re.sub(r"\bat?\.\s?u\b\.?|\batomic units?\b", "au", text)
    text = re.sub(r"\bu\.c\b\.?", "unitcell", text)
    text = re.sub(r"\b(electron|milli)[\s-]+(electron)?[\s-]*volt", r"\1\2volt", text)
    text = re.sub(r"(?<![a-z0-9])(mu|μ)[\s_-]?b(?![a-z0-9])", "μb", text)
    words: list[str] = []
    for word in re.findall(r"[a-zμö0-9]+", text):
        words += _IN_GLUED.findall(word) if _GLUED.fullmatch(word) else [word]
    return [_cubed(_SYNONYMS.get(word, word)) for word in words]


def _cubed(word: str) -> str:
    """Return a word whose length has a power in the spelling of the tables: ang3 becomes a3."""
    stem = word.removesuffix("3")
    return f"{_SYNONYMS[stem]}3" if stem != word and stem in _SYNONYMS else word
