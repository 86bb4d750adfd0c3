"""A call that the recorder connects itself, as one machine without I/O, in the manner of `policies.leg`."""

from __future__ import annotations

from ari_recorder.policies.bridging.machine import receive
from ari_recorder.policies.bridging.state import CALLED, Bridged, Bridging, arguments, begin, caller_of, read

__all__ = ["CALLED", "Bridged", "Bridging", "arguments", "begin", "caller_of", "read", "receive"]
