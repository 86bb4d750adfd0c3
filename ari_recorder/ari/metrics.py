"""What is measured of the traffic with Asterisk, in prometheus_client's default registry.

``pbx`` is the Asterisk's name in the settings. Times are in seconds.
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

_LAG_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

EVENTS = Counter("ari_recorder_events", "Events decoded", ["type"])
UNKNOWN_EVENTS = Counter("ari_recorder_unknown_events", "Events of a type that is not acted on")
EVENT_ERRORS = Counter("ari_recorder_event_errors", "Events that could not be understood")
EVENT_LAG = Histogram(
    "ari_recorder_event_lag_seconds",
    "From the event's timestamp to its receipt (compares two clocks if Asterisk runs elsewhere)",
    ["pbx"],
    buckets=_LAG_BUCKETS,
)
QUEUE_WAIT = Histogram(
    "ari_recorder_event_queue_wait_seconds",
    "From an event's receipt until it was taken up",
    ["pbx"],
    buckets=_LAG_BUCKETS,
)
QUEUE_LENGTH = Gauge("ari_recorder_event_queue_length", "Events waiting to be taken up", ["pbx"])
QUEUE_OVERFLOWS = Counter(
    "ari_recorder_event_queue_overflows",
    "Times the socket was dropped because the queue was full",
    ["pbx"],
)
SOCKET_CONNECTED = Gauge("ari_recorder_event_socket_connected", "1 while the socket is connected", ["pbx"])
SOCKET_CONNECTS = Counter("ari_recorder_event_socket_connects", "Times the socket was connected", ["pbx"])
SOCKET_DISCONNECTS = Counter(
    "ari_recorder_event_socket_disconnects", "Times a connected event socket was lost", ["pbx"]
)
SOCKET_FAILURES = Counter(
    "ari_recorder_event_socket_failures", "Times the event socket could not be connected", ["pbx"]
)
REQUESTS = Counter(
    "ari_recorder_ari_requests", "Requests to Asterisk, by what came of them", ["pbx", "operation", "outcome"]
)
REQUEST_SECONDS = Histogram(
    "ari_recorder_ari_request_seconds", "How long requests to Asterisk took", ["pbx", "operation"]
)


def event_lag_s(timestamp: datetime, now_s: float) -> float:
    """Seconds from ``timestamp`` to ``now_s`` (Unix time); 0 if the clocks disagree the other way."""
    return max(0.0, now_s - timestamp.timestamp())
