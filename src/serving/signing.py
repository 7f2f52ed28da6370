"""Signing: Ed25519 keys in PEM files, as OpenSSL writes them, and what they sign."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import Mistake

_LINE = re.compile(rb"ed25519 ([0-9a-f]{16}) ([0-9a-f]{128})\n")


@dataclass(frozen=True)
class PublicKey:
    """A key that verifies.

    Attributes
    ----------
    raw : bytes, length 32
    """

    raw: bytes

    @property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of the key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def verifies(self, signature: "Signature", said: bytes) -> bool:
        """Was it this key that signed these bytes?"""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature.raw, said)
        except InvalidSignature:
            return False
        return True

    @classmethod
    def read(cls, path: Path) -> "PublicKey":
        """From a PEM file."""
        try:
            key = serialization.load_pem_public_key(_content(path))
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise Mistake(f"{path}: is no public Ed25519 key in PEM; 'tradecredit bundle key' makes a pair.")
        return cls(key.public_bytes_raw())


@dataclass(frozen=True)
class Signature:
    """Which key signed, and how."""

    key_id: str
    raw: bytes

    def __str__(self) -> str:
        return f"ed25519 {self.key_id} {self.raw.hex()}"

    @classmethod
    def of(cls, key: Ed25519PrivateKey, said: bytes) -> "Signature":
        """Sign."""
        return cls(PublicKey(key.public_key().public_bytes_raw()).id, key.sign(said))

    @classmethod
    def read(cls, path: Path) -> "Signature":
        """From a file that holds one line."""
        found = _LINE.fullmatch(path.read_bytes()[:200])
        if not found:
            raise Mistake(f"{path}: is no signature; it should be one line: ed25519, the key's id, 128 hex digits.")
        return cls(found[1].decode(), bytes.fromhex(found[2].decode()))


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise Mistake(f"{path}: is not there, or no file; name the file of a key.")
    return path.read_bytes()


def private_key(path: Path) -> Ed25519PrivateKey:
    """From a PEM file without a password."""
    try:
        key = serialization.load_pem_private_key(_content(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Mistake(f"{path}: is no private Ed25519 key in PEM without a password.")
    return key


def make_keys(path: Path) -> tuple[Path, str]:
    """Write a new pair, the private one readable by its owner alone; the public one's file, and its id.

    Raises
    ------
    Mistake
        There is a file already: a key that was used is never overwritten.
    """
    if not path.parent.is_dir():
        raise Mistake(f"{path}: there is no folder {path.parent}.")
    public, key = path.with_name(f"{path.name}.pub"), Ed25519PrivateKey.generate()
    for one in (path, public):
        if one.exists():
            raise Mistake(f"{one}: is there already; a key is never overwritten.")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, spki))
    return public, PublicKey(key.public_key().public_bytes_raw()).id
