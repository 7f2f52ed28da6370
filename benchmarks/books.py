"""Books to measure with."""

from pathlib import Path

import yaml
from processes import run

ROOT = Path(__file__).resolve().parents[1]


def example(folder: Path, customers: int) -> None:
    """The example book of so many customers, as a folder of the pipeline with its data/ledger; ends on 2024-12-31."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["example"]["customers"] = customers
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    (folder / "data").mkdir()
    (folder / "data/mappings").symlink_to(ROOT / "data/mappings")
    for stage in ("make_example", "build_ledger"):
        run(folder, f"tradecredit.pipeline.{stage}")
