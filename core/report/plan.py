"""Sections of a report about plans and what to compute next, and what the pages draw of them."""

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from core.elements import SYMBOLS
from core.figures.base.periodic import periodic_table
from core.figures.scaling.chances import chance_curves
from core.frames.provenance import Provenance
from core.frames.registry import find_dataset
from core.report.document import Figure, Section, Table
from core.report.origins import dataset_facts
from core.scaling.analysis import ScalingAnalysis
from core.scaling.cost import Cost
from core.scaling.extrapolation import FACTOR
from core.scaling.plan_text import budget_text, extrapolation_text, headline, money, plan_text
from core.scaling.planner import DataPlan
from core.scaling.words import name_of, provenance_of
from core.studies.acquisition import NextMaterials, NextStudy

COVERED = {
    "materials": ("Existing materials", ""),
    "candidates": ("Candidates", ""),
    "error_mev_per_atom": ("Energy MAE of the runs", "meV/atom"),
}
"""What the periodic table shows of the materials to compute next: title and unit."""

_MATERIAL_TITLES = {
    "material_id": "Material",
    "formula": "Formula",
    "n_atoms": "Atoms",
    "reason": "Why",
    "composition": "Elements",
    "distance": "Distance",
    "disagreement_mev_per_atom": "Disagreement, meV/atom",
    "gain": "Gain, (meV/atom)² per mean cost",
    "core_hours": "Core-hours",
}
"""Titles of the columns of `NextMaterials.table`."""

_CHEMISTRY_TITLES = {
    "chemistry": "Chemistry",
    "materials": "Existing materials",
    "candidates": "Candidates",
}
"""Titles of the columns of `NextMaterials.chemistry_table`."""

CHANCES = (
    "The estimate is where a curve passes one half; nine tenths are enough. The better a law is "
    "known, the steeper the curve. Dashed: beyond the largest size trained at, up to "
    f"{FACTOR} times; nothing is known beyond."
)
TESTED = (
    "What the same plan would have predicted before the larger sizes were trained: a law fitted to "
    "the sizes up to a quarter of each predicts its error, and the number of frames that reaches "
    "its actual error. Laws are means over seeds; single trainings scatter about them. The plan "
    "assumes one calculation per frame, of materials like these."
)


@dataclass(kw_only=True, frozen=True)
class Plan:
    """A plan with the laws behind it, as page and report show it.

    Attributes:
        analysis: the laws.
        data: what a target error takes.
        hours: a budget in core-hours; 0 leaves it out.
    """

    analysis: ScalingAnalysis
    data: DataPlan
    hours: float = 0.0

    @property
    def unit(self) -> str:
        """Unit of the errors."""
        return self.analysis.unit

    @property
    def headline(self) -> list[str]:
        """Plain sentences: what is enough, and which method needs the fewest frames."""
        return headline(self.data, self.unit, name_of)

    def needed(self) -> pd.DataFrame:
        """Return what the target takes by method, for reading."""
        return _named(plan_text(self.data))

    def bought(self) -> tuple[pd.DataFrame, str]:
        """Return what the budget buys by method, for reading, and for how many calculations."""
        table = self.data.budget(self.hours)
        hours_each = self.data.cost.mean_hours(self.data.n_atoms)
        return _named(budget_text(table, self.unit)), (
            f"{self.hours:,.6g} core-hours pay for {table['to_compute'].iloc[0]:,} calculations of "
            f"{hours_each:,.4g} core-hours; with the existing ones, {table['frames'].iloc[0]:,.0f} "
            "training frames."
        )

    def tested(self) -> tuple[pd.DataFrame, tuple[str, str]]:
        """Return predictions of sizes that were trained, for reading, and their result.

        Returns:
            The table, which may be empty; and the largest deviation with the share of intervals
            that hold the actual number of frames, in words.
        """
        table = self.analysis.extrapolation_table()
        if table.empty:
            return table, ("", "")
        deviation = f"{table['relative_error'].abs().max():.0%}"
        held = f"{table['held'].sum()} of {len(table)}"
        return _named(extrapolation_text(table, self.unit)), (deviation, held)

    def figure(self, chances: pd.DataFrame, *, dark: bool) -> go.Figure:
        """Draw the probability of reaching the target.

        Args:
            chances: `DataPlan.chances`.
            dark: whether the background is dark.
        """
        laws = self.data.laws
        return chance_curves(
            chances,
            names={method: name_of(method) for method in laws},
            largest={method: law.largest for method, law in laws.items()},
            target=f"{self.data.target:g} {self.unit}",
            have=self.data.have,
            dark=dark,
        )


def _named(text: pd.DataFrame) -> pd.DataFrame:
    return text.assign(Method=text["Method"].map(name_of))


def plan_section(plan: Plan) -> Section:
    """Return the section about how many calculations a target error takes."""
    analysis, data, source = plan.analysis, plan.data, provenance_of(plan.analysis)
    tables = [Table(title="What the target takes", table=plan.needed())]
    if plan.hours:
        bought, note = plan.bought()
        tables.append(Table(title="What the budget buys", table=bought, note=note))
    tested, (deviation, held) = plan.tested()
    if not tested.empty:
        note = (
            f"{TESTED} The predicted errors deviate by {deviation} at most; the interval of the "
            f"number of frames contains the actual number in {held} cases."
        )
        tables.append(Table(title="How reliable is this?", table=tested, note=note))
    chances, results = data.chances(), analysis.results
    return Section(
        title=f"Plan: {data.target:g} {plan.unit} by {analysis.name}",
        paragraphs=[" ".join(plan.headline), source.text, *analysis.start_notes],
        tables=tables,
        figures=[
            Figure(
                name="plan",
                figure=plan.figure(chances, dark=False),
                caption=CHANCES,
                source=source,
                table=chances,
            )
        ],
        facts={} if results is None else {"Data": dataset_facts(results.about.sweep.base.dataset)},
    )


def next_section(study: NextStudy, result: NextMaterials, cost: Cost | None) -> Section:
    """Return the section about which materials to compute next.

    Args:
        study: the settings.
        result: the materials.
        cost: of a calculation; None leaves it out.
    """
    source = next_source(study, result)
    table, elements = result.table(cost), result.element_table()
    covered = covered_by(elements)
    tested = ["test_frames"] if "error_mev_per_atom" in covered else []
    chosen = (
        "No candidate would add anything."
        if table.empty
        else f"{len(table):,} materials, in order of what they add"
        + ("." if cost is None else f"; together {together(table, cost)}.")
    )
    return Section(
        title=f"What to compute next for {study.dataset}",
        paragraphs=[chosen, source.text],
        tables=[
            Table(title="Materials", table=table.rename(columns=_MATERIAL_TITLES)),
            Table(
                title="Elements, the worst covered first",
                table=elements[["symbol", *covered, *tested]].rename(
                    columns={"symbol": "Element", "test_frames": "Test frames"}
                    | {key: ", ".join(filter(None, it)) for key, it in COVERED.items()}
                ),
            ),
            Table(
                title="Chemistries, the worst covered first",
                table=result.chemistry_table().rename(columns=_CHEMISTRY_TITLES),
            ),
        ],
        figures=[
            Figure(
                name=f"covered-{key}",
                figure=coverage_figure(elements, key, dark=False),
                caption=coverage_text(elements),
                source=source,
                table=elements,
            )
            for key in covered
        ],
        facts={"Data": dataset_facts(*study.datasets)},
    )


def next_source(study: NextStudy, result: NextMaterials) -> Provenance:
    """Return what the choice of materials rests on."""
    card = find_dataset(study.dataset).card
    part = "the training part of " if card.kind == "frames" else ""
    return Provenance(
        data=f"{study.dataset}, {study.pool}",
        labels={card.labels} if study.runs else (),
        details=f"Existing: {part}{study.dataset}, {result.n_training:,} materials. "
        f"Candidates: {study.describe_candidates(result)}.",
    )


def together(table: pd.DataFrame, cost: Cost) -> str:
    """Return what all materials of a table with core-hours cost."""
    hours = table["core_hours"].sum()
    price = f", {money(cost.money(hours), cost.currency)}" if cost.price else ""
    return f"{float(format(hours, '.4g')):,g} core-hours{price}"


def covered_by(elements: pd.DataFrame) -> list[str]:
    """Return the keys of COVERED of which a `NextMaterials.element_table` has numbers."""
    return [key for key in COVERED if elements[key].notna().any()]


def coverage_figure(elements: pd.DataFrame, quantity: str, *, dark: bool) -> go.Figure:
    """Draw how well the elements are covered.

    Args:
        elements: `NextMaterials.element_table`.
        quantity: a key of COVERED.
        dark: whether the background is dark.
    """
    title, unit = COVERED[quantity]
    rows = elements.to_dict("records")
    return periodic_table(
        {row["symbol"]: float(row[quantity]) for row in rows},
        title=title,
        unit=unit,
        diverging=False,
        log=True,
        hover={
            row["symbol"]: f"{row['materials']:,} existing materials, "
            f"{row['candidates']:,} candidates"
            + (
                f"; error {row['error_mev_per_atom']:.0f} meV/atom on {row['test_frames']:,} "
                "test frames"
                if row["test_frames"]
                else ""
            )
            for row in rows
        },
        dark=dark,
    )


def coverage_text(elements: pd.DataFrame) -> str:
    """Return which elements no existing material contains, and which of them candidates do."""
    covered = set(elements["symbol"][elements["materials"] > 0])
    missing = [symbol for symbol in SYMBOLS if symbol not in covered]
    text = "An element in few materials has an uncertain reference."
    if missing:
        offered = [symbol for symbol in elements["symbol"] if symbol in missing]
        text += (
            f" No existing material contains {', '.join(missing)}; of these, candidates contain "
            f"{', '.join(offered) or 'none'}."
        )
    return text
