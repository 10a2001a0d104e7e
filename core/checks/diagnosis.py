"""What the doctor found, as page, command and pre-flight read it; imports no torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.checks.losses import loss_findings
from core.elements import SYMBOLS
from core.frames.findings import Finding, by_severity

_COSTLY = 500.0
"""meV/atom that references may be off before a method that keeps them is a mistake."""

_WORSE = 2.0
"""How many times worse than residual's the references of refit must be."""


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Diagnosis:
    """What a check of a data set found.

    Attributes:
        n: rows that were checked.
        n_energies: rows whose energies were compared with the network's.
        n_arrays: rows whose forces, stresses and magmoms were.
        of: "frames" or "pairs".
        network: whether the network was asked about energies; of pairs without structures, one
            column of energies is judged by another one.
        records: the findings, the most severe first, without their rows.
        rows: rows of the data set that a finding names, (m,).
        finding_of: number of the finding that names each of them, (m,).
        offset: energy MAE of the pretrained network in meV/atom by key of
            `core.reference.shifts.model_offset.STEPS`; empty where it is unknown.
        deviation: references minus those expected, (94,) eV/atom; NaN for elements that do not
            occur, or where they are unknown.
        energy: errors beside references that fit, (a,) eV/atom.
        force: errors, (b,) eV/Å.
        stress: errors, (c,) GPa.
        magmom: errors, (d,) μB.
    """

    n: int
    n_energies: int = 0
    n_arrays: int = 0
    of: str = "frames"
    network: bool = True
    records: list[dict[str, Any]] = field(default_factory=list)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    finding_of: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    offset: dict[str, float] = field(default_factory=dict)
    deviation: NDArray[np.float64] = field(default_factory=lambda: np.full(94, np.nan))
    energy: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    force: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    stress: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    magmom: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def findings(
        self,
        *,
        method: str | None = None,
        ratios: Mapping[str, float] | None = None,
        huber_delta: float = 0.1,
    ) -> list[Finding]:
        """Return the findings, the most severe first.

        Args:
            method: method of a run, whose references are judged; None for none.
            ratios: loss ratios of a run by kind of label; None for none.
            huber_delta: of its loss.
        """
        found = [
            Finding(**record, rows=self.rows[self.finding_of == number].tolist())
            for number, record in enumerate(self.records)
        ]
        found += reference_findings(self.offset, method)
        if ratios is not None:
            kinds = ("energy", "force", "stress", "magmom")
            errors = {kind: getattr(self, kind) for kind in kinds}
            found += loss_findings(errors, ratios, huber_delta)
        return by_severity(found)

    def off_by_symbol(self) -> dict[str, float]:
        """Return references minus those expected, eV/atom by symbol, where they are known."""
        known = np.flatnonzero(np.isfinite(self.deviation))
        return {SYMBOLS[i]: float(self.deviation[i]) for i in known}

    def reference_table(self) -> pd.DataFrame:
        """Return `off_by_symbol` as columns symbol and off_ev."""
        off = self.off_by_symbol()
        return pd.DataFrame({"symbol": list(off), "off_ev": list(off.values())})

    @property
    def sample_text(self) -> str:
        """One sentence on what was looked at."""
        if self.of == "pairs":
            read = f"All {self.n:,} rows were read and compared with what composition lets expect"
            by = "with the pretrained model's" if self.network else "with one another's"
            beside = f"; up to {self.n_energies:,} energies of each functional {by}"
            return f"{read}{beside if self.n_energies else ''}."
        return (
            f"All {self.n:,} frames were read; the energies of {self.n_energies:,} and the forces, "
            f"stresses and magmoms of {self.n_arrays:,} of them were compared with the pretrained "
            "model's."
        )


def stored(findings: list[Finding]) -> dict[str, Any]:
    """Return findings as the fields of a `Diagnosis`."""
    ordered = by_severity(findings)
    rows = [np.asarray(one.rows, np.int64) for one in ordered]
    return {
        "records": [
            {key: value for key, value in asdict(one).items() if key != "rows"} for one in ordered
        ],
        "rows": np.concatenate([np.zeros(0, np.int64), *rows]),
        "finding_of": np.repeat(np.arange(len(rows)), [len(one) for one in rows]),
    }


def reference_findings(offset: Mapping[str, float], method: str | None) -> list[Finding]:
    """Report what the references of a method cost.

    Args:
        offset: energy MAE in meV/atom by key of STEPS.
        method: key of a method; None reports the alternatives only.
    """
    if not offset:
        return []
    as_is, refitted, residual = (offset[key] for key in ("as_is", "atomref", "residual"))
    seen = (
        f"Before training the pretrained network misses the energies by {as_is:,.0f} meV/atom with "
        f"its own AtomRef, {refitted:,.0f} with one refitted to them and {residual:,.0f} with the "
        "residual one."
    )
    if method in {"frozen", "trainable"} and as_is - residual > _COSTLY:
        return [_costly(seen, as_is - residual)]
    if method in {"refit", "scratch"} and refitted - residual > (_WORSE - 1) * residual + 20:
        return [_costly(seen, refitted - residual, severity="info")]
    if method is None and as_is - residual > _COSTLY:
        return [
            Finding(
                kind="references",
                severity="info",
                message=seen,
                remedy="Train with the method residual.",
                cost=as_is - residual,
                settings={"method": "residual"},
            )
        ]
    return []


def _costly(seen: str, cost: float, severity: Any = "warning") -> Finding:
    return Finding(
        kind="references",
        severity=severity,
        message=f"{seen} The references of this method cost {cost:,.0f} meV/atom.",
        remedy="Choose the method residual.",
        cost=cost,
        settings={"method": "residual"},
    )
