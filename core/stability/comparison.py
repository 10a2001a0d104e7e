"""A model's formation and decomposition energies, and hulls, against those of its reference."""

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import pandas as pd

from core.errors import LabError
from core.frames.functionals import covers
from core.progress import Progress, part, silent
from core.reference.formation.energies import ElementReferences
from core.stability.classification import Classification, Roc, classify, roc
from core.stability.compositions import STABLE
from core.stability.hulls import HullResult, hulls
from core.stability.phases import EnergySource, Phases

Convention = Literal["own hulls", "on the reference hull"]

CONVENTIONS: dict[Convention, str] = {
    "own hulls": "each energy on the hull of its own source",
    "on the reference hull": "the model's energies on the reference's hull",
}
"""How a model's energies are compared, in words.

On the reference's hull, as in Matbench Discovery (Riebesell et al. 2025,
doi:10.1038/s42256-025-01055-1), one phase at a time gets the model's energy. With its own hull, a
model's errors can cancel between a phase and its competitors.
"""

_MEV = 1000.0
_UNKNOWN = "unknown"


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class Comparison:
    """Stability by a model and by its reference, for the compounds scored.

    Pure elements define the zero of formation energies and are not scored.

    Attributes:
        convention: which hulls the model's energies are on.
        table: one row per compound scored: id, formula, system, n_elements, row (of the data
            set), phase (its place among the phases of the hulls); in eV/atom, each as
            …_reference and …_model: energy, formation, above_hull, decomposition, distance (to
            the hull of all other phases: negative for a phase that breaks it); likewise stable and
            competing (text); and other_competitors (whether these differ).
        left_out: id, formula, system and why, for what is not scored though asked for.
        reference: the hulls of the reference's energies.
        model: those of the model's energies; None on the reference hull.
    """

    convention: Convention
    table: pd.DataFrame
    left_out: pd.DataFrame
    reference: HullResult
    model: HullResult | None

    @property
    def n(self) -> int:
        """Number of compounds scored."""
        return len(self.table)

    @property
    def decomposition_mae(self) -> float:
        """MAE of the decomposition energies, meV/atom."""
        return self._mae("decomposition")

    @property
    def formation_mae(self) -> float:
        """MAE of the formation energies, meV/atom."""
        return self._mae("formation")

    @property
    def systems(self) -> pd.DataFrame:
        """Errors by chemical system, the largest MAE of the decomposition energies first.

        Columns: system, n_elements, n, decomposition_mae, formation_mae (meV/atom), and wrong
        (compounds whose stability differs).
        """
        table = self.table
        errors = pd.DataFrame(
            {
                "system": table["system"],
                "n_elements": table["n_elements"],
                "decomposition_mae": _MEV * _gap(table, "decomposition").abs(),
                "formation_mae": _MEV * _gap(table, "formation").abs(),
                "wrong": table["stable_reference"] != table["stable_model"],
            }
        )
        grouped = errors.groupby("system", sort=True)
        means = grouped[["n_elements", "decomposition_mae", "formation_mae"]].mean()
        found = means.assign(n=grouped.size(), wrong=grouped["wrong"].sum()).reset_index()
        found["n_elements"] = found["n_elements"].astype(int)
        columns = ["system", "n_elements", "n", "decomposition_mae", "formation_mae", "wrong"]
        return found[columns].sort_values(
            "decomposition_mae", ascending=False, kind="stable", ignore_index=True
        )

    def only(self, flags: np.ndarray) -> Self:
        """Return the same for some of the compounds scored; the hulls stay.

        Args:
            flags: which rows of the table, (n,).
        """
        return replace(self, table=self.table[flags].reset_index(drop=True))

    def classification(self, threshold: float = 0.0) -> Classification:
        """Return how well the model tells stable compounds, at a threshold in eV/atom."""
        true, predicted = (
            self.table[f"distance_{side}"].to_numpy() for side in ("reference", "model")
        )
        return classify(true, predicted, threshold)

    def roc(self, threshold: float = 0.0) -> Roc:
        """Return the curve over all thresholds of the model, for one of the reference."""
        true = self.table["distance_reference"].to_numpy() <= threshold + STABLE
        return roc(true, self.table["distance_model"].to_numpy())

    def _mae(self, quantity: str) -> float:
        return _MEV * float(_gap(self.table, quantity).abs().mean())


def comparison_problem(reference: EnergySource, model: EnergySource) -> str:
    """Return why a model cannot be judged by a reference; empty if it can.

    Only data of the functional that the model predicts, with the same corrections, say how good it
    is. What is unknown on either side is taken to agree.
    """
    known_functional = _UNKNOWN not in {model.functional, reference.functional}
    if known_functional and not covers(model.functional, reference.functional):
        return (
            f"The model predicts {model.functional} and the data are {reference.functional}, whose "
            "hulls differ however good the model is; choose data in the model's functional."
        )
    known = {reference.corrections, model.corrections} - {_UNKNOWN}
    if len(known) > 1:
        words = {"MP2020": "with MP2020 corrections", "none": "without MP2020 corrections"}
        return (
            f"The model predicts energies {words[model.corrections]} and the data are "
            f"{words[reference.corrections]}, so that no hull is common to both; choose data "
            f"{words[model.corrections]}."
        )
    return ""


def compare(
    reference: Phases,
    model: Phases,
    convention: Convention = "own hulls",
    *,
    references: ElementReferences | None = None,
    scored: np.ndarray | None = None,
    progress: Progress = silent,
) -> Comparison:
    """Compare a model's stability with that of its reference.

    Args:
        reference: phases with the reference's energies, n in all.
        model: the same phases with the model's energies.
        convention: which hulls the model's energies are on.
        references: energies of the elements for both; None takes each one's own.
        scored: which phases are compared, (n,) flags; None takes all. The others only take part
            in the hulls.
        progress: receives the share that is done.

    Raises:
        LabError: if functionals or corrections differ, or the phases are not the same.
    """
    if problem := comparison_problem(reference.source, model.source):
        raise LabError(problem)
    if len(reference) != len(model) or not (reference.ids == model.ids).all():
        raise LabError("The model's phases are not those of the reference; predict these.")
    of_model = None
    if convention == "own hulls":
        # A competitor that one side lacks would change its hull alone.
        has_both = np.isfinite(reference.energies) & np.isfinite(model.energies)
        energies = np.where(has_both, reference.energies, np.nan)
        reasons = np.where(reference.reasons == "", model.reasons, reference.reasons)
        reference = reference.with_energies(energies, reference.source, reasons=reasons)
        model = model.with_energies(
            np.where(has_both, model.energies, np.nan), model.source, reasons=reasons
        )
        # What is covered by the model's functional, or unknown, has been found to agree.
        elements = references and replace(references, functional=model.source.functional)
        of_model = hulls(model, elements, progress=part(progress, 0.5, 1.0))
    end = 0.5 if of_model else 1.0
    of_reference = hulls(reference, references, progress=part(progress, 0.0, end))
    judged = _Judged.of(of_reference, of_model, model)
    chosen = np.ones(len(reference), dtype=bool) if scored is None else scored
    is_compound = (reference.fractions > 0).sum(axis=1) > 1
    known = np.isfinite(judged.distance_reference) & np.isfinite(judged.distance_model)
    table = judged.table(np.flatnonzero(chosen & is_compound & known))
    missing = np.flatnonzero(chosen & ~known & (is_compound | np.isnan(model.energies)))
    return Comparison(
        convention=convention,
        table=table,
        left_out=judged.left_out(missing),
        reference=of_reference,
        model=of_model,
    )


@dataclass(kw_only=True, frozen=True, slots=True, eq=False)
class _Judged:
    """All phases by both, n in all, eV/atom."""

    phases: Phases
    of_reference: HullResult
    of_model: HullResult | None
    energies: np.ndarray
    reasons: np.ndarray
    formation_model: np.ndarray
    decomposition_model: np.ndarray
    distance_reference: np.ndarray
    distance_model: np.ndarray

    @classmethod
    def of(cls, of_reference: HullResult, of_model: HullResult | None, model: Phases) -> Self:
        n = of_reference.n_given
        given = slice(0, n)
        phases = of_reference.phases.take(np.arange(n))
        base = of_reference if of_model is None else of_model
        elements = phases.fractions @ np.nan_to_num(base.elements)
        known = np.isfinite(base.hull[given])
        rest = np.where(np.isfinite(base.others[given]), base.others[given], base.hull[given])
        energies = model.energies
        return cls(
            phases=phases,
            of_reference=of_reference,
            of_model=of_model,
            energies=energies,
            reasons=np.where(
                of_reference.left_out[given] == "", model.reasons, of_reference.left_out[given]
            ),
            formation_model=np.where(known, energies - elements, np.nan),
            decomposition_model=energies - rest,
            distance_reference=phases.energies - of_reference.without[given],
            distance_model=energies - base.without[given],
        )

    def table(self, places: np.ndarray) -> pd.DataFrame:
        """Return the rows of some phases."""
        phases, reference, model = self.phases, self.of_reference, self.of_model
        systems = phases.take(places).systems
        competing = [reference.competing_text(i) for i in places]
        of_model = competing if model is None else [model.competing_text(i) for i in places]
        return pd.DataFrame(
            {
                "id": phases.ids[places],
                "formula": phases.formulas[places],
                "system": systems,
                "n_elements": (phases.fractions[places] > 0).sum(axis=1),
                "row": phases.rows[places],
                "phase": places,
                "energy_reference": phases.energies[places],
                "energy_model": self.energies[places],
                "formation_reference": reference.formation_energy[places],
                "formation_model": self.formation_model[places],
                "decomposition_reference": reference.decomposition_energy[places],
                "decomposition_model": self.decomposition_model[places],
                "distance_reference": self.distance_reference[places],
                "distance_model": self.distance_model[places],
                "above_hull_reference": np.maximum(self.distance_reference[places], 0.0),
                "above_hull_model": np.maximum(self.distance_model[places], 0.0),
                "stable_reference": self.distance_reference[places] <= STABLE,
                "stable_model": self.distance_model[places] <= STABLE,
                "competing_reference": competing,
                "competing_model": of_model,
                "other_competitors": self._differ(places),
            }
        )

    def left_out(self, places: np.ndarray) -> pd.DataFrame:
        """Return what is not compared, and why."""
        phases = self.phases.take(places)
        return pd.DataFrame(
            {
                "id": phases.ids,
                "formula": phases.formulas,
                "system": phases.systems,
                "why": self.reasons[places],
            }
        )

    def _differ(self, places: np.ndarray) -> list[bool]:
        if self.of_model is None:
            return [False] * len(places)
        return [
            {member for member, _ in self.of_reference.competing(i)}
            != {member for member, _ in self.of_model.competing(i)}
            for i in places
        ]


def _gap(table: pd.DataFrame, quantity: str) -> pd.Series:
    return table[f"{quantity}_model"] - table[f"{quantity}_reference"]
