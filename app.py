"""AtomRef Lab's dashboard: one line per page."""

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts.access.guard import Guard, admit, guarded
from pages.parts.shared.serving import PageAddresses


def show() -> None:
    """Show the page that a reader has opened."""
    st.set_page_config(page_title="AtomRef Lab", page_icon="docs/icon.png", layout="wide")
    admit()
    st.navigation(
        {
            "": [
                st.Page(
                    "pages/overview.py", title="Overview", icon=":material/home:", default=True
                ),
                st.Page("pages/lesson.py", title="Lesson", icon=":material/school:"),
                st.Page("pages/data.py", title="Data", icon=":material/database:"),
            ],
            "Energy scales": [
                st.Page(
                    "pages/energy_shifts.py",
                    title="Energy shifts",
                    icon=":material/compare_arrows:",
                ),
                st.Page("pages/atomref.py", title="AtomRef", icon=":material/balance:"),
                st.Page(
                    "pages/importance.py", title="Feature importance", icon=":material/star_rate:"
                ),
                st.Page(
                    "pages/formation.py", title="Formation energies", icon=":material/whatshot:"
                ),
                st.Page("pages/offset.py", title="Model offset", icon=":material/waterfall_chart:"),
            ],
            "Training": [
                st.Page("pages/transfer.py", title="Transfer", icon=":material/model_training:"),
                st.Page("pages/experiments.py", title="Experiments", icon=":material/science:"),
                st.Page("pages/runs.py", title="Runs", icon=":material/list:"),
                st.Page("pages/scaling.py", title="Scaling", icon=":material/trending_down:"),
                st.Page("pages/stability.py", title="Stability", icon=":material/landscape:"),
            ],
            "Models": [
                st.Page("pages/predict.py", title="Predict", icon=":material/bolt:"),
                st.Page("pages/compare.py", title="Compare models", icon=":material/scatter_plot:"),
            ],
        }
    ).run()


# The server imports this file once, and runs it for each reader.
if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(
        __file__,
        middleware=[Middleware(Guard), Middleware(PageAddresses)],
        lifespan=guarded,
    )
else:
    show()
