"""What was seen of a platform that starts a failed application again by itself, as a value of the snapshot."""

from __future__ import annotations

import msgspec


class Revival(msgspec.Struct, frozen=True):
    """One application that failed and is started again by its platform, without anybody's doing."""

    name: str
    failed_at: float
    """When it ended, in seconds since 1970, by the platform's clock where that tells."""
    why: str = ""
    seen: int | None = None
    """How many times the platform was seen to start it again, this time included once it has; none when the watch began
    after the failure, so that nobody saw what was before."""
    began_at: float = 0.0
    """When the platform was seen to start it again; 0 before."""
    back_at: float = 0.0
    """When its node was first seen to live again; 0 before."""
    address: str = ""
    """The address of the head that came back."""
    rejoined: tuple[tuple[str, float], ...] = ()
    """Of a head that came back: workers whose nodes live in its Ray, and when each was first seen to."""

    @property
    def is_over(self) -> bool:
        """Whether the application is back."""
        return bool(self.back_at)
