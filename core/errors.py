"""Errors that a user can act on."""


class LabError(Exception):
    """A mistake in the user's input or surroundings, told in one sentence.

    The message names the file (and the row where there is one) and the remedy. The command line
    prints it on one line and exits with status 2; a page shows it in a red box. Anything that is
    not a LabError is a defect of the lab itself.
    """
