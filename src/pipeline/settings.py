"""Settings: a section of params.yaml becomes a frozen recipe, checked key by key."""

from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from ..errors import Mistake
from ..yaml_file import read_yaml

Recipe = TypeVar("Recipe")
_SPOKEN = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def read_params(path: Path) -> dict[str, Any]:
    """All sections of params.yaml."""
    try:
        said = read_yaml(path)
    except FileNotFoundError:
        raise Mistake(f"{path}: is not here; run from the folder that holds params.yaml.") from None
    if not isinstance(said, dict):
        raise Mistake(f"{path}: should hold sections such as 'outcome:', got {said!r}.")
    return said


def recipe(params: dict[str, Any], section: str, kind: type[Recipe], *, where: str = "params.yaml") -> Recipe:
    """The recipe of a section of a file. Every key must be a field; every field without a default must be there."""
    assert is_dataclass(kind)
    if section not in params:
        raise Mistake(f"{where}: the section '{section}' is missing.")
    said = params[section] or {}
    if not isinstance(said, dict):
        raise Mistake(f"{where}: {section} should hold keys, got {said!r}.")
    known = {field.name: field for field in fields(kind)}
    hints = get_type_hints(kind)
    for key in said:
        if key not in known:
            raise Mistake(f"{where}: {section}.{key} is not known; known are {', '.join(known)}.")
    for name, field in known.items():
        if name not in said and field.default is MISSING and field.default_factory is MISSING:
            raise Mistake(f"{where}: {section}.{name} is missing.")
    return kind(**{name: _checked(f"{where}: {section}.{name}", value, hints[name]) for name, value in said.items()})


def _checked(name: str, value: Any, wanted: Any) -> Any:
    if wanted is Any:
        return value
    if type(None) in get_args(wanted):  # X | None
        return None if value is None else _checked(name, value, get_args(wanted)[0])
    if str(wanted).startswith("tuple"):
        if not isinstance(value, list | tuple):
            raise Mistake(f"{name} should be a list, got {value!r}.")
        many = wanted.__args__
        if many[-1] is not Ellipsis and len(value) != len(many):
            raise Mistake(f"{name} should be a list of {len(many)}, got {value!r}.")
        return tuple(_checked(name, one, many[0]) for one in value)
    if str(wanted).startswith("dict"):
        if not isinstance(value, dict):
            raise Mistake(f"{name} should be a name and its value on each line, got {value!r}.")
        kinds = wanted.__args__
        return {
            _checked(f"{name} (a name in it)", key, kinds[0]): _checked(f"{name}.{key}", one, kinds[1])
            for key, one in value.items()
        }
    right = isinstance(value, wanted) and not (isinstance(value, bool) and wanted is not bool)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not right:
        raise Mistake(f"{name} should be {_SPOKEN.get(wanted, wanted)}, got {value!r}.")
    return value
