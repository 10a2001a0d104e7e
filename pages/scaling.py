"""How the error falls with more training frames, and how many calculations it takes (Figure 6)."""

from pages.parts.shared.page import command, errors_shown, head
from pages.parts.shared.views import choose_view

VIEWS = {
    "curves": "Curves",
    "saved": "Frames saved",
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
            from pages.parts.plan import acquisition  # noqa: PLC0415

            acquisition.show()
        else:
            results(view)


def results(view: str) -> None:
    # Views that need no fits do not wait for them.
    from pages.parts.scaling.curves import show_curves  # noqa: PLC0415
    from pages.parts.scaling.savings import show_saved  # noqa: PLC0415
    from pages.parts.scaling.selection import choose_shown  # noqa: PLC0415

    shown = choose_shown()
    if shown is None:
        return
    if view == "plan":
        from pages.parts.plan.view import show  # noqa: PLC0415

        show(
            shown.results,
            shown.laws,
            metric=shown.metric,
            unit=shown.unit,
            split=shown.split,
            points=shown.points,
        )
        return
    (show_curves if view == "curves" else show_saved)(shown)
    made = [] if shown.results is None else [shown.results.about.sweep.command]
    command("\n".join([*made, shown.arguments]))


main()
