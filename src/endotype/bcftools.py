"""bcftools 1.24 from the pysam wheel, always in a child process.

``python -m endotype.bcftools norm ...`` is the ``bcftools`` command: pysam's copy holds the interpreter lock,
leaks descriptors on errors and keeps static state between calls, so it never runs in a long-lived
process. :func:`run` and :func:`pipe` start it and turn a failure into an exception that carries its message.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO


class BcftoolsError(RuntimeError):
    """bcftools ended with an error; the text is what it wrote."""


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "endotype.bcftools", *map(str, arguments)]


def run(*arguments: str) -> str:
    """Run one bcftools command; return what it wrote to stderr.

    Raises:
        BcftoolsError: it ended with another code than 0.
    """
    return pipe([arguments])


def pipe(stages: Sequence[Sequence[str]]) -> str:
    """Run bcftools commands joined by pipes; the last one names its output with ``-o``.

    Returns what all of them wrote to stderr.

    Raises:
        BcftoolsError: any of them ended with another code than 0.
    """
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryFile() as errors:
        upstream = None
        for position, stage in enumerate(stages):
            last = position == len(stages) - 1
            process = subprocess.Popen(
                _command(stage),
                stdin=upstream if upstream is not None else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if last else subprocess.PIPE,
                stderr=errors,
            )
            if upstream is not None:
                upstream.close()
            upstream = process.stdout
            processes.append(process)
        codes = [process.wait() for process in processes]
        errors.seek(0)
        text = errors.read().decode("utf-8", errors="replace")
    if any(codes):
        shown = " | ".join(" ".join(map(str, stage)) for stage in stages)
        raise BcftoolsError(f"bcftools {shown}: exit codes {codes}\n{text.strip()[-2000:]}")
    return text


def output(*arguments: str) -> str:
    """Run one bcftools command; return the text it wrote to stdout.

    Raises:
        BcftoolsError: it ended with another code than 0.
    """
    with stream(*arguments) as text:
        return text.read().decode("utf-8", errors="replace")


@contextmanager
def stream(*arguments: str) -> Iterator[IO[bytes]]:
    """The output of one bcftools command, read while it runs.

    Raises:
        BcftoolsError: it ended with another code than 0, told when the block is left.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            _command(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdout is not None
        failed: Exception | None = None
        try:
            yield process.stdout
        except ValueError as error:  # what bcftools says of its failure is the better message
            failed = error
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            code = process.wait()
        errors.seek(0)
        text = errors.read().decode("utf-8", errors="replace")
    if code:
        shown = " ".join(map(str, arguments))
        raise BcftoolsError(f"bcftools {shown}: exit code {code}\n{text.strip()[-2000:]}") from failed
    if failed:
        raise failed


def main() -> int:
    """Run bcftools on the arguments and standard streams of this process."""
    import pysam.bcftools  # noqa: F401  (registers the command)
    from pysam.libcutils import _pysam_dispatch
    from pysam.version import __bcftools_version__

    command, *rest = sys.argv[1:] or ["--version"]
    if command == "--version":
        print(f"bcftools {__bcftools_version__}")
        return 0
    # None leaves the process its own standard output, which the stub does not know.
    code, message, _ = _pysam_dispatch("bcftools", command, rest, catch_stdout=None)  # type: ignore[arg-type]
    if message:
        text = message if isinstance(message, str) else message.decode("utf-8", errors="replace")
        sys.stderr.write(text)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
