"""The bundle: everything that scoring needs, as plain data files with checksums. No pickle, no code inside.

manifest.json      size and SHA-256 of every file, and what the bundle was made from
manifest.sha256    the checksum of the manifest itself: the bundle's name in ratings and logs
                   It guards against accident: who can write the folder can seal it anew
system.json        calibration, master scale, points; the scorecard where it is the champion
trees-1.txt ...    the trees as LightGBM's own text, a file a bag, where they are the champion
second.json        the other model, calibrated; its trees, if it has some, in second-trees-1.txt ...
features.json      the declarations that the model was fitted on
policy.json        the default definition, who is observed, how reasons are told, and the rules of early warning
reference.json     what is usual in each segment, and whom its customers are compared with
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import Mistake
from ..features.catalogue import feature
from ..features.declaration import Feature
from ..features.default import DefaultRecipe
from ..features.matrix import Matrix
from ..features.observations import ObservationRecipe
from ..features.peers import PeerRecipe
from ..models.rating import Explained, RatingSystem
from .early_warning import WarningRule, as_dicts, of_dicts, watched
from .opinions import Opinion
from .reasons import ReasonRecipe
from .reference import Reference

_MANIFEST, _SEAL = "manifest.json", "manifest.sha256"
_TREES = re.compile(r"(second-)?trees-[1-9]\d?\.txt")
_SECOND = "second.json"
_REQUIRED = {"system.json", "features.json", "policy.json", "reference.json"}
_LARGEST = 256 * 2**20
_FORMAT = 4


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    Attributes
    ----------
    system : RatingSystem
    default : DefaultRecipe; observation : ObservationRecipe
        Who is rated, and what the PD is the probability of.
    reference : Reference
        What is usual, and whom customers are compared with.
    reasons : ReasonRecipe
    second : Opinion or None
        The model that is not the champion.
    warnings : dict of str to WarningRule
    about : dict
        What it was made from.
    fingerprint : str
        SHA-256 of the manifest, in hex.
    """

    system: RatingSystem
    default: DefaultRecipe
    observation: ObservationRecipe
    reference: Reference
    reasons: ReasonRecipe
    second: Opinion | None
    warnings: dict[str, WarningRule]
    about: dict[str, Any]
    fingerprint: str

    @property
    def features(self) -> tuple[Feature, ...]:
        """The declarations of the model's features, in its order."""
        return tuple(feature(name) for name in self.system.model.features)

    @property
    def all_features(self) -> tuple[Feature, ...]:
        """Those of both models, the champion's first, and those that are watched."""
        return tuple(feature(name) for name in _names(self.system, self.second, self.warnings))

    @property
    def peers(self) -> PeerRecipe:
        """Who counts among the others that a customer is compared with."""
        return PeerRecipe(self.observation, self.default)

    def explain(self, matrix: Matrix) -> Explained:
        """Log-odds of rows of the bundle's features, and how they come about against whom the recipe says."""
        segments = matrix.keys["segment"].to_numpy(object)
        return self.system.explain(matrix, self.reference.compared_with(self.reasons.baseline, segments, matrix.names))


def declared(features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Feature declarations as plain JSON types."""
    return [
        {
            "name": one.name,
            "en": one.en,
            "zh": one.zh,
            "unit": one.unit.value,
            "risk": one.risk.name.lower(),
            "family": one.family.name.lower(),
            "measure": str(one.measure),
        }
        for one in features
    ]


def write_bundle(
    folder: Path,
    system: RatingSystem,
    *,
    default: DefaultRecipe,
    observation: ObservationRecipe,
    reference: Reference,
    reasons: ReasonRecipe,
    second: Opinion | None = None,
    warnings: Mapping[str, WarningRule] | None = None,
    about: dict[str, Any],
) -> str:
    """Write a bundle and return its fingerprint; the same parts give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    said = system.as_dict()
    trees = {f"trees-{bag}.txt": text for bag, text in enumerate(said["model"].pop("texts", []), start=1)}
    rules = warnings or {}
    names = _names(system, second, rules)
    files = {
        "system.json": _json(said),
        "features.json": _json(declared([feature(name) for name in names])),
        "policy.json": _json(
            {
                "default": asdict(default),
                "observation": asdict(observation),
                "reasons": asdict(reasons),
                "warnings": as_dicts(rules),
            }
        ),
        "reference.json": _json(reference.as_dict()),
    }
    if second is not None:
        other = second.system.as_dict()
        texts = other["model"].pop("texts", [])
        trees |= {f"second-trees-{bag}.txt": text for bag, text in enumerate(texts, start=1)}
        files[_SECOND] = _json({"system": other, "reference": second.reference.as_dict()})
    files |= {name: text.encode() for name, text in trees.items()}
    listed = {name: {"sha256": _sha(data), "size": len(data)} for name, data in sorted(files.items())}
    manifest = _json({"format": _FORMAT, "files": listed, "about": about})
    for name, data in {**files, _MANIFEST: manifest, _SEAL: f"{_sha(manifest)}\n".encode()}.items():
        (folder / name).write_bytes(data)
    return _sha(manifest)


def load_bundle(folder: Path) -> Bundle:
    """Verify, then read. Nothing is parsed before every byte has been checked.

    Raises
    ------
    Mistake
        Names the file that is missing, unknown, a link, or changed since it was exported.
    """
    data = _verified(folder)
    rows = json.loads(data["features.json"])
    system, second = _system(json.loads(data["system.json"]), data, ""), None
    if _SECOND in data:
        other = json.loads(data[_SECOND])
        second = Opinion(_system(other["system"], data, "second-"), Reference(**other["reference"]))
    policy = json.loads(data["policy.json"])
    rules = of_dicts(policy["warnings"])
    names = _names(system, second, rules)
    if [row["name"] for row in rows] != names:
        raise Mistake(f"{folder}: features.json does not list the models' features. Export the bundle anew.")
    for made, now in zip(rows, declared([_known(folder, row["name"]) for row in rows]), strict=True):
        if (made["measure"], made["risk"]) != (now["measure"], now["risk"]):
            raise Mistake(
                f"{folder}: was made with {made['name']} = {made['measure']} ({made['risk']}); this version has "
                f"{now['measure']} ({now['risk']}). Export the bundle anew."
            )
    manifest = data[_MANIFEST]
    return Bundle(
        system,
        DefaultRecipe(**policy["default"]),
        ObservationRecipe(**policy["observation"]),
        Reference(**json.loads(data["reference.json"])),
        ReasonRecipe(**policy["reasons"]),
        second,
        rules,
        json.loads(manifest)["about"],
        _sha(manifest),
    )


def _names(system: RatingSystem, second: Opinion | None, rules: Mapping[str, WarningRule]) -> list[str]:
    """The features that scoring needs: the champion's, the other model's, those that are watched."""
    others = second.system.model.features if second else ()
    return list(dict.fromkeys((*system.model.features, *others, *(one.name for one in watched(rules)))))


def _system(said: dict[str, Any], data: dict[str, bytes], prefix: str) -> RatingSystem:
    """A rating system whose trees, if it has some, are files of their own."""
    bags = sum(name.startswith(f"{prefix}trees-") for name in data)
    if bags:
        said["model"]["texts"] = [data[f"{prefix}trees-{bag}.txt"].decode() for bag in range(1, bags + 1)]
    return RatingSystem.of_dict(said)


def _known(folder: Path, name: str) -> Feature:
    try:
        return feature(name)
    except KeyError:
        raise Mistake(f"{folder}: needs the feature '{name}', which this version does not have.") from None


def _verified(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir() or folder.is_symlink():
        raise Mistake(f"{folder}: is no bundle; export one with 'dvc repro'.")
    held = {entry.name: entry for entry in os.scandir(folder)}
    for name in (_MANIFEST, _SEAL):
        if name not in held:
            raise Mistake(f"{folder}: has no {name}; a bundle without it cannot be verified.")
    for name, entry in sorted(held.items()):
        if entry.is_symlink() or not entry.is_file():
            raise Mistake(f"{folder}: {name} is a link or a folder; a bundle holds plain files only.")
        if entry.stat().st_size > _LARGEST:
            raise Mistake(f"{folder}: {name} is larger than {_LARGEST // 2**20} MiB.")
    manifest = (folder / _MANIFEST).read_bytes()
    if (folder / _SEAL).read_bytes() != f"{_sha(manifest)}\n".encode():
        raise Mistake(f"{folder}: {_MANIFEST} does not match {_SEAL}; the bundle was changed after it was exported.")
    said = json.loads(manifest)
    if said.get("format") != _FORMAT:
        raise Mistake(f"{folder}: has the format {said.get('format')}; this version reads {_FORMAT}. Export it anew.")
    listed = said["files"]
    files = set(held) - {_MANIFEST, _SEAL}
    if strange := sorted(
        (files - set(listed))
        | {name for name in listed if name not in {*_REQUIRED, _SECOND} and not _TREES.fullmatch(name)}
    ):
        raise Mistake(f"{folder}: {strange[0]} is no file of the bundle; it was added after the export.")
    if lacking := sorted((set(listed) | _REQUIRED) - files):
        raise Mistake(f"{folder}: {lacking[0]} is missing; it was there when the bundle was exported.")
    data = {name: (folder / name).read_bytes() for name in listed}
    for name, row in listed.items():
        if len(data[name]) != row["size"] or _sha(data[name]) != row["sha256"]:
            raise Mistake(
                f"{folder}: {name} does not match its checksum in {_MANIFEST}; "
                "the bundle was changed after it was exported."
            )
    return {**data, _MANIFEST: manifest}


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(said: Any) -> bytes:
    return (json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
