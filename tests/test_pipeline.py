"""dvc.yaml is the code's own picture, and a run through DVC and MLflow does what the README says."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import grimp
import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT, small_params
from tradecredit.errors import Mistake
from tradecredit.pipeline.settings import recipe
from tradecredit.pipeline.stage import PATHS

WRITTEN = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
STAGES = {name: stage.get("do", stage) for name, stage in WRITTEN.items()}
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def _calls(name: str, method: str) -> set[str]:
    """First arguments of stage.<method>("...") in a stage and the pipeline helpers it uses."""
    found = set()
    for node in _nodes(name):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "stage" and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


def _sections(name: str) -> set[str]:
    """Sections that a stage reads as a recipe, or as stage.params["..."]."""
    plain = {
        node.slice.value
        for node in _nodes(name)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and ast.unparse(node.value) == "stage.params"
    }
    return plain | _calls(name, "recipe")


def _nodes(name: str):
    """A stage's code, and that of the helpers' functions that it imports, and of those that these call."""
    tree = ast.parse((ROOT / f"src/pipeline/{name}.py").read_text())
    yield from ast.walk(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module in ("cards", "lessons", "systems"):
            helper = ast.parse((ROOT / f"src/pipeline/{node.module}.py").read_text())
            functions = {one.name: one for one in helper.body if isinstance(one, ast.FunctionDef)}
            used = [alias.name for alias in node.names]
            for name in used:
                inner = list(ast.walk(functions[name]))
                used += {one.id for one in inner if isinstance(one, ast.Name)} & set(functions) - set(used)
                yield from inner


def _code(name: str) -> set[str]:
    """Every file of src that a stage's module reaches by imports."""
    graph = grimp.build_graph("tradecredit")
    reached = graph.find_upstream_modules(f"tradecredit.pipeline.{name}") | {f"tradecredit.pipeline.{name}"}
    paths = {module.removeprefix("tradecredit").strip(".").replace(".", "/") for module in reached}
    files = {f"src/{path}.py" for path in paths if path}
    return {file for file in files if (ROOT / file).exists()}  # packages have no file of that name


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_is_the_module_of_its_name(name):
    each = " '${key}'" if "foreach" in WRITTEN[name] else ""
    assert STAGES[name]["cmd"] == f"python -m tradecredit.pipeline.{name}{each}"
    assert callable(import_module(f"tradecredit.pipeline.{name}").main)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_sections_that_it_reads(name):
    asked = _sections(name)
    declared = {said.split(".")[0] for said in STAGES[name].get("params", [])}
    if name == "log_run":  # it logs all that made the models
        assert declared == set(PARAMS) - {"promotion"}
    else:
        assert declared == asked


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_all_the_code_that_it_reaches(name):
    deps = STAGES[name]["deps"]
    stale = {file for file in _code(name) if not any(file == dep or file.startswith(f"{dep}/") for dep in deps)}
    assert stale == set()


def _outs(name: str) -> set[str]:
    stage = STAGES[name]
    return {*stage.get("outs", []), *stage.get("metrics", [])}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_what_it_reads_and_writes(name):
    outs, deps = _outs(name), set(STAGES[name]["deps"])
    reports = {f"reports/{said}.json" for said in _calls(name, "report")}
    writes = {PATHS[said] for said in _calls(name, "write")} | reports
    if _calls(name, "plot"):
        writes.add(PATHS["plots"])
    assert writes <= outs
    touched = {PATHS[said] for said in _calls(name, "read") | _calls(name, "path")}
    near = {
        one for one in touched for said in outs | deps if f"{said}/".startswith(f"{one}/") or one.startswith(f"{said}/")
    }
    whole = touched - near
    assert whole - {PATHS["plots"]} <= outs | deps


def test_every_section_is_read_by_a_stage_and_knows_only_its_recipes_fields():
    said = [one for name in STAGES if name != "log_run" for one in STAGES[name].get("params", [])]
    read = {one.split(".")[0] for one in said} | {"tracking", "promotion"}
    assert read == set(PARAMS)


def test_the_database_of_runs_is_never_an_output():
    assert not [out for name in STAGES for out in _outs(name) if "mlflow" in out or "mlruns" in out]


@pytest.mark.parametrize(
    ("section", "said", "says"),
    [
        ("boosting", {"trees": "sixty"}, "boosting.trees should be a whole number, got 'sixty'"),
        ("boosting", {"trees": 0}, "boosting.trees should be a whole number above 0"),
        ("boosting", {"tree": 5}, "boosting.tree is not known"),
        ("outcome", {"window": "weeks"}, "outcome.window should be 'days' or 'due'"),
        ("boosting", {"row_share": 8.0}, "boosting.row_share should lie in (0, 1], got 8.0"),
        ("outcome", {"share": 10.0}, "outcome.share should lie in [0, 1]"),
        ("champion", {"prefer": "score"}, "champion.prefer should be scorecard or boosting"),
        ("rating", {"pdo": 0.0}, "pdo and odds should be above 0"),
        ("outcome", {"pause_disputes": 1}, "outcome.pause_disputes should be true or false"),
        ("rating", {"bounds": "0.1"}, "rating.bounds should be a list"),
        ("samples", {}, "samples.train is missing"),
    ],
)
def test_a_wrong_parameter_says_what_would_be_right(section, said, says):
    from tradecredit.features.default import DefaultRecipe
    from tradecredit.features.samples import SampleRecipe
    from tradecredit.models.growing import BoostingRecipe
    from tradecredit.models.rating import RatingRecipe
    from tradecredit.models.validation import ChampionRecipe

    kinds = {"boosting": BoostingRecipe, "outcome": DefaultRecipe, "samples": SampleRecipe, "rating": RatingRecipe}
    kinds["champion"] = ChampionRecipe
    assert set(said) <= {field.name for field in fields(kinds[section])} or "tree" in said
    with pytest.raises(Mistake, match=re.escape(says)):
        getattr(recipe({section: said}, section, kinds[section]), "points", int)()


# ---- a real run


def _dvc(folder: Path, *words: str) -> str:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for name in ("dvc.yaml", "MLproject"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").symlink_to(ROOT / "src")
    (folder / "data").mkdir()
    (folder / "data/mappings").symlink_to(ROOT / "data/mappings")
    shutil.copytree(ROOT / "data/edits", folder / "data/edits")
    params = small_params()
    params["example"] |= {"customers": 700}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    _dvc(folder, "init", "-q", "--no-scm")
    _dvc(folder, "config", "core.analytics", "false")
    shutil.copy(ROOT / ".dvcignore", folder)  # what is compiled on the way is no code
    _dvc(folder, "repro")
    return folder


@pytest.mark.slow
def test_a_second_run_does_nothing_and_a_changed_parameter_reruns_only_its_chain(run):
    assert "Running stage" not in _dvc(run, "repro")
    path = run / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["boosting"]["trees"] += 1
    path.write_text(yaml.safe_dump(params))
    again = set(re.findall(r"Running stage '([\w@]+)'", _dvc(run, "repro")))
    assert {"train_boosting", "calibrate", "validate", "log_run"} <= again
    assert not again & {"make_example", "build_ledger", "build_observations", "build_features", "train_scorecard"}


@pytest.mark.slow
def test_one_segment_is_retrained_alone_and_its_edit_is_on_the_page(run):
    params = yaml.safe_load((run / "params.yaml").read_text())
    params["segments"]["SME"] |= {"own_bads": 5, "selection": {"most": 2}, "binning": {"min_bads": 2}}
    (run / "params.yaml").write_text(yaml.safe_dump(params))
    again = set(re.findall(r"Running stage '([\w@]+)'", _dvc(run, "repro", "export_bundle")))
    assert "train_segment@SME" in again
    assert not again & {"train_scorecard", "train_segment@RETAIL", "train_boosting"}
    kept = json.loads((run / "reports/cards/SME.json").read_text())["kept"]
    who = "author: A. Analyst, day: 2025-01-15, reason: it is odd"
    (run / "data/edits/SME.yaml").write_text(f"edits: [{{edit: force_out, feature: {kept[0]}, {who}}}]\n")
    again = set(re.findall(r"Running stage '([\w@]+)'", _dvc(run, "repro", "print_scorecard")))
    assert "train_segment@SME" in again
    assert "train_scorecard" not in again
    assert kept[0] not in json.loads((run / "reports/cards/SME.json").read_text())["kept"]
    assert "it is odd" in (run / "reports/scorecard.html").read_text()
    _dvc(run, "repro")


@pytest.mark.slow
def test_mlflow_holds_a_parent_run_with_a_run_for_each_model_and_the_bundle_as_challenger(run, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    import mlflow

    said = json.loads((run / "reports/run.json").read_text())
    store = f"sqlite:///{run}/mlflow.db"
    client = mlflow.MlflowClient(store)
    parent = client.get_run(said["run_id"])
    for tag in ("dvc_lock_sha256", "ledger_sha256", "bundle_sha256", "champion"):
        assert parent.data.tags[tag], tag
    assert parent.data.params["outcome.dpd"] == "90"
    metrics = json.loads((run / "reports/metrics.json").read_text())
    assert parent.data.metrics["oracle.test.auc"] == metrics["oracle"]["test"]["auc"]
    plots = {file.path for file in client.list_artifacts(said["run_id"], "plots")}
    assert plots == {f"plots/{name}.png" for name in ("roc", "calibration", "scores", "shap")}
    nested = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{said['run_id']}'")
    assert {one.info.run_name for one in nested} == {"scorecard", "boosting"}
    for one in nested:
        assert one.data.metrics["test.auc"] == metrics[one.info.run_name]["test"]["auc"]
    version = client.get_model_version_by_alias("tradecredit", "challenger")
    assert str(version.version) == said["version"]

    mlflow.set_tracking_uri(store)
    model = mlflow.pyfunc.load_model(f"models:/tradecredit/{version.version}")
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/tradecredit/{version.version}"))
    assert not [f for f in folder.rglob("*") if f.suffix in {".py", ".pkl", ".pickle", ".joblib"}]
    assert "loader_module: tradecredit.serving.pyfunc" in (folder / "MLmodel").read_text()
    from tradecredit.features.matrix import Matrix
    from tradecredit.serving.bundle import load_bundle

    bundle = load_bundle(run / "artifacts/bundle")
    matrix = Matrix.read(run / "data/matrix/features.parquet").rows(slice(0, 300)).only(bundle.system.model.features)
    whole = matrix.rows(~np.isnan(matrix.values).any(axis=1))
    rows = pd.DataFrame(whole.values, columns=whole.names).assign(segment=whole.keys["segment"].astype(object))
    told = model.predict(rows)
    assert np.array_equal(told["pd"], bundle.system.pd(bundle.system.log_odds(whole)))


@pytest.mark.slow
def test_a_promotion_moves_the_alias_in_a_persons_name_and_is_logged(run, monkeypatch):
    from tradecredit.pipeline.promote import promote, verified
    from tradecredit.pipeline.stage import Stage
    from tradecredit.pipeline.tracking import Tracker, TrackingRecipe

    log = run / "promotions.jsonl"
    store = f"sqlite:///{run}/mlflow.db"
    stage = Stage(run)
    stage.params["tracking"]["store"] = store
    tracker = Tracker(TrackingRecipe(store=store), run)
    first = tracker.version("challenger")
    with pytest.raises(Mistake, match="--by"):
        promote(stage, "challenger", by=" ", reason="it is better")
    assert not log.exists()
    stage.params["promotion"] = {"most_off": 9.0}
    line = promote(stage, "challenger", by="A. Head", reason="the first one")
    assert (line["instead_of"], tracker.version_of("champion")) == ("", first)
    with pytest.raises(Mistake, match="is the champion already"):
        promote(stage, first, by="A. Head", reason="again")
    with pytest.raises(Mistake, match="no version or alias '99'"):
        promote(stage, "99", by="A. Head", reason="again")
    second = tracker.register(run / "artifacts/bundle", [])
    stage.params["promotion"] = {"most_lost": 0.0, "most_off": 1e-9}
    line = promote(stage, second, by="A. Head", reason="the same bundle once more")
    assert (line["instead_of"], line["not_met"], line["auc_difference"]["value"]) == (first, [], 0.0)
    assert tracker.version_of("champion") == second
    assert [json.loads(one)["version"] for one in log.read_text().splitlines()] == [first, second]
    assert verified(log)
    whole = log.read_text()
    log.write_text(whole.splitlines(keepends=True)[0])
    with pytest.raises(Mistake, match="last lines were changed or taken out"):
        promote(stage, first, by="A. Head", reason="back to it")
    log.write_text(whole)
    stage.params["promotion"] = {"most_off": 1e-9}
    assert promote(stage, first, by="A. Head", reason="back\u2028to it", despite="it is known")["despite"]
    assert verified(log)
    with monkeypatch.context() as broken:
        broken.setattr(Tracker, "point", lambda *_: (_ for _ in ()).throw(OSError("the store is gone")))
        with pytest.raises(OSError, match="is gone"):
            promote(stage, second, by="A. Head", reason="cut off after its line", despite="it is known")
    assert tracker.version_of("champion") == first
    with pytest.raises(Mistake, match="is the champion already"):
        promote(stage, second, by="A. Head", reason="once more: it was brought to its end")
    assert tracker.version_of("champion") == second
    stage.params["tracking"]["store"] = "sqlite:///another.db"  # beside params.yaml, and it knows of no promotion
    with pytest.raises(Mistake, match=r"another.db: is no store of MLflow yet"):
        promote(stage, "1", by="A. Head", reason="nothing is registered")
    again = Tracker(TrackingRecipe(store="sqlite:///another.db"), run).register(run / "artifacts/bundle", [])
    assert promote(stage, again, by="A. Head", reason="the log goes on", despite="a new store")["previous"]
    assert len(verified(log)) == 5
    assert (run / "another.db").exists()


@pytest.mark.slow
def test_mlflow_run_walks_and_scores(run):
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    words = [sys.executable, "-m", "mlflow", "run", ".", "--env-manager", "local"]
    env["MLFLOW_TRACKING_URI"] = f"sqlite:///{run}/mlflow.db"
    for more in ([], ["-e", "score", "-P", "as_of=2023-01-31", "-P", "out=ratings.parquet"]):
        done = subprocess.run([*words, *more], cwd=run, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(pd.read_parquet(run / "ratings.parquet")) == 700


@pytest.mark.slow
def test_the_summary_shows_both_models_beside_the_naive_rule_and_the_oracle(run, capsys):
    from tradecredit.pipeline.summary import summarise

    summarise(run)
    told = capsys.readouterr().out
    for word in ("scorecard", "boosted trees", "worst days past due", "oracle", "bundle:", "case-"):
        assert word in told
