"""The data sets of AtomRef Lab, and the import of new ones."""

import streamlit as st

from pages.parts.data.catalogue import open_data_sets
from pages.parts.data.explore import explore
from pages.parts.data.sets import show_datasets
from pages.parts.data.upload import import_files, show_imports
from pages.parts.shared.page import errors_shown, head, plain


def main() -> None:
    head(
        "Data",
        "Which data sets are available, what do they hold, and where do their labels come from?",
    )
    if note := st.session_state.pop("data note", None):
        st.success(plain(note), icon=":material/check_circle:")
    for text in st.session_state.pop("data findings", []):
        st.warning(plain(text), icon=":material/straighten:")
    with errors_shown():
        info = show_datasets()
        if info is not None:
            explore(info)
    st.subheader("Import")
    show_imports()
    with errors_shown():
        import_files()
    st.subheader("Open data sets")
    with errors_shown():
        open_data_sets()


main()
