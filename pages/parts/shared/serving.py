"""How the server hands out the pages of the dashboard."""

from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PAGES: Final = {"", *(path.stem for path in Path(__file__).parents[2].glob("*.py"))}
_NO_FIGURE: Final = {"data", "experiments", "offset", "predict", "runs"}
"""Pages that open without a figure."""

_SCRIPT: Final = """<script>
// Streamlit would take a page's address for that of a server below a path, and ask there first.
window.__streamlit = {
    BACKEND_BASE_URL: location.origin + location.pathname.replace(/[^/]*\\/?$/, ""),
};
// A reader who leaves a page would find it without its query on the way back: Streamlit drops the
// query as a step of its own, before it changes the page, which takes until the server answers.
// Such a step is undone; other quick steps within a page become one.
{
    const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
    let before = null, dropped = null, leaves = false, timer = null;
    const settle = () => {
        clearTimeout(timer);
        before = dropped = null;
    };
    window.addEventListener("popstate", settle);
    window.addEventListener("click", (event) => {
        leaves = Boolean(event.target.closest?.("a[href]"));
    }, true);
    history.pushState = (state, title, url) => {
        const next = new URL(url, location.href);
        if (next.pathname !== location.pathname) {
            if (dropped) replace({}, "", dropped);
            settle();
            leaves = false;
            push(state, title, url);
            return;
        }
        if (next.search) dropped = null;
        else if (location.search) dropped = location.href;
        before ??= location.href;
        replace(state, title, url);
        clearTimeout(timer);
        timer = setTimeout(() => {
            const now = location.href;
            replace({}, "", before);
            push({}, "", now);
            settle();
        }, leaves ? 60000 : 2000);
    };
}
</script>"""


class PageAddresses:
    """ASGI middleware that tells the browser where the server is, and keeps its way back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request for a page; leave all others to Streamlit."""
        if scope["type"] == "http" and scope["method"] == "GET":
            name = scope["path"].removesuffix("/").rpartition("/")[2]
            if name in _PAGES:
                response = HTMLResponse(_page(name), headers={"Cache-Control": "no-cache"})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


@cache
def _page(name: str) -> str:
    static = Path(st.__file__).with_name("static")
    index = (static / "index.html").read_text(encoding="utf-8")
    head = _SCRIPT
    if name not in _NO_FIGURE:
        # The browser would ask for plotly.js, 5 MB, no sooner than the page's script has run.
        head += "".join(
            f'<link rel="modulepreload" crossorigin href="./static/js/{file.name}">'
            for file in (static / "static" / "js").glob("PlotlyChart.*.js")
        )
    return index.replace("<head>", f"<head>{head}", 1)
