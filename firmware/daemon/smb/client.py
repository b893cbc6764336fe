"""A share that files are put on and removed from: SMB 2.0.2 to 3.1.1 over TCP (MS-SMB2).

One request at a time, each signed, or sealed where the server asks for it; a server that cannot sign, or takes whoever
comes for a guest, is refused. SMB 1 is not spoken. What an attacker in between could gain by having both agree on SMB 2
is nothing: it is signed as well, and a backup is encrypted anyway; so the negotiation is not asked for once more.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, BinaryIO

from firmware.daemon.smb import ntlm
from firmware.daemon.smb.cipher import Keys, SignatureError

NOT_SIGNED, NO_SMB = -1, -2  # of our own, beside the statuses of MS-ERREF 2.3.1
_NO_NAME, _NO_PATH, _LOGON_FAILURE = 0xC0000034, 0xC000003A, 0xC000006D
_PENDING, _MORE = 0x103, 0xC0000016

_HEADER = struct.Struct("<4sHHIHHIIQIIQ16s")
_SIGN = b"\xfeSMB"
_NEGOTIATE, _SESSION, _TREE, _CREATE, _CLOSE, _FLUSH, _WRITE, _SET_INFO = 0, 1, 3, 5, 6, 7, 9, 17
_DIALECTS = (0x0202, 0x0210, 0x0300, 0x0302, 0x0311)
_CONTEXTS_AT = 112  # in the negotiation: header, fields and five dialects, up to the next eight bytes
_SIGNED = 0x8  # flag of a message
_MUST_SIGN, _CAN_SEAL = 0x2, 0x40
_GUEST_OR_NOBODY, _SEAL_SESSION, _SEAL_SHARE = 0x3, 0x4, 0x8000
_PIECE_BYTES = 1 << 16  # what one credit pays for
_ANSWER_BYTES = 1 << 20
_READ, _WRITE_DATA, _DELETE = 0x80, 0x2 | 0x80, 0x10000  # access: attributes, data
_OPEN, _OVERWRITE = 1, 5  # what becomes of a file: must be there; made, or emptied
_NO_FOLDER, _DELETE_ON_CLOSE = 0x40, 0x1000
_RENAME = 10  # FileRenameInformation


class SmbError(Exception):
    """The server's refusal; ``status`` is of MS-ERREF, or ``NOT_SIGNED`` or ``NO_SMB``."""

    def __init__(self, status: int) -> None:
        super().__init__(f"SMB status 0x{status:08X}" if status > 0 else "SMB")
        self.status = status


class Share:
    """Connected from the beginning; ``with`` ends it. Raises SmbError and OSError, as all of its functions do."""

    def __init__(self, host: str, name: str, user: str, password: str, *, port: int, timeout_s: float) -> None:
        self._message = self._session = self._tree = self._charge = 0
        self._keys: Keys | None = None
        self._seals = False
        self._dialect, self._agreed = 0, bytes(64)
        self._socket = socket.create_connection((host, port), timeout_s)
        try:
            self._negotiate()
            self._log_in(user, password)
            self._connect(rf"\\{host}\{name}")
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    # ---- files; paths are from the share's top, with slashes ----

    def put(self, path: str, file: BinaryIO, partial: str) -> None:
        """A whole file or none: it is called ``partial`` until all of it is on the server's disk."""
        try:
            with self._open(partial, _WRITE_DATA | _DELETE, _OVERWRITE, _NO_FOLDER) as handle:
                offset = 0
                while piece := file.read(_PIECE_BYTES):
                    fields = struct.pack("<HHIQ16sIIHHI", 49, 112, len(piece), offset, handle, 0, 0, 0, 0, 0)
                    self._ask(_WRITE, fields + piece)
                    offset += len(piece)
                self._ask(_FLUSH, struct.pack("<HHI16s", 24, 0, 0, handle))
                name = _text(path)
                wanted = struct.pack("<B7xQI", 1, 0, len(name)) + name
                self._ask(_SET_INFO, struct.pack("<HBBIHHI16s", 33, 1, _RENAME, len(wanted), 96, 0, 0, handle) + wanted)
        except SmbError:
            self._forget(partial)
            raise

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is as good."""
        try:
            with self._open(path, _DELETE, _OPEN, _NO_FOLDER | _DELETE_ON_CLOSE):
                pass
        except SmbError as error:
            if error.status not in {_NO_NAME, _NO_PATH}:
                raise

    def _forget(self, path: str) -> None:
        with suppress(SmbError, OSError):  # what went wrong before is what is told
            self.remove(path)

    @contextmanager
    def _open(self, path: str, access: int, disposition: int, options: int) -> Iterator[bytes]:
        name = _text(path)
        fields = struct.pack(
            "<HBBIQQIIIIIHHII",
            *(57, 0, 0, 2, 0, 0, access | _READ, 0, 0, disposition, options, 120, len(name), 0, 0),
        )
        (handle,) = _fields("<16s", self._ask(_CREATE, fields + name), 128)
        try:
            yield handle
        except BaseException:
            self._shut(handle)
            raise
        self._ask(_CLOSE, struct.pack("<HHI16s", 24, 0, 0, handle))

    def _shut(self, handle: bytes) -> None:
        with suppress(SmbError, OSError):
            self._ask(_CLOSE, struct.pack("<HHI16s", 24, 0, 0, handle))

    # ---- the connection ----

    def _negotiate(self) -> None:
        who = uuid.uuid4().bytes
        fields = struct.pack("<HHHHI16sIHH", 36, len(_DIALECTS), _MUST_SIGN, 0, _CAN_SEAL, who, _CONTEXTS_AT, 2, 0)
        fields += struct.pack(f"<{len(_DIALECTS)}H", *_DIALECTS)
        # For 3.1.1: all that is said before the keys goes into SHA-512 with a salt, and AES-128-CCM seals.
        contexts = struct.pack("<HHIHHH32s2x", 1, 38, 0, 1, 32, 1, os.urandom(32)) + struct.pack(
            "<HHIHH", 2, 4, 0, 1, 1
        )
        said = self._ask(_NEGOTIATE, fields.ljust(_CONTEXTS_AT - _HEADER.size, b"\0") + contexts)
        mode, dialect = _fields("<HH", said, 66)
        if dialect not in _DIALECTS or not mode & 0x3:
            raise SmbError(NO_SMB)
        self._dialect = dialect
        self._charge = int(dialect > 0x0202)  # that one knows no charges

    def _log_in(self, account: str, password: str) -> None:
        domain, _, user = account.rpartition("\\")
        said = self._authenticate(ntlm.hello(), _MORE)
        offset, length = _fields("<HH", said, 68)
        try:
            answer = ntlm.answer(said[offset : offset + length], user, password, domain)
        except ntlm.NtlmError:
            raise SmbError(NO_SMB) from None
        said = self._authenticate(answer.message, 0)
        (flags,) = _fields("<H", said, 66)
        if flags & _GUEST_OR_NOBODY:
            raise SmbError(_LOGON_FAILURE)
        self._keys = Keys(answer.key, self._dialect, self._agreed)
        self._seals = bool(flags & _SEAL_SESSION)
        self._check(said)

    def _authenticate(self, token: bytes, wanted: int) -> bytes:
        fields = struct.pack("<HBBIIHHQ", 25, 0, _MUST_SIGN, 0, 0, 88, len(token), 0)
        said = self._ask(_SESSION, fields + token, wanted)
        self._session = _HEADER.unpack_from(said)[11]
        return said

    def _connect(self, path: str) -> None:
        name = path.encode("utf-16-le")
        said = self._ask(_TREE, struct.pack("<HHHH", 9, 0, 72, len(name)) + name)
        self._tree = _HEADER.unpack_from(said)[10]
        (flags,) = _fields("<I", said, 68)
        self._seals = self._seals or bool(flags & _SEAL_SHARE)

    # ---- one message ----

    def _ask(self, command: int, body: bytes, wanted: int = 0) -> bytes:
        """The answer whole, since its offsets count from its first byte."""
        flags = _SIGNED if self._keys and not self._seals else 0
        given = (command, 1, flags, 0, self._message, 0, self._tree, self._session, bytes(16))
        message = _HEADER.pack(_SIGN, 64, self._charge, 0, *given) + body
        if self._keys:
            message = self._keys.sealed(message, self._session) if self._seals else self._keys.signed(message)
        else:
            self._note(message)
        self._socket.sendall(struct.pack(">I", len(message)) + message)
        while True:
            said = self._receive()
            status, number = _HEADER.unpack_from(said)[3], _HEADER.unpack_from(said)[8]
            if number != self._message or status == _PENDING:  # it will answer later
                continue
            self._message += 1
            if status != wanted:
                raise SmbError(status or NO_SMB)
            if command == _NEGOTIATE or status == _MORE:  # all but the last, which is signed already
                self._note(said)
            return said

    def _note(self, message: bytes) -> None:
        self._agreed = hashlib.sha512(self._agreed + message).digest()

    def _receive(self) -> bytes:
        (length,) = struct.unpack(">I", self._exactly(4))
        if not _HEADER.size <= length <= _ANSWER_BYTES:
            raise SmbError(NO_SMB)
        said = self._exactly(length)
        try:
            if self._keys and self._seals:
                said = self._keys.opened(said)
        except SignatureError:
            raise SmbError(NOT_SIGNED) from None
        if said[:4] != _SIGN or len(said) < _HEADER.size:
            raise SmbError(NO_SMB)
        if self._keys and not self._seals and _HEADER.unpack_from(said)[3] != _PENDING:
            self._check(said)
        return said

    def _check(self, said: bytes) -> None:
        try:
            if self._keys:
                self._keys.check(said)
        except SignatureError:
            raise SmbError(NOT_SIGNED) from None

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self._socket.recv(min(size - len(data), _PIECE_BYTES))
            if not piece:
                raise ConnectionResetError("the server has ended the connection")
            data += piece
        return bytes(data)


def _fields(shape: str, said: bytes, at: int) -> tuple[Any, ...]:
    try:
        return struct.unpack_from(shape, said, at)
    except struct.error:
        raise SmbError(NO_SMB) from None


def _text(path: str) -> bytes:
    return path.replace("/", "\\").encode("utf-16-le")
