"""Who is on the demo PBX: numbers, names, passwords, recording modes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class User:
    """A user of the demo PBX. ``mode`` is the recording mode of the demo."""

    number: str
    name: str
    mode: str
    codecs: str = "alaw,ulaw"

    @property
    def password(self) -> str:
        """The SIP password, as `overlay/pbx/pjsip.conf` has it."""
        return f"demo-{self.number}"

    @property
    def browser_account(self) -> str:
        """The SIP account of their phone in a browser; its user name and password are the phone's."""
        return f"web-{self.number}"

    @property
    def endpoints(self) -> tuple[str, str]:
        """Their telephones on the demo PBX: the one on the desk, and the one in a browser."""
        return f"PJSIP/{self.number}", f"PJSIP/{self.browser_account}"

    @property
    def outside_number(self) -> str:
        """The number under which the trunk reaches this user."""
        return f"{OUTSIDE_PREFIX}{self.number}"


OUTSIDE_PREFIX = "0850000"
USERS = (
    User("101", "Anna", "always"),
    User("102", "Bo", "always_pause_resume"),
    User("103", "Cecilia", "on_demand", "g722,alaw"),
    User("104", "David", "on_demand_user_start"),
    User("105", "Eva", "never"),
    User("106", "Fredrik", "never"),
)


@dataclass(frozen=True)
class Spare:
    """A phone of the demo PBX that is nobody's: for a user who is added in My Pages. In a browser only."""

    number: str

    @property
    def password(self) -> str:
        """The SIP password; the user name is the number."""
        return f"demo-{self.number}"

    @property
    def browser_account(self) -> str:
        """The SIP account, which is the telephone that such a user is given: ``PJSIP/107``."""
        return self.number


SPARE = (Spare("107"), Spare("108"), Spare("109"))


@dataclass(frozen=True)
class Staff:
    """Somebody of the demo who has no phone, but signs in to My Pages."""

    login: str
    name: str
    role: str
    what: str

    @property
    def password(self) -> str:
        """Of My Pages."""
        return f"demo-{self.login}"


STAFF = (
    Staff("supervisor", "Sara", "supervisor", "sees and hears both groups, Sales and Support"),
    Staff("admin", "Astrid", "administrator", "everything of the company: users, prompts, usage"),
    Staff("auditor", "Olle", "auditor", "who did what, and the ledger; hears nothing"),
    Staff("operator", "Otto", "operator", "of the provider: organisations and their usage; hears nothing"),
)
