"""The folder of the project: what the API and the launchers write, and when each of them sees it."""

from __future__ import annotations

from collections.abc import Callable

NEVER = float("inf")


class Folder:
    """Files by path; each has a history, because what is read may be a minute old."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._files: dict[str, list[tuple[float, bytes | None]]] = {}
        self.lag: Callable[[str], float] = lambda _: 0.0
        """Seconds until a change of a path is seen through the API."""
        self.gone: dict[str, float] = {}
        """When something under a path that others keep (a launcher's report) was last removed."""

    def write(self, path: str, data: bytes | None) -> None:
        """Write a file, or remove it with none."""
        self._files.setdefault(path, []).append((self._clock(), data))

    def read(self, path: str, *, late: bool = False) -> bytes | None:
        """The content now, or as the API shows it."""
        at = self._clock() - (self.lag(path) if late else 0.0)
        return next((data for when, data in reversed(self._files.get(path, [])) if when <= at), None)

    def below(self, folder: str, *, late: bool = False) -> list[str]:
        """Paths of the files anywhere below a folder."""
        prefix = "" if folder in {"", "."} else folder + "/"
        return [path for path in self._files if path.startswith(prefix) and self.read(path, late=late) is not None]

    def remove(self, path: str) -> bool:
        """Remove a file or a folder; false when there is none."""
        self.gone[path] = self._clock()
        found = [name for name in [path, *self.below(path)] if self.read(name) is not None]
        for name in found:
            self.write(name, None)
        return bool(found)

    def removed_since(self, path: str) -> float:
        """When the path, or a folder that holds it, was last removed."""
        parts = path.split("/")
        return max((self.gone.get("/".join(parts[: n + 1]), -NEVER) for n in range(len(parts))), default=-NEVER)
