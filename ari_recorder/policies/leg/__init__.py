"""A recorded user's leg as one machine without I/O: what it is told, what it asks for.

`receive` takes a leg, one input and the time, and answers with the leg afterwards and the effects. Whoever
carries the effects out tells the leg what came of them, as further inputs.
"""

from __future__ import annotations

from ari_recorder.policies.leg.machine import begin, receive
from ari_recorder.policies.leg.state import Leg

__all__ = ["Leg", "begin", "receive"]
