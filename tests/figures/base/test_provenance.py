"""The line over an exported figure that says where it comes from."""

from core.figures.base.provenance import export_title


def test_what_users_wrote_is_no_markup():
    line = export_title("Data: <b>mine</b>. Labels: DFT.")
    assert line["title"]["text"] == "Data: &lt;b&gt;mine&lt;/b&gt;. Labels: DFT."
    assert line["title"]["font"]["size"] >= 13
    assert line["height"] > line["title"]["font"]["size"]


def test_a_long_line_is_broken_between_sentences_and_words():
    line = export_title(
        "Data: mp-structures. Labels: chgnet-0.3.0, chgnet-r2scan (model-labelled, not DFT)."
    )
    assert line["title"]["text"].split("<br>") == [
        "Data: mp-structures.",
        "Labels: chgnet-0.3.0, chgnet-r2scan",
        "(model-labelled, not DFT).",
    ]
    assert line["height"] >= 3 * line["title"]["font"]["size"]
