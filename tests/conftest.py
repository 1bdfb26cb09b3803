"""What every test may count on, however the tests were started."""

from __future__ import annotations

import signal

# A shell starts its background jobs with SIGINT ignored, their children inherit that, and raytui leaves an ignored signal ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
