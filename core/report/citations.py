"""What a report cites, as BibTeX."""

from core.report.document import Report

ENTRIES: dict[str, str] = {
    "Huang2025": """\
@article{Huang2025,
  author  = {Huang, Xu and Deng, Bowen and Zhong, Peichen and Kaplan, Aaron D. and
             Persson, Kristin A. and Ceder, Gerbrand},
  title   = {Cross-functional transferability in foundation machine learning interatomic
             potentials},
  journal = {npj Computational Materials},
  year    = {2025},
  doi     = {10.1038/s41524-025-01796-y}
}""",
    "Deng2023": """\
@article{Deng2023,
  author  = {Deng, Bowen and Zhong, Peichen and Jun, KyuJung and Riebesell, Janosh and
             Han, Kevin and Bartel, Christopher J. and Ceder, Gerbrand},
  title   = {{CHGNet} as a pretrained universal neural network potential for charge-informed
             atomistic modelling},
  journal = {Nature Machine Intelligence},
  volume  = {5},
  pages   = {1031--1041},
  year    = {2023},
  doi     = {10.1038/s42256-023-00716-3}
}""",
    "Furness2020": """\
@article{Furness2020,
  author  = {Furness, James W. and Kaplan, Aaron D. and Ning, Jinliang and Perdew, John P. and
             Sun, Jianwei},
  title   = {Accurate and Numerically Efficient r2SCAN Meta-Generalized Gradient Approximation},
  journal = {The Journal of Physical Chemistry Letters},
  volume  = {11},
  pages   = {8208--8215},
  year    = {2020},
  doi     = {10.1021/acs.jpclett.0c02405}
}""",
    "Wang2021": """\
@article{Wang2021,
  author  = {Wang, Amanda and Kingsbury, Ryan and McDermott, Matthew and Horton, Matthew and
             Jain, Anubhav and Ong, Shyue Ping and Dwaraknath, Shyam and Persson, Kristin A.},
  title   = {A framework for quantifying uncertainty in {DFT} energy corrections},
  journal = {Scientific Reports},
  volume  = {11},
  pages   = {15496},
  year    = {2021},
  doi     = {10.1038/s41598-021-94550-5}
}""",
}
"""BibTeX entries by key."""


def cited(report: Report) -> list[str]:
    """Return the keys of ENTRIES that a report cites, by the functionals and corrections in it."""
    data = [section.facts.get("Data", {}) for section in report.sections]
    functionals = " ".join(str(facts.get("Functional", "")) for facts in data).lower()
    keys = ["Huang2025", "Deng2023"]
    if "r2scan" in functionals:
        keys.append("Furness2020")
    if any(facts.get("MP2020 corrections") == "MP2020" for facts in data):
        keys.append("Wang2021")
    return keys
