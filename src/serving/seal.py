"""The seal of a bundle: every file on an allow list, of the size and with the checksum that its manifest tells.

manifest.json      size and SHA-256 of every file, and what the bundle was made from
manifest.sha256    the checksum of the manifest itself: the bundle's name in ratings and logs
                   It guards against accident: who can write the folder can seal it anew
manifest.sig       if it was signed: by which key, and the Ed25519 signature of the manifest; it guards against people
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Mistake
from .signing import PublicKey, Signature

MANIFEST, SEAL, SIGNATURE = "manifest.json", "manifest.sha256", "manifest.sig"
REQUIRED = {"system.json", "features.json", "policy.json", "reference.json", "golden.json"}
SECOND = "second.json"
_TREES = re.compile(r"(second-)?trees-[1-9]\d?\.txt")
_LARGEST = 256 * 2**20
_FORMAT = 5


@dataclass(frozen=True)
class Sealed:
    """The files of a bundle, each verified, none read yet.

    Attributes
    ----------
    files : dict of str to bytes
    about : dict
        What the bundle was made from.
    fingerprint : str
        SHA-256 of the manifest, in hex.
    signed_by : str
        Id of the key whose signature was verified; "" if none was asked for.
    """

    files: dict[str, bytes]
    about: dict[str, Any]
    fingerprint: str
    signed_by: str


def seal(folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any]) -> str:
    """Write files with their manifest, in place of a bundle that may be there, and return the fingerprint."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if _allowed(old.name):
            old.unlink()
    listed = {name: {"sha256": _sha(data), "size": len(data)} for name, data in sorted(files.items())}
    manifest = as_json({"format": _FORMAT, "files": listed, "about": about})
    for name, data in {**files, MANIFEST: manifest, SEAL: f"{_sha(manifest)}\n".encode()}.items():
        (folder / name).write_bytes(data)
    return _sha(manifest)


def unseal(folder: Path, trusted: Sequence[PublicKey] | None = None) -> Sealed:
    """Verify every byte, in this order: names and links, sizes, signature, checksums; only the manifest is parsed.

    Parameters
    ----------
    trusted : sequence of PublicKey
        One of them has to have signed; none is asked for with None.

    Raises
    ------
    Mistake
        Names the file that is missing, unknown, a link, too large, or changed since it was exported, or says that
        nobody who is trusted signed.
    """
    held = _names(folder)
    for name, entry in sorted(held.items()):
        if entry.stat().st_size > _LARGEST:
            raise Mistake(f"{folder}: {name} is larger than {_LARGEST // 2**20} MiB.")
    manifest = (folder / MANIFEST).read_bytes()
    signed_by = "" if trusted is None else _signed_by(folder, manifest, SIGNATURE in held, trusted)
    if (folder / SEAL).read_bytes() != f"{_sha(manifest)}\n".encode():
        raise Mistake(f"{folder}: {MANIFEST} does not match {SEAL}; the bundle was changed after it was exported.")
    said = _parsed(folder, manifest)
    listed, files = said["files"], set(held) - {MANIFEST, SEAL, SIGNATURE}
    if strange := sorted(files ^ set(listed)):
        what = "was added after the export" if strange[0] in files else "is missing; it was there at the export"
        raise Mistake(f"{folder}: {strange[0]} {what}.")
    if lacking := sorted(REQUIRED - files):
        raise Mistake(f"{folder}: {lacking[0]} is missing; no bundle is without it.")
    data = {}
    for name, row in listed.items():
        data[name] = (folder / name).read_bytes()
        if len(data[name]) != row["size"] or _sha(data[name]) != row["sha256"]:
            raise Mistake(
                f"{folder}: {name} does not match its checksum in {MANIFEST}; "
                "the bundle was changed after it was exported."
            )
    return Sealed(data, said["about"], _sha(manifest), signed_by)


def sign_manifest(folder: Path, key: Any) -> str:
    """Sign a bundle with a private key, after it was verified, and return the id of the key."""
    unseal(folder)
    signature = Signature.of(key, (folder / MANIFEST).read_bytes())
    (folder / SIGNATURE).write_text(f"{signature}\n", encoding="ascii")
    return signature.key_id


def as_json(said: Any) -> bytes:
    """Plain types as text that people can read."""
    return (json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _names(folder: Path) -> dict[str, os.DirEntry[str]]:
    """The files of the folder, each a plain file with a name that a bundle may have."""
    if folder.is_symlink():
        raise Mistake(f"{folder}: is a link; name the folder of the bundle itself.")
    if not folder.is_dir():
        raise Mistake(f"{folder}: is no bundle; export one with 'dvc repro'.")
    with os.scandir(folder) as entries:
        held = {entry.name: entry for entry in entries}
    for name in (MANIFEST, SEAL):
        if name not in held:
            raise Mistake(f"{folder}: has no {name}; a bundle without it cannot be verified.")
    for name, entry in sorted(held.items()):
        if entry.is_symlink() or not entry.is_file():
            raise Mistake(f"{folder}: {name} is a link or no plain file; a bundle holds plain files only.")
        if not _allowed(name):
            raise Mistake(f"{folder}: {name} is no file of a bundle; it was added after the export.")
    return held


def _parsed(folder: Path, manifest: bytes) -> dict[str, Any]:
    try:
        said = json.loads(manifest)
        if said.get("format") != _FORMAT:
            raise Mistake(
                f"{folder}: has the format {said.get('format')}; this version reads {_FORMAT}. Export it anew."
            )
        files, about = said["files"], said["about"]
        if all(type(row["size"]) is int and isinstance(row["sha256"], str) for row in files.values()) and about.items():
            return dict(said)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise Mistake(f"{folder}: {MANIFEST} does not say what the files are, and what they were made from.")


def _allowed(name: str) -> bool:
    return name in {*REQUIRED, SECOND, MANIFEST, SEAL, SIGNATURE} or bool(_TREES.fullmatch(name))


def _signed_by(folder: Path, manifest: bytes, signed: bool, trusted: Sequence[PublicKey]) -> str:
    if not signed:
        raise Mistake(f"{folder}: is not signed, and a signature is asked for; sign it with 'tradecredit bundle sign'.")
    signature = Signature.read(folder / SIGNATURE)
    key = next((one for one in trusted if one.id == signature.key_id), None)
    if key is None:
        raise Mistake(f"{folder}: is signed by the key {signature.key_id}, which is not trusted here.")
    if not key.verifies(signature, manifest):
        raise Mistake(f"{folder}: {SIGNATURE} is not the signature of {MANIFEST}; one of them was changed.")
    return key.id


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
