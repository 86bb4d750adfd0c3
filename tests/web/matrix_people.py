"""Who asks in the matrix: every role in every state of being signed in, and what is there to be asked for.

All askers are of Quillfeather. Of Brackenridge, the wrong organisation, there is one of everything, and its
name is in every text of it: no answer may have it.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID, uuid4

import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ari_recorder.live import Live
from ari_recorder.policies import erasing
from ari_recorder.policies.holds import Kind
from ari_recorder.policies.prompts import PromptKind
from ari_recorder.policies.rights import COMMAND_LINE, TOKEN_RIGHTS, Right
from ari_recorder.policies.table import Mode
from ari_recorder.store import holding, models, people, prompts, searches, sessions, tokens, webhooks
from ari_recorder.store.audit import Actor, ActorKind
from ari_recorder.store.deliveries import accounts, pushing
from ari_recorder.store.erasing import asking
from ari_recorder.store.erasing.asking import Target
from ari_recorder.store.hold_about import About
from ari_recorder.web.enrolment import NewApp
from ari_recorder.web.seals import Purpose, Seals

from .test_calls import Followed, follow
from .world import NOON, World

OURS, FOREIGN = "Quillfeather", "Brackenridge"
ROLES = {"u": "user", "s": "supervisor", "a": "administrator", "x": "auditor", "o": "operator"}
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODE = pyotp.TOTP(TOTP).at(NOON)
SOMEBODY = Actor(ActorKind.COMMAND_LINE, "test", "test")
EARLIER = NOON - timedelta(hours=1)
SECRET_LONG_AGO = NOON - timedelta(days=400)


class Stage(Enum):
    """How far somebody has come."""

    IN = auto()
    FORGED = auto()
    """Signed in, with the form token of another session."""
    HALFWAY = auto()
    FIRST = auto()
    """Halfway, without a second factor that could be given: one is to be added first."""
    NOBODY = auto()
    TOKEN = auto()
    NARROW = auto()
    """A token with the one scope of reading recordings."""
    BAD_TOKEN = auto()


@dataclass(frozen=True)
class Asker:
    """Somebody who asks, or something: ``kind`` is what decides whose calls they have."""

    name: str
    letter: str
    kind: str
    stage: Stage
    user: UUID | None = None
    secret: str = ""
    form: str = ""
    sealed: str = ""
    """A new authenticator app, to be confirmed with `CODE`."""

    @property
    def is_in(self) -> bool:
        """Whether they are known, and may ask for anything."""
        return self.stage in (Stage.IN, Stage.FORGED, Stage.TOKEN, Stage.NARROW)

    @property
    def is_program(self) -> bool:
        """Whether they come with a token, good or bad."""
        return self.stage in (Stage.TOKEN, Stage.NARROW, Stage.BAD_TOKEN)


def session(world: World, user: UUID, at: datetime = NOON, *, whole: bool = True) -> tuple[str, UUID, str]:
    """Secret, id and form token of a new session."""
    secret, form = uuid4().hex, uuid4().hex
    made = world._create(
        models.Session, user=user, secret_sha256=sessions.digest(secret), form_token=form, created_at=at,
        seen_at=at, address="127.0.0.1", second_factor_at=at if whole else None,
    )  # fmt: skip
    return secret, made, form


@dataclass
class Cast:
    """Everybody, and the ids of everything."""

    world: World
    live: Live
    seals: Seals
    askers: list[Asker] = field(default_factory=list)
    owned: dict[str, dict[UUID, str]] = field(default_factory=dict)
    """By kind of thing, whose each is: recording, call, token, session, factor, search."""
    ids: dict[str, str] = field(default_factory=dict)
    legs: dict[UUID, Followed] = field(default_factory=dict)

    def fill(self) -> None:
        """Make everybody."""
        self._organisation(OURS, "")
        self._organisation(FOREIGN, "foreign ")
        for letter, role in ROLES.items():
            self._role(letter, role)
        self._odd_ones()
        self._programs()
        self.askers.append(Asker("signed out", "", "", Stage.NOBODY))
        self.askers.append(Asker("a cookie that is none", "", "", Stage.NOBODY, secret="x" * 43))
        self.askers.append(Asker("a token that is none", "", "", Stage.BAD_TOKEN, secret="ari_" + "x" * 43))
        self.legs = {of: self._call(login) for login, of in self.world.ids.items() if login[:4] != "gone"}

    def _organisation(self, name: str, prefix: str) -> None:
        made = self.world.organisation(name, second_factor=" ".join(ROLES.values()))
        self.ids[f"{prefix}organisation"] = str(made)
        mia, eva = (self.person(prefix + login, prefix) for login in ("mia", "eva"))
        boss = self.person(f"{prefix}sven", prefix, role="supervisor")
        group = self._write(people.add_group, made, f"Sales {name}").id
        self.ids |= {f"{prefix}group": str(group), f"{prefix}boss": str(boss)}
        self._write(people.add_members, made, group, [mia])
        self._write(people.set_supervisor, made, group, boss)
        self.ids[f"{prefix}other group"] = str(self._write(people.add_group, made, f"Others {name}").id)
        self._write(people.add_members, made, UUID(self.ids[f"{prefix}other group"]), [eva])
        about = About(Kind.NUMBER, number="0899999999")
        hold = self._write(holding.place, COMMAND_LINE, made, about, reason=f"hold of {name}")
        self.ids[f"{prefix}hold"] = str(hold.id)
        target = Target(erasing.Kind.COUNTERPART, number="0899999998")
        erasure = self._write(asking.begin, made, target, f"erasure of {name}", bytes(6))
        self.ids[f"{prefix}erasure"] = str(erasure.id)
        self.ids[f"{prefix}organisation token"] = str(self._add_token(made, None).token.id)
        what = {"name": f"Hook {name}", "url": f"https://{name.lower()}.example/", "events": ["call.missed"]}
        hook = self._write(webhooks.add, made, what, "")
        delivery = self._write(webhooks.ping, COMMAND_LINE, hook.id)
        self.ids |= {f"{prefix}webhook": str(hook.id), f"{prefix}delivery": str(delivery)}
        self.ids[f"{prefix}delivery key"] = self._delivery(made, name)
        self.world.store.write_now(
            prompts.replace, SOMEBODY, made, PromptKind.START, "sv", wav=wav(), duration_ms=100,
            text=f"Text {name}", file_name=f"{name}.wav", now=NOON,
        )  # fmt: skip

    def _delivery(self, organisation: UUID, name: str) -> str:
        """An account of the SFTP service with a key, and a place that is pushed to; returns the key's id."""
        key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        self._write(accounts.change, organisation, {"login": name.lower()})
        place = {"host": f"{name.lower()}.example", "login": name, "host_key": key.decode()}
        self._write(pushing.set_target, organisation, "sftp", place, "", enabled=True)
        return str(self._write(accounts.add_key, organisation, f"key {name}", key.decode()).id)

    def person(
        self, login: str, prefix: str = "", *, role: str = "user", factor: bool = True, **more: Any
    ) -> UUID:
        """A user with a recording, a call, two second factors and a session that is kept open elsewhere."""
        organisation = UUID(self.ids[f"{prefix}organisation"])
        word = FOREIGN if prefix else OURS
        number = str(200 + len(self.world.ids))
        made = self.world.user(login, organisation, role=role, number=number, name=f"{login} {word}", **more)
        note = f"note of {login} {word}"
        if (factor and role not in ("auditor", "operator")) or login.startswith("gone"):
            recording = self.world.recording(made, note=note, counterpart_name=f"caller of {login} {word}")
            self.owned.setdefault("recording", {})[made] = str(recording)
        factors = [self._factor(made) for _ in range(2)] if factor else [uuid4()]
        self.owned.setdefault("factor", {})[made] = str(factors[0])
        self.owned.setdefault("session", {})[made] = str(session(self.world, made)[1])
        search = self._write(searches.save, made, f"search of {login} {word}", "q=x")
        self.owned.setdefault("search", {})[made] = str(search.id)
        self.owned.setdefault("token", {})[made] = str(self._add_token(organisation, made).token.id)
        return made

    def _role(self, letter: str, role: str) -> None:
        ours = UUID(self.ids["organisation"])
        alone = "supervisor of no group" if letter == "s" else role
        grouped = self.person(f"grouped-{role}", role=role)
        if letter == "s":
            self._write(people.set_supervisor, ours, UUID(self.ids["group"]), grouped)
        else:
            self._write(people.add_members, ours, UUID(self.ids["other group"]), [grouped])
        for stage in (Stage.IN, Stage.FORGED, Stage.HALFWAY):
            self._signed_in(letter, role, stage, grouped)
        lonely = self.person(f"lonely-{role}", role=role)
        self._signed_in(letter, alone, Stage.IN, lonely, "without group")
        self._removed_group(letter, role, alone)
        self._signed_in(letter, role, Stage.FIRST, self.person(f"first-{role}", role=role, factor=False))
        self._over(letter, role, grouped)
        self._tokens(letter, role, grouped)

    def _removed_group(self, letter: str, role: str, kind: str) -> None:
        ours = UUID(self.ids["organisation"])
        was = self.person(f"was-{role}", role=role)
        gone = self._write(people.add_group, ours, f"Gone {role}").id
        self._write(people.add_members, ours, gone, [was, self.world.ids["mia"]])
        if letter == "s":
            self._write(people.set_supervisor, ours, gone, was)
        self._write(people.remove_group, ours, gone)
        self.ids["gone group"] = str(gone)
        self._signed_in(letter, kind, Stage.IN, was, "with a removed group")

    def _signed_in(self, letter: str, kind: str, stage: Stage, user: UUID, what: str = "") -> None:
        secret, made, form = session(self.world, user, whole=stage in (Stage.IN, Stage.FORGED))
        sealed = self.seals.seal(Purpose.NEW_TOTP, NewApp(made, TOTP), NOON)
        form = session(self.world, user)[2] if stage is Stage.FORGED else form
        name = f"{ROLES[letter]}, {what or stage.name.lower()}"
        self.askers.append(Asker(name, letter, kind, stage, user, secret, form, sealed))

    def _over(self, letter: str, role: str, user: UUID) -> None:
        """Sessions that were good once."""
        revoked, row, _ = session(self.world, user)
        self.world.store.write_now(sessions.sign_out, user, row, SOMEBODY, NOON)
        idle, old = (
            session(self.world, user, NOON - timedelta(hours=3))[0],
            session(self.world, user, SECRET_LONG_AGO)[0],
        )
        gone = self.person(f"gone-{role}", role=role)
        of_gone = session(self.world, gone)[0]
        token = self._add_token(UUID(self.ids["organisation"]), gone).secret
        self._write(people.remove_user, UUID(self.ids["organisation"]), gone)
        for what, secret in {"revoked": revoked, "idle": idle, "expired": old, "removed": of_gone}.items():
            self.askers.append(Asker(f"{role}, session {what}", letter, role, Stage.NOBODY, secret=secret))
        self.askers.append(
            Asker(f"{role}, token of a removed user", letter, role, Stage.BAD_TOKEN, secret=token)
        )

    def _tokens(self, letter: str, role: str, user: UUID | None) -> None:
        ours = UUID(self.ids["organisation"])
        good, old, bad = (self._add_token(ours, user, expires) for expires in (None, EARLIER, None))
        self._revoke(bad.token.id)
        self.askers += [
            Asker(f"{role}, token", letter, role, Stage.TOKEN, user, good.secret),
            Asker(f"{role}, expired token", letter, role, Stage.BAD_TOKEN, user, old.secret),
            Asker(f"{role}, revoked token", letter, role, Stage.BAD_TOKEN, user, bad.secret),
        ]

    def _programs(self) -> None:
        ours = UUID(self.ids["organisation"])
        self._tokens("p", "program", None)
        narrow = self._add_token(ours, None, scopes=[Right.RECORDINGS_READ])
        self.askers.append(Asker("program, one scope", "p", "program", Stage.NARROW, None, narrow.secret))

    def _odd_ones(self) -> None:
        deaf = self.person("deaf", may_listen=False)
        self._signed_in("u", "user who may not listen", Stage.IN, deaf, "may not listen")
        seer = self.person("seer", role="supervisor")
        by = {"may_listen": False, "may_annotate": False}
        ours, group = UUID(self.ids["organisation"]), UUID(self.ids["group"])
        self._write(people.set_supervisor, ours, group, seer, **by)
        self._signed_in("s", "supervisor who only sees", Stage.IN, seer, "only sees")

    def _call(self, login: str) -> Followed:
        made = follow(self.world, self.live, login, Mode.ALWAYS_PAUSE_RESUME)
        word = FOREIGN if login.startswith("foreign") else OURS
        made.annotated({**made.row.annotations, "note": f"call of {login} {word}"})
        return made

    def _factor(self, user: UUID) -> UUID:
        return self.world._create(
            models.SecondFactor, user=user, kind="totp", name="", created_at=NOON,
            secret=self.seals.seal(Purpose.TOTP, TOTP, NOON),
        )  # fmt: skip

    def _add_token(
        self,
        organisation: UUID,
        user: UUID | None,
        expires: datetime | None = None,
        scopes: Any = TOKEN_RIGHTS,
    ) -> tokens.Made:
        word = FOREIGN if str(organisation) != self.ids["organisation"] else OURS
        made = self.world.store.write_now(
            tokens.add, SOMEBODY, organisation, user, f"token {word}", scopes, expires, NOON
        )
        self.world.change(models.Token, made.token.id, seen_at=NOON)
        return made

    def _revoke(self, token: UUID) -> None:
        self.world.store.write_now(tokens.revoke, COMMAND_LINE, SOMEBODY, token, NOON)

    def _write(self, work: Any, *given: Any, **more: Any) -> Any:
        return self.world.store.write_now(work, *given, actor=SOMEBODY, now=NOON, **more)


def subjects(about: str, cast: Cast, asker: Asker) -> Iterator[tuple[str, dict[str, str]]]:
    """What the address may be of, and what then stands in it."""
    ids, logins = cast.ids, cast.world.ids
    mia, eva, foreign = logins["mia"], logins["eva"], logins["foreign mia"]
    whose = {"own": asker.user, "member": mia, "elsewhere": eva, "foreign": foreign}
    if about in ("recording", "call", "token", "session", "factor", "search"):
        for subject, user in whose.items():
            if user is not None:
                yield subject, {"id": _owned(cast, about, user)}
        if about == "token":
            yield "the organisation's", {"id": ids["organisation token"]}
    elif about == "user":
        yield from (("ours", {"id": str(eva)}), ("foreign", {"id": str(foreign)}))
    elif about in ("organisation", "hold", "webhook", "erasure", "delivery key"):
        yield from (("ours", {"id": ids[about]}), ("foreign", {"id": ids["foreign " + about]}))
    elif about == "delivery":
        yield "ours", {"id": ids["webhook"], "delivery": ids[about]}
        yield "foreign", {"id": ids["foreign webhook"], "delivery": ids["foreign " + about]}
        yield "of another", {"id": ids["webhook"], "delivery": ids["foreign " + about]}
    elif about in ("group", "members"):
        yield from (("ours", {"id": ids["group"]}), ("gone", {"id": ids["gone group"]}))
        yield "foreign", {"id": ids["foreign group"]}
    elif about in ("newcomer", "member", "supervisor"):
        user = str({"newcomer": eva, "member": mia}.get(about) or ids["boss"])
        yield "ours", {"id": ids["group"], "user": user}
        yield "foreign", {"id": ids["foreign group"], "user": user}
        yield "foreign user", {"id": ids["group"], "user": str(foreign)}
    else:
        yield "", {}


def _owned(cast: Cast, about: str, user: UUID) -> str:
    if about == "call":
        return str(cast.legs[user].row.id)
    return cast.owned[about].get(user) or str(uuid4())


def newcomers(cast: Cast) -> dict[str, list[str]]:
    """Who is to come into the group."""
    return {"users": [str(cast.world.ids["eva"])]}


def wav() -> bytes:
    """A second of a loud buzz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes((b"\x00\x40" * 40 + b"\x00\xc0" * 40) * 200)
    return file.getvalue()


def users_file() -> bytes:
    """A file of users, sent by a form; nothing of it is done before it is said so."""
    return b"number,name\r\n998,Somebody\r\n"
