"""What the tags of a VASP calculation mean: its functional, its limits, its elements."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from core.elements import INDEX

_META: Final = {
    "SCAN": "SCAN",
    "RSCAN": "rSCAN",
    "R2SCAN": "r2SCAN",
    "R2SCA": "r2SCAN",  # an OUTCAR shows five letters
    "SCANL": "SCAN-L",
    "R2SCANL": "r2SCAN-L",
    "TPSS": "TPSS",
    "RTPSS": "revTPSS",
    "RTPS": "revTPSS",
    "M06L": "M06-L",
    "MBJ": "mBJ",
    "MBJL": "mBJ",
    "MS0": "MS0",
    "MS1": "MS1",
    "MS2": "MS2",
    "OFR2": "OFR2",
}
_GGA: Final = {
    "PE": "PBE",
    "PS": "PBEsol",
    "RP": "RPBE",
    "RE": "revPBE",
    "91": "PW91",
    "AM": "AM05",
    "BF": "BEEF",
    "B3": "B3LYP",
    "B5": "B3LYP",
    "CA": "LDA",
    "PZ": "LDA",
    "HL": "LDA",
    "WI": "LDA",
    "VW": "LDA",
    "BO": "optB88",
    "MK": "optB86b",
    "OR": "optPBE",
    "ML": "rPW86",
}
# The semilocal part that a nonlocal van der Waals functional is named after.
_NONLOCAL: Final = {
    "RE": "vdW-DF",
    "OR": "optPBE-vdW",
    "BO": "optB88-vdW",
    "MK": "optB86b-vdW",
    "ML": "vdW-DF2",
    "BF": "BEEF-vdW",
}
_DISPERSION: Final = {
    1: "-D2",
    10: "-D2",
    11: "-D3",
    12: "-D3(BJ)",
    13: "-D4",
    2: "-TS",
    20: "-TS",
    21: "-TS",
    202: "-MBD",
    263: "-MBD",
    3: "-ULG",
    4: "-dDsC",
}
_NONE: Final = frozenset({"", "--", "-", "F", ".F.", "FALSE", ".FALSE.", "NONE"})
_FIXED_CHARGE: Final = 10
_EXCITATIONS: Final = (
    *("CHI", "BSE", "TDHF", "CASIDA", "TIMEEV"),
    *("GW", "G0W0", "EVGW", "QPGW", "SCGW"),
    *("ACFDT", "RPA", "CRPA", "MP2", "2E4W", "CC4S"),
)
_DISPERSION_EV: Final = 1e-3
"""Energy gained after the last electronic step, eV, from which on it is due to dispersion."""


@dataclass(slots=True)
class Settings:
    """The tags of one calculation.

    Attributes:
        incar: what the user set.
        parameters: what VASP used.
        titles: titles of the POTCARs, as "PAW_PBE Zr_sv 04Jan2005".
        exchange: LEXCH of the POTCARs, as "PE", where the file shows it.
    """

    incar: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    titles: list[str] = field(default_factory=list)
    exchange: str = ""

    def text(self, name: str) -> str:
        """Return a tag's value, "" where it is not set."""
        for tags in (self.parameters, self.incar):
            value = tags.get(name, "").strip()
            if value.upper() not in _NONE:
                return value
        return ""

    def number(self, name: str, default: float = 0.0) -> float:
        """Return the number of a tag, the default where it is missing or overflowed."""
        for tags in (self.parameters, self.incar):
            try:
                return float(tags.get(name, "").split()[0])
            except (IndexError, ValueError):
                continue
        return default

    def is_set(self, name: str) -> bool:
        """Return whether a logical tag is true."""
        return self.text(name).strip(".").upper().startswith("T")

    @property
    def most_electronic_steps(self) -> int | None:
        """NELM, None where the file does not show it."""
        return int(self.number("NELM")) or None

    def is_unconverged(self, n: int) -> bool:
        """Return whether a loop of n electronic steps ended because of NELM, as pymatgen does."""
        most = self.most_electronic_steps
        is_single = most == 1 and self.text("ALGO").upper().startswith("EX")
        return most is not None and n >= most and not is_single

    @property
    def has_full_stress(self) -> bool:
        """Whether VASP computed the stress in full; ISIF = 1 computes its trace only."""
        return self.number("ISIF", 2) != 1

    @property
    def other_energy(self) -> str | None:
        """Why the energy is not that of a self-consistent ground state, None if it is."""
        charge = int(self.number("ICHARG"))
        if charge >= _FIXED_CHARGE:
            return f"its charge density was not optimized (ICHARG = {charge})"
        algorithm = self.text("ALGO").upper()
        if algorithm.startswith(_EXCITATIONS):
            return f"it is a calculation of excitations or correlation (ALGO = {algorithm[:12]})"
        return None

    def functional(self, added: float = 0.0) -> str | None:
        """Return the functional with +U, dispersion and spin-orbit coupling, None if not known.

        The tags are documented at https://www.vasp.at/wiki: METAGGA, GGA, LHFCALC, LDAU, IVDW,
        LSORBIT.

        Args:
            added: energy in eV that the calculation added to that of its last electronic step. An
                IVDW that the file does not show is seen by it.
        """
        gga = self.text("GGA").upper()[:2] or self._exchange_of_potcars()
        meta = self.text("METAGGA").upper()
        base = _META.get(meta, meta) if meta else _GGA.get(gga, gga)
        if not base:
            return None
        if self.is_set("LHFCALC"):
            base = self._hybrid(base, gga)
        nonlocal_vdw = self.is_set("LUSE_VDW")
        if nonlocal_vdw and not meta and gga in _NONLOCAL:
            base = _NONLOCAL[gga]
            if gga == "MK" and self.number("ZAB_VDW", -0.8491) < -1.5:
                base = "rev-vdW-DF2"
        elif nonlocal_vdw:
            base += "+rVV10"
        has_u = self.is_set("LDAU") and (
            "LDAUU" not in {*self.parameters, *self.incar} or self._acts("LDAUU", "LDAUJ")
        )
        coupling = "+SOC" if self.is_set("LSORBIT") else ""
        return base + ("+U" if has_u else "") + self._dispersion(added) + coupling

    def _acts(self, *names: str) -> bool:
        values = " ".join(self.parameters.get(name) or self.incar.get(name, "") for name in names)
        return any(re.search("[1-9]", word) for word in values.split())

    def _dispersion(self, added: float) -> str:
        kind = int(self.number("IVDW"))
        if kind:
            return _DISPERSION.get(kind, "-vdW")
        if self.is_set("LVDW"):
            return "-D2"
        is_other = any(map(self.is_set, ("LDIPOL", "LSOL"))) or any(
            map(self.number, ("IDIPOL", "EFIELD", "I_CONSTRAINED_M"))
        )
        return "-vdW" if added < -_DISPERSION_EV and not is_other else ""

    def _hybrid(self, base: str, gga: str) -> str:
        """Return the name of a hybrid functional by its share and range of exact exchange."""
        share = self.number("AEXX", 0.25)
        screening = self.number("HFSCREEN")
        if share >= 1:
            return "HF"
        if gga in {"B3", "B5"}:
            return "B3LYP"
        is_usual = abs(share - 0.25) < 1e-3
        if not screening:
            return f"{base}0" if is_usual else f"{base}h{100 * share:.0f}"
        screened = {"PBE": "HSE03" if abs(screening - 0.3) < 0.02 else "HSE06", "PBEsol": "HSEsol"}
        name = screened.get(base, f"{base}hs")
        return name if is_usual else f"{name}h{100 * share:.0f}"

    def _exchange_of_potcars(self) -> str:
        """Return the GGA tag that the POTCARs stand for, which counts where GGA is not set."""
        if self.exchange:
            return self.exchange.upper()[:2]
        kinds = {title.split()[0].upper() for title in self.titles if title.split()}
        if kinds and all(kind.startswith("PAW_PBE") for kind in kinds):
            return "PE"
        if kinds == {"PAW_GGA"}:
            return "91"
        return "CA" if kinds in ({"PAW"}, {"PAW_LDA"}) else ""


def element_of(symbol: str, title: str = "") -> str:
    """Return the element of a type of atoms.

    VASP writes two letters of what the POTCAR says, which may be wrong; its title, as
    "PAW_PBE Zr_sv 04Jan2005", is not.

    Returns:
        The symbol; what VASP wrote where it is no element.
    """
    words = title.split()
    for text in (symbol.strip(), words[1] if len(words) > 1 else ""):
        match = re.match(r"[A-Z][a-z]?", text)
        for name in (match[0], match[0][0]) if match else ():
            if name in INDEX and not (name == text[:1] and text[1:2].islower()):
                return name
    # https://github.com/materialsproject/pymatgen: Xe and Zr as some versions write them.
    return {"X": "Xe", "r": "Zr"}.get(symbol.strip(), symbol.strip())


def unknown_elements(symbols: Sequence[str]) -> list[str]:
    """Return the symbols that are no elements from H to Pu."""
    return sorted({symbol for symbol in symbols if symbol not in INDEX})
