"""What every command line of ``scripts/`` does around its one library call."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from endotype.errors import InputError
from endotype.machine import EXIT_MACHINE, explain

EXIT_INPUT_ERROR = 2


def run(main: Callable[[], None]) -> None:
    """Call ``main`` and leave the process with the code that fits.

    A user's error is printed as a page of text and ends with code 2, a fault of the machine (a full disk) as
    a sentence with code 3; anything else is a fault of ours and keeps its traceback. A closed pipe
    (``| head``) is no error.
    """
    try:
        main()
    except InputError as error:
        print(f"endotype: {error}", file=sys.stderr)
        sys.exit(EXIT_INPUT_ERROR)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        said = explain(error)
        if said is None:
            raise
        print(f"endotype: {said}", file=sys.stderr)
        sys.exit(EXIT_MACHINE)


def put_python_first() -> None:
    """Make ``python``, in commands that this process starts, the Python that runs it.

    A container or conda environment that is activated later comes before it.
    """
    folder = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
