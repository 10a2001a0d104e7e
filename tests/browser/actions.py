"""What the browser tests do on a page, and wait for."""

import os
import re
import time
from pathlib import Path

from playwright.sync_api import expect

SCREENSHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"
PATIENCE = 240_000
"""Milliseconds for which a test waits: machines may be busy, and no test measures speed."""

COMPUTATION = 400_000
"""Milliseconds for which a test waits for the result of a computation."""

_STEADY_MS = 400


_UNSETTLED = ", ".join(
    [
        "[data-testid=stApp]:not([data-test-script-state=notRunning])",
        *(f"[data-testid={name}]" for name in ("stStatusWidget", "stSpinner", "stSkeleton")),
        "[data-stale=true]",
    ]
)
"""What there is of a page that a script still works on."""


def settled(page):
    """Wait until Streamlit has drawn the page; nothing may have failed."""
    # A page whose preview is computed asks for it every second, and seldom rests until it is there.
    expect(page.locator(_UNSETTLED)).to_have_count(0, timeout=COMPUTATION)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    return page


def go(page, title):
    """Go to a page by the sidebar, which takes a fraction of what loading it does."""
    link = page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True)
    name = "AtomRef Lab" if title == "Overview" else title
    heading = page.get_by_role("heading", level=1, name=name, exact=True)
    link.click()
    try:
        expect(heading).to_be_visible(timeout=PATIENCE / 4)
    except AssertionError:
        # A page that asks for a preview every second may ask just then, and Streamlit stays on it.
        link.click()
        expect(heading).to_be_visible()
    return settled(page)


def switch(page, view):
    """Switch a page to one of its views."""
    views = page.get_by_test_id("stMain").get_by_role("radiogroup", name="View", exact=True)
    button = views.get_by_role("radio", name=view, exact=True)
    settled(page)
    button.click()
    # A click is lost where the page is drawn again under it.
    if not button.is_checked():
        settled(page)
        page.wait_for_timeout(500)
    if not button.is_checked():
        button.click()
    expect(button).to_be_checked()
    return settled(page)


def snap(page, name):
    """Keep a screenshot of the whole page, to be looked at, if SCREENSHOTS is set."""
    if not os.environ.get("SCREENSHOTS"):
        return
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    height = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    page.set_viewport_size({"width": 1400, "height": min(int(height) + 60, 5000)})
    page.wait_for_timeout(1000)
    page.screenshot(path=SCREENSHOTS / f"{name}-{page.theme}.png")
    page.set_viewport_size({"width": 1400, "height": 1000})


def metric(page, label):
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


FIND_SQUARE = """symbol => {
    for (const plot of document.querySelectorAll(".js-plotly-plot")) {
        const groups = plot.querySelectorAll(".barlayer .trace.bars");
        const bars = plot.data.filter(trace => trace.type === "bar");
        for (const [i, trace] of bars.entries()) {
            const at = (trace.customdata || []).indexOf(symbol);
            if (at < 0) continue;
            const square = groups[i].querySelectorAll(".point path")[at];
            if (!square) continue;
            square.scrollIntoView({block: "center"});
            const box = square.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }
    }
}"""


FIND_POINT = """number => {
    const point = document.querySelectorAll(".js-plotly-plot .scatterlayer .point")[number];
    if (!point) return null;
    point.scrollIntoView({block: "center"});
    const box = point.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""


def steady(page, find, argument):
    """Return the place that a script finds, once it stays the same for a while."""
    deadline = time.monotonic() + PATIENCE / 1000
    place = None
    while time.monotonic() < deadline:
        before, place = place, page.evaluate(find, argument)
        if place is not None and place == before:
            return place
        page.wait_for_timeout(_STEADY_MS)
    raise AssertionError(f"no steady place of {argument}")


def click_mark(page, find, argument, url):
    """Click a mark of a figure in its middle, again where a redraw lost the click.

    Args:
        page: the page.
        find: script that returns the place of the mark, or nothing.
        argument: its argument.
        url: pattern that the address matches after the click.
    """
    for _ in range(3):
        x, y = steady(page, find, argument)
        # plotly clicks on what it has seen the pointer come to, which a redraw makes it forget.
        page.mouse.move(0, 0)
        page.mouse.move(x, y, steps=5)
        page.wait_for_timeout(200)
        page.mouse.click(x, y)
        try:
            expect(page).to_have_url(re.compile(url), timeout=PATIENCE / 3)
        except AssertionError:
            continue
        return
    expect(page).to_have_url(re.compile(url))


def click_element(page, symbol, url):
    """Click an element in the periodic table; the address then matches a pattern."""
    click_mark(page, FIND_SQUARE, symbol, url)


FAINT_TEXT = """() => {
    const channel = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255)
        + 0.0722 * channel(b / 255);
    const parse = (text) => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return text.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
    };
    const over = (top, below) => below.map((v, i) => top[i] * top[3] + v * (1 - top[3]));
    const parents = function* (element) {
        for (let node = element; node; node = node.parentElement ?? node.getRootNode().host) {
            yield node;
        }
    };
    const faint = [];
    const look = (root) => {
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) look(element.shadowRoot);
            const text = [...element.childNodes].filter((it) => it.nodeType === 3)
                .map((it) => it.textContent.trim()).join(" ").trim();
            const box = element.getBoundingClientRect();
            // Not of the page: what is drawn, is disabled, or says that a script runs.
            const off = element.closest("svg, style, script, [disabled], [aria-disabled=true], "
                + "[data-testid=stStatusWidget], "
                // Streamlit's own numbers, which fade in and out under the mouse.
                + "[data-testid=stSliderTickBar], [data-testid=stSliderThumbValue]");
            if (!text || !box.width || !box.height || off) continue;
            const layers = [];
            let opacity = 1;
            for (const node of parents(element)) {
                const style = getComputedStyle(node);
                layers.unshift(parse(style.backgroundColor));
                opacity *= Number(style.opacity);
            }
            const behind = layers.reduce((below, top) => over(top, below), [255, 255, 255]);
            const color = parse(getComputedStyle(element).color);
            color[3] *= opacity;
            const [low, high] = [luminance(over(color, behind)), luminance(behind)].sort(
                (a, b) => a - b);
            if ((high + 0.05) / (low + 0.05) < 4.5) faint.push(text.slice(0, 60));
        }
    };
    look(document.body);
    return faint;
}"""
"""Texts of a page whose contrast with what is behind them is below 4.5 (WCAG 2.2); disabled
controls are exempt, and text in figures is tested with their palettes."""


def faint_texts(page):
    """Return the texts that stay faint; a page that is drawn again fades for a moment."""
    for _ in range(10):
        if not (found := settled(page).evaluate(FAINT_TEXT)):
            break
        page.wait_for_timeout(500)
    return found
