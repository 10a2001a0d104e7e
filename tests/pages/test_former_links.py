"""Links that version 0.1.0 shared still say what they said.

Streamlit writes an option's label into the address. `links-0.1.0.json` holds, for every page and
view of that version, the labels of all options that an address can hold.
"""

import json
import shutil
from pathlib import Path

import pytest

from pages.parts.shared.former_links import FORMER

DATA = Path(__file__).parents[1] / "data"
VISITS = json.loads((DATA / "links-0.1.0.json").read_text(encoding="utf-8"))
CHOICES = ("button_group", "multiselect", "radio", "selectbox")


def bound_options(at):
    """Options by name in the address, of all widgets on the page."""
    options = {}
    for kind in CHOICES:
        for widget in at.get(kind):
            if name := getattr(widget.proto, "query_param_key", ""):
                labels = [getattr(one, "content", one) for one in widget.proto.options]
                options.setdefault(name, set()).update(labels)
    return options


@pytest.fixture
def previous_home(home, monkeypatch):
    monkeypatch.setattr("core.reference.importance.trees.ROUNDS", 20)
    shutil.copytree(DATA / "home-0.1.0", home, dirs_exist_ok=True)


@pytest.mark.usefixtures("previous_home")
@pytest.mark.parametrize(
    "link", VISITS, ids=lambda link: " ".join([link["page"], *link["query"].values()])
)
def test_every_former_label_still_means_an_option(visit, link):
    options = bound_options(visit(link["page"], **link["query"]))
    for name, labels in link["options"].items():
        for label in labels:
            now = FORMER.get(name, {}).get(label, label)
            # `mend_choice` puts words before the name of a column.
            found = {one for one in options[name] if one == now or one.endswith(f"({now})")}
            assert len(found) == 1, (name, label)
