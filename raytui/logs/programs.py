"""Programs of this machine that search a file faster than Python can: rg where it is there, else GNU's grep.

Each is told to print lines that may match with their offsets; whoever asks looks at every one of them again.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Generator, Sequence
from functools import cache
from shutil import which

from raytui.logs.candidates import Candidates
from raytui.logs.lines import LINE_CAP
from raytui.logs.ranges import BLOCK, LONGEST, Blob, Raw

PROGRAM_FROM = 8 * 1024 * 1024
"""Bytes of a file from which a process is worth its start."""
MEMORY = 1024**3
"""Bytes that such a process may take: it holds a whole line, and a line may be as long as the file."""
_RG = (
    b"--no-config --color=never --no-messages --no-heading --no-filename --no-line-number --byte-offset --text "
    b"--encoding=none --threads=1"
).split()


def command(candidates: Candidates) -> Sequence[bytes]:
    """How the fastest program that is here is asked for all candidates in its input; empty when none can be asked."""
    if not candidates.can_be_told:
        return ()
    program = _program("rg")
    if program:
        return [program, *_RG, *candidates.for_rg(), b"-"]
    program = _program("grep")
    return [program, b"-abE", *candidates.for_grep()] if program else ()


def search(asked: Sequence[bytes], blob: Blob) -> Generator[Raw | None, None, int]:
    """What the program finds, and the offset up to which it has looked: the rest is searched without it.

    None is given now and then, so that whoever waits notices an interrupt.
    """
    descriptor = blob.descriptor
    if descriptor is None:
        return 0
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        process = subprocess.Popen(
            asked, stdin=descriptor, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}
        )
    except OSError:
        return 0
    stdout = process.stdout
    assert stdout is not None
    _bound(process.pid)
    held, position = b"", 0
    try:
        while part := os.read(stdout.fileno(), BLOCK):
            *lines, held = (held + part).split(b"\n")
            for line in lines:
                offset, _, data = line.partition(b":")
                at = int(offset)
                if at + len(data) > blob.size:
                    return position
                yield Raw(at, data[: LINE_CAP + 1])
                position = at + len(data) + 1
            if len(held) > LONGEST:
                return position
            yield None
        return blob.size if process.wait() in {0, 1} and not held else position
    except ValueError:
        return position
    finally:
        stdout.close()
        process.kill()
        process.wait()


def _bound(pid: int) -> None:

    if hasattr(resource, "prlimit"):
        with contextlib.suppress(OSError, ValueError):  # it has ended, or a stricter limit holds already
            resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY, MEMORY))


@cache
def _program(name: str) -> bytes:
    """The path of rg, or of grep if it is GNU's; empty for another one, of which not all that is asked is known."""
    program = which(name)
    if not program:
        return b""
    try:
        told = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return os.fsencode(program) if told.startswith((b"grep (GNU grep)", b"ripgrep ")) else b""
