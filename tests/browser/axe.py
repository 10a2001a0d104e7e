"""What axe-core finds on a page."""

from importlib.resources import files

import pytest

FIND = """async (known) => {
    // Contrast has a test of its own, which also sees text that is drawn half transparent.
    const options = {resultTypes: ["violations"], elementRef: true,
        rules: {"color-contrast": {enabled: false}}};
    // What plotly.js draws has thousands of elements; its controls stand beside them.
    const page = {include: [["body"]], exclude: [[".js-plotly-plot .svg-container"]]};
    const {violations} = await axe.run(page, options);
    return violations.filter((it) => ["serious", "critical"].includes(it.impact)).flatMap(
        ({id, nodes}) => nodes
            .filter((node) => !(known[id] && node.element.closest(known[id])))
            .map((node) => `${id}: ${node.html.slice(0, 200)}`));
}"""
KNOWN = dict.fromkeys(["list", "listitem"], "[data-testid=stSidebarNavItems]")
"""By rule, what Streamlit draws so and no app can change: groups of pages in the sidebar are a
`div` in a `ul`."""


def serious_findings(page):
    """Return what axe-core calls serious or critical; skip the test where axe is missing."""
    pytest.importorskip("axe_playwright_python", reason="axe is missing; make test installs it")
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    return page.evaluate(FIND, KNOWN)
