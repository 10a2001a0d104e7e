"""The options of `train` on commands that train many runs."""

from collections.abc import Collection

import typer

from core.training.settings.config import FLAGS


def training_options(words: list[str], *, but: Collection[str]) -> dict[str, str]:
    """Return the options of `train` in the rest of a command line, by keys of FLAGS.

    Args:
        words: words that are not options of the command itself.
        but: keys of FLAGS that the command does not take.

    Raises:
        typer.BadParameter: if there is no such option, or its argument is missing.
    """
    keys = {flag: key for key, flag in FLAGS.items() if key not in but}
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        flag, joined, value = word.partition("=")
        if flag not in keys:
            raise typer.BadParameter(f"No such option: {flag}")
        argument = value if joined else next(rest, None)
        if argument is None:
            raise typer.BadParameter(f"Option {flag} requires an argument")
        options[keys[flag]] = argument
    return options
