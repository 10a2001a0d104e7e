"""How the server hands out the pages of the dashboard."""

from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PAGES: Final = {"", *(path.stem for path in Path(__file__).parents[2].glob("*.py"))}

_SCRIPT: Final = """<script>
// Streamlit would take a page's address for that of a server below a path, and ask there first.
window.__streamlit = {
    BACKEND_BASE_URL: location.origin + location.pathname.replace(/[^/]*\\/?$/, ""),
};
// A reader who leaves a page would find it without its query on the way back: Streamlit drops the
// query as a step of its own, just before it changes the page. Such a step is joined to the next.
{
    const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
    let before = null, timer = null;
    const settle = () => {
        clearTimeout(timer);
        before = null;
    };
    window.addEventListener("popstate", settle);
    history.pushState = (state, title, url) => {
        if (new URL(url, location.href).pathname !== location.pathname) {
            if (before) replace({}, "", before);
            settle();
            push(state, title, url);
            return;
        }
        before ??= location.href;
        replace(state, title, url);
        clearTimeout(timer);
        timer = setTimeout(() => {
            const now = location.href;
            replace({}, "", before);
            push({}, "", now);
            settle();
        }, 2000);
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
                response = HTMLResponse(_page(), headers={"Cache-Control": "no-cache"})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


@cache
def _page() -> str:
    index = Path(st.__file__).with_name("static") / "index.html"
    return index.read_text(encoding="utf-8").replace("<head>", f"<head>{_SCRIPT}", 1)
