"""What is said in the calls of the past (`lab.past_calls`), and by which voices."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

USER, COUNTERPART, PAUSED = "user", "counterpart", "paused"
"""Whose turn it is; in what is paused somebody says what is not recorded."""

VOICES = {
    "101": "en-gb+f3",
    "102": "en-us+m3",
    "103": "en-gb+f4",
    "104": "en-us+m7",
    "105": "en-gb+f2",
    "106": "en-gb+m5",
}
OTHERS = ("en-us+f5", "en-gb+m1", "en-us+f2", "en-us+m5", "en-gb+f5", "en-us+m1")


def voice_of(number: str) -> str:
    """The voice of a user or of an outside number."""
    return VOICES.get(number) or OTHERS[zlib.crc32(number.encode()) % len(OTHERS)]


@dataclass(frozen=True)
class Turn:
    """Somebody says something; ``PAUSED``: so many seconds of the call are not recorded."""

    who: str
    text: str = ""
    seconds: float = 0.0


def _talk(*lines: str) -> tuple[Turn, ...]:
    """``u: …`` the user says, ``c: …`` the counterpart, ``- 12`` is a pause of 12 s."""
    turns = []
    for line in lines:
        who, _, text = line.partition(" ")
        if who == "-":
            turns.append(Turn(PAUSED, seconds=float(text)))
        else:
            turns.append(Turn(USER if who == "u:" else COUNTERPART, text))
    return tuple(turns)


TALKS = {
    "tickets": _talk(
        "u: Good morning, this is the booking desk.",
        "c: Hello. I would like two tickets to Malmö for tomorrow, for the train at nine.",
        "u: Let me see. Yes, there are two seats left, next to each other.",
        "c: Wonderful. I take them.",
    ),
    "card": _talk(
        "u: So that is eight hundred and forty kronor. How do you want to pay?",
        "c: By card, please.",
        "u: Then I pause the recording, while you tell me the number.",
        "- 14",
        "u: Thank you. That has gone through, and we are recorded again.",
        "c: Good. Do I get a receipt?",
        "u: It is in your mail already.",
    ),
    "invoice": _talk(
        "c: I am calling about the invoice from last month. There is something on it that we never ordered.",
        "u: I am sorry to hear that. What is its number?",
        "c: Four seven one one.",
        "u: I see what you mean. I will have it corrected today.",
    ),
    "complaint": _talk(
        "c: This is the third time that I call about the same thing.",
        "u: I understand. I will stay with it until it is solved.",
        "c: And when will that be?",
        "u: Before the end of the day. I call you back myself.",
    ),
    "delivery": _talk(
        "u: Where should it be delivered?",
        "c: To the harbour, warehouse twelve. But not before ten.",
        "u: Not before ten. I have written that down.",
    ),
    "order": _talk(
        "c: We want to order forty more of the same, please.",
        "u: Forty. The same price as before, and delivery next week.",
        "c: That is agreed, then.",
    ),
    "cancel": _talk(
        "c: I want to cancel my subscription.",
        "u: I can do that for you. May I ask why?",
        "c: I am moving abroad.",
        "u: Then it ends on the last of the month, and nothing more is billed.",
    ),
    "appointment": _talk(
        "u: I have a time on Thursday, at half past two.",
        "c: Thursday is fine. Do I have to bring anything?",
        "u: Only the contract.",
    ),
    "colleague": _talk(
        "u: Hi, it is me. Do you have the figures for the meeting?",
        "c: Nearly. You have them before lunch.",
        "u: Great. Talk to you later.",
    ),
    "router": _talk(
        "c: Nothing works since this morning. The light is red.",
        "u: Please pull out the plug, count to ten, and put it back.",
        "c: Now it is green. You are a magician.",
    ),
    "claim": _talk(
        "u: For the protocol: you accept the offer of twelve thousand kronor?",
        "c: Yes. I accept it.",
        "u: Then I note that, with today's date.",
        "c: Fine. Thank you for your help.",
    ),
    "wrong": _talk(
        "u: Support, how can I help?", "c: Oh. I wanted the dentist.", "u: No harm done. Goodbye."
    ),
}
