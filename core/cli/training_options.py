"""Options of `train` on commands that train many runs."""

from collections.abc import Collection

import typer

from core.training.settings.config import FLAGS


def training_options(words: list[str], *, but: Collection[str]) -> dict[str, str]:
    """Read the options of `train` from what is left of a command line.

    Args:
        words: what the command itself did not take.
        but: keys of FLAGS that the command settles in its own way.

    Raises:
        typer.BadParameter: an option that does not exist, or one without its argument.
    """
    keys = {flag: key for key, flag in FLAGS.items() if key not in but}
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, joined, value = word.partition("=")
        if flag not in keys:
            raise typer.BadParameter(f"No such option: {flag}")
        given = value if joined else next(rest, None)
        if given is None:
            raise typer.BadParameter(f"Option {flag} requires an argument")
        found[keys[flag]] = given
    return found
