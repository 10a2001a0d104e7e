"""The Transfer page as a reader opens it, and what it says."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "app.py"
PAGE = "pages/transfer.py"


def open_page(choose="tiny", **query):
    app = AppTest.from_file(APP, default_timeout=300)
    app.switch_page(PAGE)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    if not query:
        app.selectbox(key="dataset").select(choose).run()
    assert not app.exception, app.exception
    return app


def texts(app):
    """What the page says, without the backslashes that keep Markdown from reading it."""
    kinds = (app.markdown, app.caption, app.subheader, app.info, app.warning, app.error, app.metric)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def command(app):
    return next(code.value for code in app.code if code.value.startswith("atomref train"))
