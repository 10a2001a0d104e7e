"""The story of the lesson: seven steps, each with a paragraph, something to try and a question."""

from dataclasses import dataclass, field


@dataclass(kw_only=True, frozen=True)
class Step:
    """One step.

    Attributes:
        title: its title.
        lead: one sentence, which stands alone when the lesson is presented.
        text: the paragraph, in Markdown.
        task: one thing to try.
        page: the page on which to try it.
        query: what that page opens with.
        question: a question.
        answer: its answer, which opens on request.
        command: the command that shows the same.
    """

    title: str
    lead: str
    text: str
    task: str
    page: str
    query: dict[str, str] = field(default_factory=dict)
    question: str
    answer: str
    command: str


STEPS: dict[str, Step] = {
    "disagree": Step(
        title="Why energies disagree",
        lead="The same materials, two functionals: total energies lie many eV/atom apart and "
        "hardly correlate.",
        text="A total energy counts from a zero that nobody measures: all electrons and nuclei "
        "infinitely far apart, as the functional and the pseudopotentials see them. GGA and r2SCAN "
        "treat the electrons near the nuclei differently, so each atom brings an amount of its "
        "own, often more than ten eV. Chemistry, a few eV/atom at most, drowns in it.",
        task="Keep only materials with one element, such as Fe, and watch r change.",
        page="pages/energy_shifts.py",
        query={"elements": "Fe"},
        question="Does the large difference mean that one functional is wrong?",
        answer="No. Only differences between energies of the same functional have a meaning: of "
        "a compound and its elements, of two phases. The zero cancels in them, and there the two "
        "functionals agree to some tenths of an eV/atom.",
        command="atomref shift mp-structures",
    ),
    "offset": Step(
        title="Most of it is an offset",
        lead="New reference energies alone remove nearly all of a pretrained model's error on the "
        "new functional.",
        text="CHGNet was trained on GGA and GGA+U. Compared with r2SCAN labels, its energies are "
        "off by many eV/atom. One constant for all materials helps little, because the offset "
        "depends on the elements. One energy per element removes almost all of it, and references "
        "fitted to what the network leaves over (*residual*) still more. No weight of the network "
        "has changed.",
        task="See which elements and which chemistries keep the largest error.",
        page="pages/offset.py",
        question="Why does one constant for all materials help so little?",
        answer="Because the offset of a material is the sum over its atoms, and differs from "
        "element to element by tens of eV. A constant fits the average material only.",
        command="atomref offset mp-frames-r2scan --model chgnet-0.3.0",
    ),
    "atomref": Step(
        title="AtomRef: one energy per element",
        lead="Least squares finds one energy per element and functional; their differences are "
        "the offset.",
        text="AtomRef is a linear model: the energy per atom is about the sum over elements of "
        "their fraction times their reference energy. With thousands of materials and fewer than "
        "a hundred elements, least squares determines it well. CHGNet adds its network's "
        "*interaction energy* to it, so moving AtomRef moves the model's zero and no force.",
        task="Fit AtomRef with error bars, and find the element that is least certain.",
        page="pages/atomref.py",
        query={"view": "Uncertainty"},
        question="Which elements' references are uncertain, and why?",
        answer="Those in few materials, and those that occur nearly always in one ratio with "
        "another element: only their sum is determined then. A prior, such as the shift of the "
        "elemental crystal, helps.",
        command="atomref atomref mp-structures",
    ),
    "correlation": Step(
        title="After AtomRef, the functionals agree",
        lead="Minus each functional's own AtomRef, the same energies correlate almost perfectly.",
        text="What is left after AtomRef, the *scaled energy*, is the chemistry. The two "
        "functionals agree on most of it: that is what a pretrained network already knows and "
        "need not learn again. The materials far from the line are where the new functional says "
        "something new.",
        task="How few materials are enough to fit AtomRef? Look at the view Data efficiency.",
        page="pages/energy_shifts.py",
        query={"view": "Data efficiency"},
        question="If AtomRef has one number per element, could it fit anything?",
        answer="No: with thousands of materials and some 90 numbers it cannot follow single "
        "materials. With 90 materials it could, and r would rise without any meaning: the page "
        "warns where there are fewer than two materials per element.",
        command="atomref shift mp-structures",
    ),
    "gradients": Step(
        title="What wrong references do to a training",
        lead="With the old references the network must unlearn the offset, and the gradients "
        "show it.",
        text="Three short trainings, from the same weights on the same frames. With the source's "
        "AtomRef (*frozen*) the first errors are of many eV/atom: gradients are large and point "
        "toward the offset, and what the network knows is overwritten. *Refit* has references from "
        "these 100 frames alone, and none for elements that they lack; *residual* falls back on a "
        "prior for these, and its gradients are the smallest.",
        task="Open a run of your own, view Gradients, and compare its first epoch.",
        page="pages/runs.py",
        question="Why are the gradients not larger still, if the error is hundreds of times as "
        "large?",
        answer="The Huber loss is linear for large errors, so their gradient is bounded. It "
        "protects the training, but the direction still is that of the offset.",
        command="atomref experiment run --dataset mp-frames-r2scan --frames 100 --epochs 4 "
        "--methods frozen,refit,residual",
    ),
    "live": Step(
        title="A live run, for all of you",
        lead="One training on this server; everybody watches the same curve.",
        text="The first click starts a training with *residual* references on 100 frames: about a "
        "minute on a free machine. Everybody who opens this page sees it, and nobody can start a "
        "second one. The other lines were recorded before: the same frames with the other "
        "references.",
        task="Before the first point appears, guess the error at epoch 0 and after epoch 4.",
        page="pages/transfer.py",
        question="Epoch 0 is before any training. Why is the error so small already?",
        answer="The pretrained network knows the chemistry, and the residual references the zero. "
        "Training has to learn only what differs between the functionals.",
        command="",
    ),
    "scaling": Step(
        title="How much data, and is it stable?",
        lead="Transfer needs far fewer frames for the same error; whether phases are stable is a "
        "harder question.",
        text="Both axes are logarithmic, so that a power law is a straight line: each doubling of "
        "the data takes off the same part of the error. The distance between the lines says how "
        "many calculations the pretrained weights and the references save. A small error of "
        "energies is not the end: which phases are stable depends on differences of some "
        "meV/atom between competing phases.",
        task="Move a phase on a made-up hull and see when it becomes unstable.",
        page="pages/stability.py",
        query={"view": "What a hull is"},
        question="Can a model with 30 meV/atom of error tell which phases are stable?",
        answer="Often: errors of similar phases are alike and cancel. But half of all computed "
        "phases lie within some tens of meV/atom of the hull, so some are misjudged. The page "
        "Stability counts them.",
        command="atomref scaling",
    ),
}
