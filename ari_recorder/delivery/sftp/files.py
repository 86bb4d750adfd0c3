"""What a client sees and may do: folders and files that are listed and read, and nothing else.

Every method of `asyncssh.SFTPServer` is in here, since those there go to the machine's own files.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import structlog
from asyncssh import (
    SFTPAttrs,
    SFTPError,
    SFTPFailure,
    SFTPName,
    SFTPNoSuchFile,
    SFTPOpUnsupported,
    SFTPPermissionDenied,
    SFTPServer,
)

from ari_recorder.delivery.folders import File
from ari_recorder.delivery.reading import Reading, reading
from ari_recorder.delivery.sftp.listing import Day, Manifest
from ari_recorder.delivery.sftp.visit import Visit
from ari_recorder.errors import NotAllowed, NotFound, StoreError, VaultError
from ari_recorder.policies import delivery
from ari_recorder.policies.listening import Stretch
from ari_recorder.store import catalogue, heard
from ari_recorder.store.deliveries import view

P = ParamSpec("P")
T = TypeVar("T")
READ_MAX_BYTES = 128 * 1024
"""Most that a request gets; clients ask for the rest."""
UNREAD_MAX_BYTES = 1024 * 1024
"""With so much that was not read yet, the next request waits."""
LOOKS_EVERY_S = 0.02
FXF_READ = 1
READ_ONLY = "recordings are fetched here, and nothing is changed"
FILE_MODE, FOLDER_MODE = stat.S_IFREG | 0o444, stat.S_IFDIR | 0o555
OWNER = "recorder"

_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Open:
    """A file that a client has open."""

    found: File | Manifest
    reading: Reading | None
    sent_to_the_end: bool = False

    @property
    def attributes(self) -> SFTPAttrs:
        """What `stat` says of it."""
        return attributes_of(self.found)


class Names:
    """A folder that a client has open: what is in it, one after the other."""

    def __init__(self, found: AsyncIterator[SFTPName]) -> None:
        self._found = found

    def __aiter__(self) -> AsyncIterator[SFTPName]:
        return self._found


def _told(
    work: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """What goes wrong is told as SFTP has it, and nothing of what is inside."""

    @wraps(work)
    async def tell(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            await self.begin()
            return await work(self, *args, **kwargs)
        except SFTPError:
            raise
        except NotFound as error:
            raise SFTPNoSuchFile("there is no such file any more") from error
        except NotAllowed as error:
            raise SFTPPermissionDenied(str(error)) from error
        except (StoreError, VaultError) as error:
            _log.error("an SFTP client cannot be served", login=self.visit.login, error=str(error))
            raise SFTPFailure("it cannot be read at the moment; try again later") from error
        except Exception as error:
            _log.exception("a fault in ari_recorder", login=self.visit.login)
            raise SFTPFailure("a fault in ari_recorder") from error
        finally:
            self.visit.is_active()

    return tell


class View(SFTPServer):
    """One session of a `Visit`."""

    def __init__(self, channel: Any, visit: Visit) -> None:
        super().__init__(channel)
        self.visit = visit

    async def begin(self) -> None:
        """Before each request: that they came in is written down, they still may, what was sent is read."""
        await self.visit.noted()
        self.visit.is_active()
        while self._is_unread():  # noqa: ASYNC110 - what writes for us tells nobody when it has got rid of it
            await asyncio.sleep(LOOKS_EVERY_S)
        if await self.visit.listing.terms() is None:
            raise SFTPPermissionDenied("nothing is delivered here any more")

    # What can be done

    @_told
    async def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        """Open a file to be read."""
        if pflags & ~FXF_READ:
            raise SFTPPermissionDenied(READ_ONLY)
        found = await self._find(path)
        if isinstance(found, list | Day):
            raise SFTPFailure("that is a folder")
        self._check_handles()
        opened = Open(found, None if isinstance(found, Manifest) else await self._reading(found))
        self.visit.open.add(opened)
        return opened

    @_told
    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Some of an open file. That it is fetched is written down before the first byte goes out."""
        assert isinstance(file_obj, Open)
        size = min(size, READ_MAX_BYTES)
        if isinstance(file_obj.found, Manifest):
            content = file_obj.found.folder.manifest[offset : offset + size]
        else:
            assert file_obj.reading is not None
            await self._check_there(file_obj.found)
            content = await file_obj.reading.read(offset, size)
            if content:
                await self._write_down(file_obj.found)
            if offset + len(content) >= file_obj.found.size_bytes:
                file_obj.sent_to_the_end = True
        await self.visit.pace.take(len(content))
        return content

    @_told
    async def close(self, file_obj: object) -> None:
        """Close an open file; one that was read to its end has been fetched."""
        assert isinstance(file_obj, Open)
        self.visit.open.discard(file_obj)
        if file_obj.reading is not None:
            file_obj.reading.close()
        found, visit = file_obj.found, self.visit
        if isinstance(found, File) and file_obj.sent_to_the_end:
            await visit.store.write(
                view.handed, visit.organisation, found.recording, view.FETCHED, found.size_bytes, visit.now()
            )

    @_told
    async def stat(self, path: bytes) -> SFTPAttrs:
        """What there is to know of a file or folder."""
        return attributes_of(await self._find(path))

    async def lstat(self, path: bytes) -> SFTPAttrs:
        """As `stat`: there are no links."""
        return await self.stat(path)

    @_told
    async def fstat(self, file_obj: object) -> SFTPAttrs:
        """As `stat`, of an open file."""
        assert isinstance(file_obj, Open)
        return file_obj.attributes

    def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        """What is in a folder."""
        self._check_handles()
        names = Names(self._names(path))
        self.visit.listed.add(names)
        return names  # type: ignore[return-value]

    @_told
    async def realpath(self, path: bytes) -> bytes:
        """The whole path, whether or not there is such a file."""
        return b"/" + "/".join(self._parts(path)).encode()

    @_told
    async def remove(self, path: bytes) -> None:
        """Take a file that was fetched out of the view, if the organisation has it so."""
        terms, visit = await self.visit.listing.terms(), self.visit
        if terms is None or not terms.acknowledges:
            raise SFTPPermissionDenied(READ_ONLY)
        found = await self._find(path)
        if isinstance(found, Manifest):
            day, sha256 = found.folder.day.isoformat(), found.folder.manifest_sha256
            await visit.store.write(view.acknowledge_manifest, visit.organisation, day, sha256)
        elif isinstance(found, File):
            day = self._parts(path)[0]
            await visit.store.write(
                view.acknowledge, visit.organisation, found.recording, day, visit.actor, visit.now()
            )
        else:
            raise SFTPPermissionDenied("folders are gone by themselves")
        visit.listing.forget()

    def exit(self) -> None:
        """The session has ended."""

    # What cannot be done

    async def open56(self, path: bytes, desired_access: int, flags: int, attrs: SFTPAttrs) -> object:
        """Of a later version of SFTP, which is not spoken here."""
        raise SFTPOpUnsupported("SFTP version 3 is spoken here")

    async def _refuse(self) -> NoReturn:
        await self.begin()
        self.visit.is_active()
        raise SFTPPermissionDenied(READ_ONLY)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Refused."""
        await self._refuse()

    async def setstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Refused."""
        await self._refuse()

    async def lsetstat(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Refused."""
        await self._refuse()

    async def fsetstat(self, file_obj: object, attrs: SFTPAttrs) -> None:
        """Refused."""
        await self._refuse()

    async def mkdir(self, path: bytes, attrs: SFTPAttrs) -> None:
        """Refused."""
        await self._refuse()

    async def rmdir(self, path: bytes) -> None:
        """Refused."""
        await self._refuse()

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        await self._refuse()

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        await self._refuse()

    async def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        await self._refuse()

    async def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refused."""
        await self._refuse()

    async def readlink(self, path: bytes) -> bytes:
        """There are no links."""
        await self._refuse()

    async def fsync(self, file_obj: object) -> None:
        """Refused."""
        await self._refuse()

    async def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        """Refused."""
        await self._refuse()

    async def unlock(self, file_obj: object, offset: int, length: int) -> None:
        """Refused."""
        await self._refuse()

    async def statvfs(self, path: bytes) -> NoReturn:
        """There is no disk to tell of."""
        raise SFTPOpUnsupported("there is no file system here")

    async def fstatvfs(self, file_obj: object) -> NoReturn:
        """There is no disk to tell of."""
        raise SFTPOpUnsupported("there is no file system here")

    def map_path(self, path: bytes) -> bytes:
        """Nothing is a path of this machine."""
        raise SFTPOpUnsupported("there is no file system here")

    def reverse_map_path(self, path: bytes) -> bytes:
        """Nothing is a path of this machine."""
        raise SFTPOpUnsupported("there is no file system here")

    def format_user(self, uid: int | None) -> str:
        """Whose a file is, in a long listing: nobody's of this machine."""
        return OWNER

    def format_group(self, gid: int | None) -> str:
        """As `format_user`."""
        return OWNER

    # How

    def _is_unread(self) -> bool:
        """Whether so much waits to be read by the client that it gets no more."""
        return not self.channel.is_closing() and self.channel.get_write_buffer_size() > UNREAD_MAX_BYTES

    def _parts(self, path: bytes) -> tuple[str, ...]:
        parts = delivery.parts_of(path)
        if parts is None:
            raise SFTPNoSuchFile("there is no such file")
        return parts

    async def _find(self, path: bytes) -> File | Manifest | Day | list[Day]:
        """What is there; of the root, the days."""
        parts = self._parts(path)
        found: File | Manifest | Day | None = None
        days = await self.visit.listing.opened() if len(parts) < 2 else []
        if not parts:
            return days
        if len(parts) == 1:
            found = next((day for day in days if day.name == parts[0]), None)
        elif len(parts) == 2:
            found = await self.visit.listing.find(*parts)
        if found is None:
            raise SFTPNoSuchFile("there is no such file")
        return found

    async def _names(self, path: bytes) -> AsyncIterator[SFTPName]:
        for name, attributes in await self._listing(path):
            yield SFTPName(name.encode(), attrs=attributes)

    @_told
    async def _listing(self, path: bytes) -> list[tuple[str, SFTPAttrs]]:
        found = await self._find(path)
        if isinstance(found, list):
            return [(day.name, attributes_of(day)) for day in found]
        if not isinstance(found, Day):
            raise SFTPFailure("that is a file, and no folder")
        folder = await self.visit.listing.folder(found.name)
        if folder is None:
            raise NotFound("no more")
        names = await self.visit.listing.names(folder)
        return [(name, attributes_of(folder.files.get(name) or Manifest(folder))) for name in names]

    def _check_handles(self) -> None:
        """Raises `SFTPFailure` if there are too many."""
        if len(self.visit.open) + len(self.visit.listed) >= self.visit.handles_max:
            raise SFTPFailure(f"{self.visit.handles_max} files and folders are open: close one first")

    async def _reading(self, file: File) -> Reading:
        terms = await self.visit.listing.terms()
        if terms is None:
            raise NotFound("no more")
        row = await self.visit.store.read(catalogue.heard, terms.scope, file.recording)
        return reading(self.visit.safe, row, file.form, file.size_bytes, self.visit.threads)

    async def _check_there(self, file: File) -> None:
        """Raises `NotFound` for a recording that was disposed of, or is not theirs any more."""
        terms = await self.visit.listing.terms()
        if terms is None:
            raise NotFound("no more")
        if self.visit.looks_again(file.recording) and not await self.visit.store.read(
            catalogue.may_hear, terms.scope, file.recording
        ):
            raise NotFound("no more")

    async def _write_down(self, file: File) -> None:
        visit = self.visit
        if (file.recording, file.form) in visit.written_down:
            return
        await visit.store.write(
            heard.note_heard, visit.actor, file.recording, visit.organisation,
            Stretch(0, file.duration_ms), visit.now(), form=file.form or "", copied=True,
        )  # fmt: skip
        visit.written_down.add((file.recording, file.form))


def attributes_of(found: File | Manifest | Day | list[Day]) -> SFTPAttrs:
    """What `stat` says."""
    if isinstance(found, File):
        return _attributes(FILE_MODE, found.size_bytes, found.modified_at)
    if isinstance(found, Manifest):
        return _attributes(FILE_MODE, len(found.folder.manifest), found.folder.modified_at)
    if isinstance(found, Day):
        return _attributes(FOLDER_MODE, 0, found.opened_at)
    return _attributes(FOLDER_MODE, 0, None)


def _attributes(mode: int, size_bytes: int, modified_at: datetime | None) -> SFTPAttrs:
    at = int(modified_at.timestamp()) if modified_at else 0
    return SFTPAttrs(size=size_bytes, uid=0, gid=0, permissions=mode, atime=at, mtime=at, nlink=1)
