"""What laws, methods and the origin of their errors are called, for pages and reports."""

from datetime import datetime

from core.frames.provenance import CORRECTIONS, Provenance
from core.progress import duration_text
from core.runs.results.comparison import method_label
from core.scaling.analysis import TABLE, ScalingAnalysis
from core.scaling.form_choice import FormOption
from core.scaling.law import Form
from core.training.settings.methods import METHODS

FORMS: dict[FormOption, str] = {
    "power": "Power law",
    "offset": "With a floor",
    "auto": "Chosen by held-out sizes",
}
FORM_TEXT: dict[Form, str] = {"power": "a·N⁻ᵇ", "offset": "a·N⁻ᵇ + c"}


def name_of(method: str) -> str:
    """Return the name of a method, or of a table of points."""
    return "Your points" if method == TABLE else method_label(method)


def start_text(method: str) -> str:
    """Return what a method starts from; empty for a table of points."""
    return "" if method == TABLE else METHODS[method].starts_from


def provenance_of(analysis: ScalingAnalysis) -> Provenance:
    """Return where the errors come from."""
    if analysis.results is None:
        (points,) = analysis.points.values()
        return Provenance(data=analysis.name, details=f"{len(points.error):,} points.")
    about = analysis.results.about
    frames = about.n_test if analysis.split == "test" else about.n_validation
    data, sweep = about.data, about.sweep
    date = datetime.fromtimestamp(sweep.created).strftime("%Y-%m-%d")
    duration = "" if about.seconds is None else f", in {duration_text(about.seconds)}"
    return Provenance(
        data=data.name,
        labels=data.made_by,
        details=f"{data.functional}, {CORRECTIONS[data.corrections]}; {frames:,} {analysis.split} "
        f"frames of other materials. Pretrained model: {sweep.base.source_model}. Trained {date} "
        f"on {sweep.machine}{duration}.",
    )
