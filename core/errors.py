"""Errors that a user can act on."""


class LabError(Exception):
    """An error in the user's input or environment, described in one sentence.

    The message names what is wrong, where (file and row), and what to do. The command line prints
    it on one line and exits with status 2; a page shows it in a red box. Any other exception is a
    bug.
    """
