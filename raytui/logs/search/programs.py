"""Programs of this machine that search a file faster than Python can: rg where it is there, else GNU's grep.

Each is asked to print lines that may match with their offsets; whoever asks looks at every one of them again.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Generator, Sequence
from functools import cache
from shutil import which

from raytui.logs.reading.candidates import Candidates
from raytui.logs.reading.ranges import BLOCK, LONGEST, Blob, Raw

PROGRAM_FROM = 8 * 1024 * 1024
"""Bytes of a file from which a process is worth its start."""
MEMORY = 1024**3
"""Bytes that such a process may take: it holds a whole line, and a line may be as long as the file."""
STEP, NEAR = 32 * 1024, 4096
"""Where a newline stands within `NEAR` bytes before each multiple of `STEP`, no line is longer than is shown."""
_RG = (
    b"--no-config --color=never --no-messages --no-heading --no-filename --no-line-number --text --encoding=none "
    b"--threads=1"
).split()


def command(candidates: Candidates) -> Sequence[bytes]:
    """How the fastest program that is here is asked for all candidates in its input; empty when none can be asked."""
    if not candidates.can_be_given:
        return ()
    if program := _program("rg"):
        pattern, altered = candidates.for_rg()
        return [program, *_RG, b"--byte-offset", *pattern, *altered, b"-"]
    pattern, altered = candidates.for_grep()
    return [program, b"-abE", *pattern, *altered] if (program := _program("grep")) else ()


def count(candidates: Candidates, blob: Blob) -> Generator[None, None, int | None]:
    """How many lines match, without a look at each; none where that cannot be known, or not exactly.

    It is exact where every line is shown as it stands and no line is cut. Gives none now and then.
    """
    if not candidates.can_be_counted or blob.descriptor is None or os.fstat(blob.descriptor).st_size != blob.size:
        return None
    if program := _program("rg"):
        pattern, altered = candidates.for_rg()
        head, tail = [program, *_RG], [b"-"]
    elif program := _program("grep"):
        pattern, altered = candidates.for_grep()
        head, tail = [program, b"-aE"], []
    else:
        return None
    strange = yield from _output([*head, b"-q", *altered, *tail], blob.descriptor)
    if strange is None or strange[0] != 1:
        return None
    if any(b"\n" not in blob.read(at - NEAR, NEAR) for at in range(STEP, blob.size, STEP)):
        return None
    output = yield from _output([*head, b"-c", *pattern, *tail], blob.descriptor)
    if output is None or output[0] not in {0, 1} or os.fstat(blob.descriptor).st_size != blob.size:
        return None
    return int(output[1] or 0)


def _output(asked: Sequence[bytes], descriptor: int) -> Generator[None, None, tuple[int, bytes] | None]:
    """Code and output of a program that says little; none when it cannot be started."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        process = subprocess.Popen(
            asked, stdin=descriptor, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}
        )
    except OSError:
        return None
    _bound(process.pid)
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=0.2)
            except subprocess.TimeoutExpired:
                yield None
            else:
                return process.returncode, output
    finally:
        if process.stdout is not None:
            process.stdout.close()
        process.kill()
        process.wait()


def search(asked: Sequence[bytes], blob: Blob, begin: int = 0) -> Generator[Raw | None, None, int]:
    """What the program finds from the beginning of a line on; answers the offset up to which it has looked.

    The rest is to be searched without it. None is given now and then, so that whoever waits notices an interrupt.
    """
    descriptor = blob.descriptor
    if descriptor is None:
        return begin
    os.lseek(descriptor, begin, os.SEEK_SET)
    try:
        process = subprocess.Popen(
            asked, stdin=descriptor, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C"}
        )
    except OSError:
        return begin
    stdout = process.stdout
    assert stdout is not None
    _bound(process.pid)
    held, position = b"", begin
    try:
        while part := os.read(stdout.fileno(), BLOCK):
            *lines, held = (held + part).split(b"\n")
            for line in lines:
                offset, _, data = line.partition(b":")
                at = begin + int(offset)
                if at + len(data) > blob.size:
                    return min(at, blob.size)  # it was written after the log was opened, or is not wanted
                yield Raw(at, data)
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
        output = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return os.fsencode(program) if output.startswith((b"grep (GNU grep)", b"ripgrep ")) else b""
