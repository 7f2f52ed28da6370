"""Mistakes that the person at the keyboard can mend."""


class Mistake(Exception):
    """A wrong input, said in one line: where, what, and what would be right.

    The command line prints the line and ends with `exit_code`; anything else that is raised is our
    own fault and keeps its traceback.
    """

    exit_code = 2


class Unavailable(Mistake):
    """A disk or a database failed; nothing was changed, and the same command may work later."""

    exit_code = 74


class Busy(Mistake):
    """Somebody else is writing in the same place."""

    exit_code = 75
