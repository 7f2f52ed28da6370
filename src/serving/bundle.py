"""The bundle: everything that scoring needs, as plain data files under a seal (see `seal`). No pickle, no code inside.

system.json        calibration, master scale, points; the scorecard where it is the champion
trees-1.txt ...    the trees as LightGBM's own text, a file a bag, where they are the champion
second.json        the other model, calibrated; its trees, if it has some, in second-trees-1.txt ...
features.json      the declarations that the model was fitted on, and what was seen of each in training
policy.json        the default definition, who is observed, how reasons are told, and the rules of early warning
reference.json     what is usual in each segment, and whom its customers are compared with
golden.json        rows with what the models said of them: a machine that says otherwise does not rate
"""

import json
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
from .golden import LEAST, Golden
from .opinions import Opinion
from .reasons import ReasonRecipe
from .reference import Reference
from .seal import SECOND, Sealed, as_json, seal, unseal
from .seen import Seen
from .signing import PublicKey


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
    seen : dict of str to Seen
        Of each of the champion's features, in training.
    about : dict
        What it was made from.
    fingerprint : str
        SHA-256 of the manifest, in hex.
    signed_by : str
        Id of the key whose signature was verified; "" if none was asked for.
    """

    system: RatingSystem
    default: DefaultRecipe
    observation: ObservationRecipe
    reference: Reference
    reasons: ReasonRecipe
    second: Opinion | None
    warnings: dict[str, WarningRule]
    seen: dict[str, Seen]
    about: dict[str, Any]
    fingerprint: str
    signed_by: str = ""

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
            "levels": list(one.levels),
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
    seen: Mapping[str, Seen],
    second: Opinion | None = None,
    warnings: Mapping[str, WarningRule] | None = None,
    about: dict[str, Any],
) -> str:
    """Write a bundle and return its fingerprint; the same parts give the same bytes."""
    said = system.as_dict()
    trees = {f"trees-{bag}.txt": text for bag, text in enumerate(said["model"].pop("texts", []), start=1)}
    rules = warnings or {}
    features = [feature(name) for name in _names(system, second, rules)]
    own = {name: one.as_dict() for name, one in seen.items()}
    files = {
        "system.json": as_json(said),
        "features.json": as_json([row | {"seen": own.get(row["name"])} for row in declared(features)]),
        "policy.json": as_json(
            {
                "default": asdict(default),
                "observation": asdict(observation),
                "reasons": asdict(reasons),
                "warnings": as_dicts(rules),
            }
        ),
        "reference.json": as_json(reference.as_dict()),
        "golden.json": as_json(Golden.of(_both(system, second), _of_models(system, second)).as_dict()),
    }
    if second is not None:
        other = second.system.as_dict()
        texts = other["model"].pop("texts", [])
        trees |= {f"second-trees-{bag}.txt": text for bag, text in enumerate(texts, start=1)}
        files[SECOND] = as_json({"system": other, "reference": second.reference.as_dict()})
    return seal(folder, files | {name: text.encode() for name, text in trees.items()}, about)


def load_bundle(folder: Path, trusted: Sequence[PublicKey] | None = None) -> Bundle:
    """Verify, then read, then ask of the golden rows. Nothing is parsed before every byte has been checked.

    Parameters
    ----------
    trusted : sequence of PublicKey
        One of them has to have signed; none is asked for with None.

    Raises
    ------
    Mistake
        Names the file that is missing, unknown, a link, or changed since it was exported; or nobody who is trusted
        signed it; or it was made with other features; or the models say otherwise here than where it was made.
    """
    return bundle_of(unseal(folder, trusted), str(folder))


def bundle_of(sealed: Sealed, folder: str) -> Bundle:
    """Read what was verified, and ask of the golden rows; `folder` is named in errors."""
    try:
        return _read(sealed, folder)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as fault:
        raise Mistake(
            f"{folder}: is sealed, but its files do not fit together ({type(fault).__name__}); export it anew."
        ) from fault


def _read(sealed: Sealed, folder: str) -> Bundle:
    data = sealed.files
    rows = json.loads(data["features.json"])
    system, second = _system(json.loads(data["system.json"]), data, ""), None
    if SECOND in data:
        other = json.loads(data[SECOND])
        second = Opinion(_system(other["system"], data, "second-"), Reference(**other["reference"]))
    policy = json.loads(data["policy.json"])
    rules = of_dicts(policy["warnings"])
    names = _names(system, second, rules)
    if [row["name"] for row in rows] != names:
        raise Mistake(f"{folder}: features.json does not list the models' features. Export the bundle anew.")
    for made, now in zip(rows, declared([_known(folder, row["name"]) for row in rows]), strict=True):
        if any(made[part] != now[part] for part in ("measure", "risk", "levels")):
            raise Mistake(
                f"{folder}: was made with {made['name']} = {made['measure']} ({made['risk']}); this version has "
                f"{now['measure']} ({now['risk']}). Export the bundle anew."
            )
    golden = Golden.of_dict(json.loads(data["golden.json"]), _of_models(system, second))
    if len(golden.matrix) < LEAST:
        raise Mistake(f"{folder}: golden.json has {len(golden.matrix)} rows; it should have {LEAST}. Export it anew.")
    if departs := golden.departs(_both(system, second)):
        raise Mistake(
            f"{folder}: golden.json: {departs} when the bundle was made; this machine, or another version of a "
            "library, would rate otherwise. Install what the bundle's manifest names, or export it anew here."
        )
    return Bundle(
        system,
        DefaultRecipe(**policy["default"]),
        ObservationRecipe(**policy["observation"]),
        Reference(**json.loads(data["reference.json"])),
        ReasonRecipe(**policy["reasons"]),
        second,
        rules,
        {row["name"]: Seen(**row["seen"]) for row in rows if row["seen"]},
        sealed.about,
        sealed.fingerprint,
        sealed.signed_by,
    )


def _names(system: RatingSystem, second: Opinion | None, rules: Mapping[str, WarningRule]) -> list[str]:
    """The features that scoring needs: the models', and those that are watched."""
    told = (*(one.name for one in _of_models(system, second)), *(one.name for one in watched(rules)))
    return list(dict.fromkeys(told))


def _of_models(system: RatingSystem, second: Opinion | None) -> tuple[Feature, ...]:
    """The champion's features, then what the other model reads besides."""
    others = second.system.model.features if second else ()
    return tuple(feature(name) for name in dict.fromkeys((*system.model.features, *others)))


def _both(system: RatingSystem, second: Opinion | None) -> dict[str, RatingSystem]:
    return {"first": system} | ({} if second is None else {"second": second.system})


def _system(said: dict[str, Any], data: dict[str, bytes], prefix: str) -> RatingSystem:
    """A rating system whose trees, if it has some, are files of their own."""
    bags = sum(name.startswith(f"{prefix}trees-") for name in data)
    if bags:
        said["model"]["texts"] = [data[f"{prefix}trees-{bag}.txt"].decode() for bag in range(1, bags + 1)]
    return RatingSystem.of_dict(said)


def _known(folder: str, name: str) -> Feature:
    try:
        return feature(name)
    except KeyError:
        raise Mistake(f"{folder}: needs the feature '{name}', which this version does not have.") from None
