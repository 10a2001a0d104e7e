"""The section of a report about feature importance, and the figures that the page draws of it."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.elements import INDEX
from core.figures.base.periodic import periodic_table
from core.figures.base.text import signed
from core.figures.importance.beeswarm import beeswarm, dependence
from core.figures.shifts.parity import parity
from core.frames.provenance import Provenance
from core.reference.importance.analysis import EXPLAINED, Importance
from core.reference.importance.interpretation import (
    ElementEffect,
    element_effect,
    fold_scores,
    held_out_table,
    shap_table,
)
from core.report.document import Figure, Section, Table
from core.report.origins import data_facts
from core.studies.importance import ImportanceResult, ImportanceStudy
from core.studies.pair_choice import PairChoice

QUANTITIES = {"importance": "Mean |SHAP|", "signed": "Mean SHAP where present"}
COLORS = {"partner": "Strongest partner", "chemistry": "Chemistry"}
N_MATERIALS = 50
"""Materials listed in which an element moves the difference most."""

SWARMS = 15
"""Elements drawn, the most important ones."""


@dataclass(kw_only=True, frozen=True)
class Analysis:
    """Feature importance with or without corrections in the source energies.

    Attributes:
        choice: data set and energies.
        study: the settings.
        result: what the study found.
        key: identifies the study and its data in the caches of pages.
    """

    choice: PairChoice
    study: ImportanceStudy
    result: ImportanceResult
    key: str = ""

    @property
    def name(self) -> str:
        """Which source energies, as in "source energies as they are"."""
        if self.study.uncorrected:
            return "without MP2020 corrections"
        corrected = self.choice.pairs.source_corrections == "MP2020"
        return "with MP2020 corrections" if corrected else "as they are"

    @property
    def importance(self) -> Importance:
        """Importance of the elements."""
        return self.result.importance

    @property
    def quantity(self) -> str:
        """What is explained, in words."""
        return EXPLAINED[self.study.explained]

    @property
    def unit(self) -> tuple[float, str]:
        """Factor from eV/atom to the unit of every number on the page, and that unit.

        Total energies differ by some eV/atom, formation and scaled energies by some meV/atom.
        """
        return (1.0, "eV/atom") if self.study.explained == "total" else (1000.0, "meV/atom")

    def in_unit(self, table: Any, *columns: str) -> Any:
        """Return a table with columns of energies in the page's unit instead of eV/atom."""
        factor, _ = self.unit
        return table.assign(**{name: factor * table[name] for name in columns})

    def energy(self, value: float) -> str:
        """Return an energy in the page's unit with its sign, without the unit."""
        factor, _ = self.unit
        return signed(factor * value, digits=self.digits)

    @property
    def digits(self) -> int:
        """Decimals of energies in the page's unit."""
        return 1 if self.unit[1] == "meV/atom" else 3

    @property
    def source(self) -> Provenance:
        """Where the numbers come from."""
        details = [self.choice.source.details]
        if self.importance.references:
            details.append(f"Pure elements: {self.importance.references}.")
        if self.result.origin:
            details.append(f"Uncorrected source energies: {self.result.origin}.")
        return replace(self.choice.source, details=" ".join(details))


def importance_section(
    analysis: Analysis, *, top: int = SWARMS, element: str | None = None
) -> Section:
    """Return the section about which elements make two functionals disagree.

    Args:
        analysis: the analysis.
        top: number of elements with a swarm.
        element: one whose action is shown; None leaves it out.
    """
    importance, (factor, unit) = analysis.importance, analysis.unit
    pairs, source = analysis.choice.pairs, analysis.source
    table = importance.table()
    symbols = table["symbol"].tolist()[:top]
    drawn = {
        **{
            f"table-{quantity}": (
                by_element(analysis, quantity, dark=False),
                f"{title}: how far each element moves the {analysis.quantity}.",
                table,
            )
            for quantity, title in QUANTITIES.items()
        },
        "swarm": (
            swarm(analysis, symbols, dark=False),
            (
                "Each point is a material: how far the element moves its predicted difference "
                f"from the mean. The {len(symbols)} most important elements; brighter points hold "
                "more of the element, grey ones none of it."
            ),
            shap_table(importance, pairs, symbols),
        ),
        "parity": (
            held_out(analysis, dark=False),
            "Each material as predicted by trees that were fitted without it.",
            held_out_table(importance, pairs),
        ),
    }
    materials = []
    if element is not None:
        effect = element_effect(importance, pairs, element)
        acting = effect.table(analysis.choice.summary.residual)
        for color, title in COLORS.items():
            drawn[f"dependence-{color}"] = (
                dependence_figure(analysis, effect, color, dark=False),
                f"{effect_text(analysis, effect)} Coloured by {title.lower()}.",
                acting,
            )
        materials.append(
            Table(
                title=f"Materials in which {element} moves the difference most",
                table=analysis.in_unit(acting.head(N_MATERIALS), "shap", "difference")
                .drop(columns="row")
                .rename(
                    columns={
                        "material_id": "Material",
                        "formula": "Formula",
                        "fraction": f"Fraction of {element}",
                        "shap": f"SHAP, {unit}",
                        "difference": f"Difference, {unit}",
                        "residual": "Residual after AtomRef, eV/atom",
                    }
                ),
            )
        )
    scores = {
        "R², trees": importance.r2_cv,
        "R², linear fit": importance.r2_cv_linear,
        f"MAE, trees, {unit}": factor * importance.mae.mean(),
        f"MAE, linear fit, {unit}": factor * importance.mae_linear.mean(),
        "Rows": importance.n,
    }
    heads = {
        "symbol": "Element",
        "importance": f"Mean |SHAP|, {unit}",
        "error": f"±, {unit}",
        "signed": f"Mean where present, {unit}",
        "count": "Materials",
        "rank": "Rank",
    }
    folds = {
        "fold": "Fold",
        "r2": "R², trees",
        "r2_linear": "R², linear fit",
        "mae": f"MAE, trees, {unit}",
        "mae_linear": f"MAE, linear fit, {unit}",
    }
    return Section(
        title=f"Feature importance: {analysis.quantity}, source energies {analysis.name}",
        paragraphs=[source.text],
        tables=[
            Table(title="Scores on held-out materials", table=pd.DataFrame([scores])),
            Table(
                title="Scores by fold",
                table=analysis.in_unit(fold_scores(importance), "mae", "mae_linear").rename(
                    columns=folds
                ),
                note="All rows of a material are held out together. Trees: XGBoost. Linear fit: "
                "ridge regression on the fractions.",
            ),
            Table(
                title="Elements",
                table=analysis.in_unit(table, "importance", "error", "signed").rename(
                    columns=heads
                ),
                note=f"{importance.n_explained:,} of {importance.n:,} rows have exact SHAP values.",
            ),
            *materials,
        ],
        figures=[
            Figure(name=name, figure=figure, caption=caption, source=source, table=data)
            for name, (figure, caption, data) in drawn.items()
        ],
        facts={"Data": data_facts(analysis.choice)},
    )


def by_element(analysis: Analysis, quantity: str, *, log: bool = False, dark: bool) -> go.Figure:
    """Draw one analysis on the periodic table.

    Args:
        analysis: the analysis.
        quantity: a key of QUANTITIES.
        log: whether colours are logarithmic.
        dark: whether the background is dark.
    """
    importance = analysis.importance
    table = importance.table()
    factor, unit = analysis.unit
    return periodic_table(
        dict(zip(table["symbol"], factor * table[quantity], strict=True)),
        title=QUANTITIES[quantity],
        unit=unit,
        diverging=quantity == "signed",
        log=log,
        hover={
            str(row.symbol): _described(analysis, row, is_rare=row.symbol in importance.rare)
            for row in table.itertuples()
        },
        dark=dark,
    )


def swarm(analysis: Analysis, symbols: list[str], *, dark: bool) -> go.Figure:
    """Draw the SHAP values of every explained material, one swarm per element."""
    pairs = analysis.choice.pairs.select(analysis.importance.shap_rows)
    columns = [INDEX[symbol] for symbol in symbols]
    factor, unit = analysis.unit
    return beeswarm(
        symbols,
        factor * analysis.importance.shap[:, columns],
        pairs.fractions[:, columns],
        names=pairs.names(),
        title=f"SHAP value for the {analysis.quantity}",
        unit=unit,
        dark=dark,
    )


def held_out(analysis: Analysis, *, dark: bool) -> go.Figure:
    """Draw each material as predicted by trees that were fitted without it."""
    pairs = analysis.choice.pairs.select(analysis.importance.rows)
    factor, unit = analysis.unit
    return parity(
        factor * analysis.importance.differences,
        factor * analysis.importance.held_out,
        unit=unit,
        x_title=analysis.quantity.capitalize(),
        y_title="Predicted without the material",
        hover=pairs.names(),
        dark=dark,
    )


def dependence_figure(
    analysis: Analysis, effect: ElementEffect, color: str, *, dark: bool
) -> go.Figure:
    """Draw an element's SHAP values against its fraction.

    Args:
        analysis: the analysis.
        effect: how the element acts.
        color: a key of COLORS.
        dark: whether the background is dark.
    """
    partner = effect.partner if color == "partner" else None
    factor, unit = analysis.unit
    return dependence(
        effect.fractions,
        factor * effect.shap,
        unit=unit,
        symbol=effect.symbol,
        names=effect.pairs.names(),
        other=None if partner is None else (partner, effect.pairs.fractions[:, INDEX[partner]]),
        groups=effect.chemistry if color == "chemistry" else None,
        title=f"SHAP value of {effect.symbol}",
        dark=dark,
    )


def effect_text(analysis: Analysis, effect: ElementEffect) -> str:
    """Return what to see in `dependence_figure`."""
    symbol = effect.symbol
    return (
        f"Materials that contain {symbol}: how far it moves the predicted difference, against its "
        "fraction. The spread at one fraction comes from the other elements. Mean SHAP value where "
        f"{symbol} is absent: {analysis.energy(effect.mean_absent)} {analysis.unit[1]}."
    )


def _described(analysis: Analysis, row: Any, *, is_rare: bool) -> str:
    """Return the numbers of an element, a row of `Importance.table`, in words."""
    (factor, unit), digits = analysis.unit, analysis.digits
    error = f", ± {factor * row.error:.{digits}f} {unit} by the sample" if row.error > 0 else ""
    mean = analysis.energy(row.signed)
    rare = ", so poorly known" if is_rare else ""
    return f"rank {row.rank}{error}, where present {mean} {unit}; {row.count:,} materials{rare}"
