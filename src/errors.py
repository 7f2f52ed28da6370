"""Mistakes that the person at the keyboard can mend."""


class Mistake(Exception):
    """A wrong input, said in one line: where, what, and what would be right.

    The command line prints the line and ends with `exit_code`; anything else that is raised is our
    own fault and keeps its traceback.
    """

    exit_code = 2
