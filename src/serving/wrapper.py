"""The wrapper that MLflow puts round a bundle: checked before MLflow reads it, since what it names is run.

MLflow's own switch against pickles does not hold an `MLmodel` back that names code to load. This rule does: our loader,
no code, the bundle's folder, and no file besides.
"""

import re
from pathlib import Path

import yaml

from ..errors import Mistake

LOADER = "tradecredit.serving.pyfunc"
_FILES = {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"}
_FILES_OF_A_COPY = {"registered_model_meta"}  # MLflow adds it where it downloads
_PLACE = re.compile(r"data/[A-Za-z0-9_-]+")
_LARGEST = 2**20
_USUAL = b"- -r requirements.txt"  # what MLflow's python_env.yaml says
# an address, an option of pip, or a package at an address
_FROM_ELSEWHERE = re.compile(rb"[^\s]*://[^\s]*|(?m:^\s*(?:- )?(?:--?[a-z][^\n]*|[^\s]+ ?@[^\n]*))")


def bundle_in(folder: Path) -> Path:
    """The bundle in a model's folder, which MLflow may then load; the bundle itself is verified by `load_bundle`.

    Raises
    ------
    Mistake
        The folder holds something besides a bundle and MLflow's own files, or its `MLmodel` names another loader, code
        of its own, or another flavor.
    """
    said_in = folder / "MLmodel"
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    if said_in not in entries:
        raise Mistake(f"{folder}: has no MLmodel; it is no model that MLflow wrote.")
    for one in entries:
        known = one.name == "data" if one.is_dir() else one.is_file() and one.name in _FILES | _FILES_OF_A_COPY
        if one.is_symlink() or not known or (one.is_file() and one.stat().st_size > _LARGEST):
            raise Mistake(f"{folder}: {one.name} is no file of a wrapped bundle.")
        if one.is_file() and one.name != "MLmodel":
            _refuse_from_elsewhere(one)
    place = _place(said_in)
    if not _PLACE.fullmatch(place) or [one.name for one in (folder / "data").iterdir()] != [
        place.removeprefix("data/")
    ]:
        raise Mistake(f"{said_in}: should name the one folder in data, got {place!r}.")
    return folder / place


def _refuse_from_elsewhere(file: Path) -> None:
    if strange := _FROM_ELSEWHERE.search(file.read_bytes().replace(_USUAL, b"")):
        said = strange[0].decode("ascii", "replace").strip()
        raise Mistake(f"{file}: would install {said!r}; a bundle asks for packages by name alone.")


def _place(said_in: Path) -> str:
    """Where the bundle is, by an `MLmodel` that runs nothing but our loader."""
    try:
        flavors = yaml.safe_load(said_in.read_text(encoding="utf-8"))["flavors"]
        pyfunc = flavors["python_function"]
        place = pyfunc["data"]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        raise Mistake(f"{said_in}: does not say what is loaded, and how.") from None
    if not isinstance(place, str):
        raise Mistake(f"{said_in}: should name the one folder in data, as a text.")
    if set(flavors) != {"python_function"}:
        others = ", ".join(sorted(str(one) for one in flavors if one != "python_function"))
        raise Mistake(f"{said_in}: has the flavor {others}; python_function alone is known.")
    if pyfunc.get("loader_module") != LOADER:
        raise Mistake(f"{said_in}: loads by {pyfunc.get('loader_module')!r}; it should be {LOADER}.")
    if strange := {"code", "python_model", "model_code_path", "artifacts", "cloudpickle_version"} & {
        name for name, value in pyfunc.items() if value is not None
    }:
        raise Mistake(f"{said_in}: names {min(strange)}, which a bundle has none of.")
    return place
