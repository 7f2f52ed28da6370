"""YAML files that people write: read whole, or refused in one line."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .errors import Mistake


class _Loader(yaml.SafeLoader):
    """YAML's own loader lets the last of two equal keys win, and loses the first without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.MarkedYAMLError(problem=f"line {line}: the key '{key}' stands there twice")
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """What a file says; None if it is empty.

    Raises
    ------
    Mistake
        It is no UTF-8 text, or not valid YAML; a key that stands twice in one place is not.
    FileNotFoundError, IsADirectoryError
        As opening it does.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError:
        raise Mistake(f"{path}: is no UTF-8 text; save it as UTF-8.") from None
    except yaml.YAMLError as fault:
        raise Mistake(f"{path}: is not valid YAML ({' '.join(str(fault).split())}).") from None
