"""How the error falls with more training frames, and how many calculations it takes (Figure 6)."""

from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.views import choose_view

VIEWS = {
    "curves": "Curves",
    "savings": "Frames saved",
    "plan": "Plan",
    "next": "What to compute next",
    "sweeps": "Sweeps",
}


def main() -> None:
    head(
        "Scaling",
        "How does the error fall with more training frames, and how many calculations do you need?",
    )
    with errors_shown():
        view = choose_view(VIEWS)
        if view == "sweeps":
            from pages.parts.sweeps.list import show_sweeps  # noqa: PLC0415

            show_sweeps()
        elif view == "next":
            from pages.parts.plan.acquisition import show_next  # noqa: PLC0415

            show_next()
        else:
            results(view)


def results(view: str) -> None:
    # Views that need no fits do not wait for them.
    from pages.parts.scaling.curves import show_curves  # noqa: PLC0415
    from pages.parts.scaling.savings import show_savings  # noqa: PLC0415
    from pages.parts.scaling.selection import choose_analysis  # noqa: PLC0415

    analysis = choose_analysis()
    if analysis is None:
        return
    if view == "plan":
        from pages.parts.plan.view import show_plan  # noqa: PLC0415

        show_plan(analysis)
        return
    command((show_curves if view == "curves" else show_savings)(analysis))


main()
