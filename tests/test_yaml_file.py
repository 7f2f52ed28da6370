"""Files that people write are read whole, or refused in one line: no key is lost in silence."""

import pytest

from tradecredit.errors import Mistake
from tradecredit.features.mapping import Mapping
from tradecredit.pipeline.cards import read_by_hand
from tradecredit.pipeline.settings import read_params
from tradecredit.yaml_file import read_yaml


@pytest.mark.parametrize("read", [read_params, read_by_hand, Mapping.read])
@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        (b"edits: [1]\nedits: []\n", "line 2: the key 'edits' stands there twice"),
        (b"edits:\n  - {edit: merge, edit: split}\n", "line 2: the key 'edit' stands there twice"),
        ("edits: []  # 王经理".encode("gbk"), "is no UTF-8 text"),
        (b"edits: [\n", "is not valid YAML"),
    ],
)
def test_what_cannot_be_read_whole_is_refused(tmp_path, read, said, wrong):
    path = tmp_path / "file.yaml"
    path.write_bytes(said)
    with pytest.raises(Mistake, match=wrong) as told:
        read(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_anchors_and_merged_keys_are_no_repetition(tmp_path):
    path = tmp_path / "file.yaml"
    path.write_text("a: &one {x: 1, y: 2}\nb: {<<: *one, y: 3}\n")
    assert read_yaml(path) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}
