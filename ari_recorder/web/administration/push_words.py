"""Why something could not be pushed, told in the reader's language.

The catalogue has sentences, in English, as `delivery.push` says them. Those that are known here are told in
words of the pages; another one, and what a server or the system says, is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ari_recorder.web.language import N_, Language

_AT = r"(?P<at>\S+ port \d+)"
_WHY = r"(?P<why>.+)"
SENTENCES = (
    (
        rf"{_AT} shows another host key than the one that is known: nothing was sent\. .+",
        N_(
            "%(at)s shows another host key than the one that is known: nothing was sent. If its owner has"
            " changed it, and tells you the new one, write that down here."
        ),
    ),
    (
        rf"{_AT} does not let (?P<login>.+) in: .+",
        N_("%(at)s does not let %(login)s in: see whether it has our public key, or the password is right."),
    ),
    (
        rf"{_AT} has no host key of the kind that is known: {_WHY}\.",
        N_("%(at)s has no host key of the kind that is known: %(why)s."),
    ),
    (rf"{_AT} does not answer within (?P<s>\d+) s\.", N_("%(at)s does not answer within %(s)s s.")),
    (rf"{_AT} cannot be reached: {_WHY}\.", N_("%(at)s cannot be reached: %(why)s.")),
    (
        r"It is an address of the inside network, .+: (?P<address>\S+)",
        N_(
            "%(address)s is an address of the inside network, where nothing is sent unless the provider"
            " allows it (webhooks.allow_inside)."
        ),
    ),
    (
        r"The secret of the place cannot be opened: .+",
        N_(
            "The secret of the place cannot be opened: the key in web.key_file is another than it was. Give"
            " the secret again."
        ),
    ),
    (
        r"To push to S3 the provider has to install .+",
        N_("To push to S3 the provider has to install what is needed: pip install 'ari-recorder[s3]'"),
    ),
    (rf"(?P<host>\S+) is not found: {_WHY}\.", N_("%(host)s is not found: %(why)s.")),
    (r"there is no bucket (?P<bucket>\S+)\.", N_("There is no bucket %(bucket)s.")),
    (
        r"(?P<place>s3://.+?) does not let us in \((?P<word>\w+)\): .+",
        N_("%(place)s does not let us in (%(word)s): see to the keys, and what they may."),
    ),
    (rf"the connection was lost: {_WHY}", N_("The connection was lost: %(why)s")),
    (
        r"(?P<written>\d+) of (?P<size>\d+) bytes arrived; it is sent anew\.",
        N_("%(written)s of %(size)s bytes arrived; it is sent anew."),
    ),
    (rf"it cannot be read here: {_WHY}", N_("It cannot be read here: %(why)s")),
    (rf"it cannot be written: {_WHY}", N_("It cannot be written: %(why)s")),
    (rf"it cannot be renamed: {_WHY}", N_("It cannot be renamed: %(why)s")),
    (rf"it cannot be looked for: {_WHY}", N_("It cannot be looked for: %(why)s")),
    (rf"it cannot be removed: {_WHY}", N_("It cannot be removed: %(why)s")),
    (
        rf"the folder (?P<folder>.+?) cannot be made: {_WHY}",
        N_("The folder %(folder)s cannot be made: %(why)s"),
    ),
    (
        rf"a file cannot be written to the folder where a login begins: {_WHY}",
        N_("A file cannot be written to the folder where a login begins: %(why)s"),
    ),
    (
        rf"a file cannot be written to (?P<folder>.+?): {_WHY}",
        N_("A file cannot be written to %(folder)s: %(why)s"),
    ),
    (r"A fault in ari_recorder; it is in the log\.", N_("A fault in ari_recorder; it is in the log.")),
)
CAUSES = (
    (r"the server does not answer in time", N_("the server does not answer in time.")),
    (
        r"the server does not say why; its disk may be full",
        N_("the server does not say why; its disk may be full."),
    ),
    (r"(?P<place>s3://.+) does not answer in time\.", N_("%(place)s does not answer in time.")),
)
_OF_A_FILE = re.compile(r"(?P<file>\d\d-\d\d-\d\db?_\S+): (?P<rest>.+)", re.DOTALL)
"""What is told of one of the day's files begins with its name."""


def why(words: Language, problem: str) -> str:
    """That problem, as a sentence of the page."""
    if found := _OF_A_FILE.fullmatch(problem):
        return f"{found['file']}: {_told(words, SENTENCES, found['rest'])}"
    return _told(words, SENTENCES, problem)


def _told(words: Language, known: Iterable[tuple[str, str]], sentence: str) -> str:
    for pattern, text in known:
        if found := re.fullmatch(pattern, sentence, re.DOTALL):
            values = found.groupdict()
            if "why" in values:
                values["why"] = _told(words, CAUSES, values["why"])
            return words.gettext(text, **values)
    return sentence
