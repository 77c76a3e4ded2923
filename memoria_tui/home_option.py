"""`--home DIR` and `--demo` before a command: which stores it is about, as the variables that all else reads.

It is looked at by every short command before anything is imported, so it imports next to nothing.
"""

import os


def taken(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """The arguments without them, and the variables that they set.

    What is wrong stays where it is, for the command line to say so.
    """
    rest, variables = list(arguments), dict[str, str]()
    while rest:
        option, is_joined, folder = rest[0].partition("=")
        if rest[0] == "--demo":
            variables["MEMORIA_DEMO"] = "true"
        elif option == "--home" and not is_joined and len(rest) > 1 and rest[1]:
            folder = rest.pop(1)
        elif option != "--home" or not folder:
            break
        if option == "--home":
            variables["MEMORIA_HOME"] = os.path.abspath(os.path.expanduser(folder))
        del rest[0]
    return rest, variables
