"""The words of units, in whatever spelling: Hartree/Bohr, ha_bohr and Ha bohr⁻¹ are one."""

import re
import unicodedata

_SYNONYMS = {
    "hartree": "ha",
    "hartrees": "ha",
    "eh": "ha",
    "mhartree": "mha",
    "rydberg": "ry",
    "rydbergs": "ry",
    "electronvolt": "ev",
    "electronvolts": "ev",
    "millielectronvolt": "mev",
    "angstrom": "a",
    "angstroms": "a",
    "ang": "a",
    "angström": "a",
    "a0": "bohr",
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
    "mub": "μb",
    "bohrmagneton": "μb",
    "virials": "virial",
}
_GLUED = re.compile(
    r"(mev|ev|mha|ha|hartree|mry|ry|rydberg|kj|kcal|mol)(mol|atom|cell|fu|a3?|ang3?|bohr3?)"
)
# Words that are units of something, though not ones that are converted here.
OTHER_UNITS = frozenset(
    re.findall("[a-z]+", "j kj cal kcal erg cm thz hz kelvin bar mbar atm torr psi dyn newton")
)
NO_UNITS = frozenset(
    re.findall(
        "[a-z]+",
        "dft total pot potential corrected uncorrected corr uncorr raw mp final static relaxed "
        "initial scf sigma zero without with and of model target source reference calculated "
        "calc predicted free entropy unit units in the bj",
    )
)


def unit_words(text: str) -> list[str]:
    """Return the words of a unit or a name in lower case, in the spelling of the tables."""
    text = re.sub(r"(?<![A-Za-z])Au(?![a-z])", "gold", text.replace("_", " "))
    # NFKC turns Å³, Å⁻¹ and µ into Å3, Å−1 and μ.
    text = unicodedata.normalize("NFKC", text).lower().replace("å", "a").replace("−", "-")
    text = re.sub(r"(\^|\*\*)\(?", "", text)
    text = re.sub(r"(?<=[a-z])-([123])\b", r"\1", text)  # Å-3 is per Å3, Å-1 per Å
    text = re.sub(r"(?<=[a-z])1\b", "", text)
    text = re.sub(r"\bf\.?\s*u\b\.?", "fu", text)
    text = re.sub(r"\b(formula|unit)[\s_]+(unit|cell)\b", r"\1\2", text)
    text = re.sub(r"\ba\.u\b\.?", "au", text)
    text = re.sub(r"(?<![a-z0-9])(mu|μ)[\s_-]?b(?![a-z0-9])", "μb", text)
    words: list[str] = []
    for word in re.findall(r"[a-zμö0-9]+", text):
        match = _GLUED.fullmatch(word)
        words += match.groups() if match else [word]
    return [_cubed(_SYNONYMS.get(word, word)) for word in words]


def _cubed(word: str) -> str:
    """Return a word whose length has a power in the spelling of the tables: ang3 becomes a3."""
    stem = word.removesuffix("3")
    return f"{_SYNONYMS[stem]}3" if stem != word and stem in _SYNONYMS else word
