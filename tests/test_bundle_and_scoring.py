"""The bundle is plain and sealed; what it scores is what the model said, for every customer."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tradecredit.errors import Mistake
from tradecredit.features.engine.loading import facts_of
from tradecredit.features.ledger import Ledger
from tradecredit.features.matrix import Matrix
from tradecredit.features.observations import Status
from tradecredit.pipeline.stage import Stage
from tradecredit.serving.batch import score_ledger
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.scoring import score

AS_OF = date(2021, 12, 31)


@pytest.fixture
def bundle(walked, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(walked / "artifacts/bundle", tmp_path / "bundle")


@pytest.fixture(scope="module")
def loaded(walked):
    """Its champion alone: the other model compares with customers of other parts (see test_explanations)."""
    return replace(load_bundle(walked / "artifacts/bundle"), second=None)


@pytest.fixture(scope="module")
def scored(walked, loaded):
    return [score(loaded, facts_of(ledger), AS_OF) for ledger in Ledger.read_partitions(walked / "data/ledger")]


def test_a_bundle_holds_text_and_no_code(walked):
    for file in (walked / "artifacts/bundle").iterdir():
        assert file.suffix in {".json", ".txt", ".sha256"}
        file.read_text(encoding="utf-8")
        if file.suffix == ".json":
            json.loads(file.read_text())


def test_a_bundle_of_another_definition_is_refused(bundle, monkeypatch):
    import tradecredit.serving.bundle as room

    real = room.declared
    monkeypatch.setattr(room, "declared", lambda features: [row | {"measure": "changed()"} for row in real(features)])
    with pytest.raises(Mistake, match="Export the bundle anew"):
        load_bundle(bundle)


def test_scoring_needs_none_of_the_training_packages(walked, tmp_path):
    """Run with them blocked, as on a machine that has the base install only."""
    bundle, ledger, out = (str(walked / "artifacts/bundle"), str(walked / "data/ledger"), str(tmp_path / "r.parquet"))
    program = f"""
import sys
for name in ("lightgbm", "scipy", "sklearn", "optbinning", "shap", "mlflow", "dvc", "matplotlib", "jinja2", "joblib"):
    sys.modules[name] = None
from pathlib import Path
from datetime import date
from tradecredit.serving.bundle import load_bundle
from tradecredit.serving.batch import score_ledger
bundle = load_bundle(Path({bundle!r}))
told = score_ledger(bundle, Path({ledger!r}), date(2021, 12, 31), Path({out!r}))
print(sum(told.values()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 900


def test_every_customer_is_rated_or_told_why_not(walked, loaded, tmp_path):
    told = score_ledger(loaded, walked / "data/ledger", AS_OF, tmp_path / "ratings.parquet")
    table = pd.read_parquet(tmp_path / "ratings.parquet")
    everyone = Ledger.read(walked / "data/ledger").customers["customer_id"]
    assert sorted(table["customer_id"]) == sorted(everyone)
    assert sum(told.values()) == len(everyone)
    rated = table["status"] == "observed"
    assert table.loc[rated, ["pd", "score", "grade"]].notna().all(axis=None)
    assert table.loc[rated, "pd"].between(0, 1, inclusive="neither").all()
    assert (table.loc[~rated, "status_en"] != "").all()
    assert (table.loc[~rated, "status_zh"] != "").all()
    assert (table.loc[table["status"] == "in_default", "grade"] == "D").all()
    assert set(told) == {"OBSERVED", "UNKNOWN_YET", "IN_DEFAULT", "NO_EXPOSURE"}


def test_a_strategic_customer_is_never_decided_by_machine_alone(scored):
    for part in scored:
        assert part.table["manual_review"].to_pylist() == part.customers["is_strategic"].tolist()


def test_scoring_tells_what_training_saw(walked, loaded, scored):
    """The features of a scored day are those of the matrix, so its log-odds are too, to the bit."""
    matrix = Matrix.read(walked / "data/matrix/features.parquet")
    here = matrix.rows((matrix.keys["as_of"] == pd.Timestamp(AS_OF)).to_numpy())
    expected = dict(zip(here.keys["customer_id"], loaded.system.log_odds(here), strict=True))
    seen = 0
    for part in scored:
        for place in np.flatnonzero(part.status == Status.OBSERVED):
            assert part.log_odds[place] == expected[part.customers["customer_id"].iloc[place]]
            seen += 1
    assert seen == len(here)


def test_points_of_all_features_add_up_to_the_score(scored):
    for part in scored:
        rebuilt = (part.base_points + part.points.sum(axis=1))[part.rated]
        scores = part.bundle.system.points.score(part.log_odds[part.rated])
        np.testing.assert_allclose(rebuilt, scores, rtol=0, atol=1e-7)


def test_reasons_are_the_largest_parts_in_both_languages(scored):
    part = scored[0]
    for place in np.flatnonzero(part.status == Status.OBSERVED)[:200]:
        reasons = part.rating(place).reasons
        adverse = [r.points for r in reasons if r.points < 0]
        assert adverse == sorted(adverse)
        assert len(adverse) <= part.bundle.reasons.adverse
        assert len(reasons) - len(adverse) <= part.bundle.reasons.favourable
        if adverse:
            assert adverse[0] == part.points[place].min()
        for reason in reasons:
            assert "nan" not in reason.en + reason.zh
            assert any("\u4e00" <= letter <= "\u9fff" for letter in reason.zh)
            assert bool(reason.missing) == (reason.value is None)


def test_one_customer_is_rated_as_in_the_whole_book(walked, loaded, scored):
    whole = scored[0]
    for place in np.flatnonzero(whole.status == Status.OBSERVED)[:5]:
        name = whole.customers["customer_id"].iloc[place]
        alone = score(loaded, facts_of(Ledger.read(walked / "data/ledger", partition=0).of_customers([name])), AS_OF)
        assert repr(alone.rating(0)) == repr(whole.rating(int(place)))  # NaN is not equal to itself


def test_a_day_beyond_the_ledger_is_refused(walked, loaded):
    with pytest.raises(Mistake, match="complete only to 2023-01-31"):
        score(loaded, facts_of(Ledger.read(walked / "data/ledger", partition=0)), date(2024, 1, 1))


def test_the_walk_of_the_same_book_makes_the_same_bundle(walked, tmp_path):
    from tradecredit.pipeline import export_bundle, train_boosting

    again = tmp_path / "again"
    shutil.copytree(walked, again, symlinks=True)
    train_boosting.main(Stage(again))
    assert (again / "artifacts/boosting.json").read_bytes() == (walked / "artifacts/boosting.json").read_bytes()
    export_bundle.main(Stage(again))
    assert load_bundle(again / "artifacts/bundle").fingerprint == load_bundle(walked / "artifacts/bundle").fingerprint


def test_published_grades_stay_where_hysteresis_holds_them_and_what_was_before_is_kept(loaded, walked, tmp_path):
    sticky = replace(loaded, system=replace(loaded.system, hysteresis=1.5))
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    earlier = date(2021, 9, 30)
    score_ledger(sticky, walked / "data/ledger", earlier, first)
    score_ledger(sticky, walked / "data/ledger", AS_OF, second, previous=first)
    before, now = (pd.read_parquet(one).set_index("customer_id") for one in (first, second))
    assert before["published"].equals(before["grade"])
    rated = now["status"] == "observed"
    assert list(now["previous"]) == list(before["published"].reindex(now.index).fillna(""))
    kept = rated & (now["published"] == now["previous"])
    assert (kept & (now["grade"] != now["published"])).sum() > 5
    assert (now.loc[~kept & rated, "published"] == now.loc[~kept & rated, "grade"]).all()
    with pytest.raises(Mistake, match="later than"):
        score_ledger(sticky, walked / "data/ledger", earlier, first, previous=second)
    with pytest.raises(Mistake, match="is no file of ratings"):
        score_ledger(sticky, walked / "data/ledger", AS_OF, second, previous=walked / "params.yaml")


def test_a_rating_tells_its_terms_its_margin_and_its_card(loaded, walked, tmp_path):
    score_ledger(loaded, walked / "data/ledger", AS_OF, tmp_path / "ratings.parquet")
    now = pd.read_parquet(tmp_path / "ratings.parquet")
    rated = now[now["status"] == "observed"]
    assert (rated["pd_cautious"] > rated["pd"]).all()
    for terms, pd_ in zip(rated["pd_term"], rated["pd"], strict=True):
        told = [one["pd"] for one in terms]
        assert [one["days"] for one in terms] == [30, 91, 182, 365]
        assert told == sorted(told)
        assert told[-1] == pd_
    if loaded.system.model.kind == "scorecard":
        assert {"SME", "pooled"} <= set(rated["card"])
        assert rated["card_en"].str.contains("bad customers").any()
        assert rated["card_zh"].str.contains("违约客户").any()
