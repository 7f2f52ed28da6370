"""Tracking: what a pipeline run did, in MLflow. The only file that imports it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
import mlflow.artifacts
from mlflow.entities import Metric
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from ..errors import Mistake
from ..serving.wrapper import LOADER, bundle_in


@dataclass(frozen=True)
class TrackingRecipe:
    """The section `tracking` of params.yaml.

    Attributes
    ----------
    store : str
        MLflow's tracking address; the default is a file beside params.yaml.
    experiment, model : str
        Names of the experiment and of the registered model.
    alias : str
        Which alias the newly registered version gets. It is a challenger until people promote it.
    """

    store: str = "sqlite:///mlflow.db"
    experiment: str = "tradecredit"
    model: str = "tradecredit"
    alias: str = "challenger"


class Tracker:
    """Writes one parent run with a nested run for each model."""

    def __init__(self, recipe: TrackingRecipe, root: Path, *, looking: bool = False) -> None:
        """Open the store; with `looking` none is made where there is none."""
        self.recipe = recipe
        kind, _, file = recipe.store.partition(":///")
        if kind == "sqlite":
            file = str((root / file).resolve())  # beside params.yaml, wherever the command was run
            if looking and not Path(file).exists():
                raise Mistake(f"{file}: is no store of MLflow yet; run 'dvc repro'.")
        mlflow.set_tracking_uri(f"{kind}:///{file}" if kind == "sqlite" else recipe.store)
        client = mlflow.MlflowClient()
        if client.get_experiment_by_name(recipe.experiment) is None:
            artifacts = (root / "mlartifacts").resolve().as_uri() if recipe.store.startswith("sqlite") else None
            client.create_experiment(recipe.experiment, artifact_location=artifacts)
        mlflow.set_experiment(recipe.experiment)

    @contextmanager
    def run(self, name: str, *, tags: dict[str, str], nested: bool = False) -> Iterator[str]:
        """One run, closed as failed if the body raises. Yields its id."""
        with mlflow.start_run(run_name=name, nested=nested, tags=tags) as run:
            yield str(run.info.run_id)

    def params(self, said: dict[str, Any]) -> None:
        """Parameters, flattened: section.key."""
        mlflow.log_params(said)

    def metrics(self, figures: dict[str, float]) -> None:
        """Numbers, all at once."""
        mlflow.log_metrics(figures)

    def series(self, name: str, told: dict[int, float]) -> None:
        """One number along its steps, all at once."""
        run = mlflow.active_run()
        assert run is not None, "a series belongs to a run"
        points = [Metric(name, value, 0, step) for step, value in told.items()]
        mlflow.MlflowClient().log_batch(run.info.run_id, metrics=points)

    def file(self, path: Path, folder: str) -> None:
        """One file, or all of a folder."""
        (mlflow.log_artifacts if path.is_dir() else mlflow.log_artifact)(str(path), folder)

    def register(self, bundle: Path, features: list[str]) -> str:
        """Log the bundle as a model without code, register it, give it the alias; returns its version."""
        info = mlflow.pyfunc.log_model(
            name="bundle",
            loader_module=LOADER,
            data_path=str(bundle),
            signature=signature_of(features),
            pip_requirements=[f"tradecredit=={version('tradecredit')}"],
            registered_model_name=self.recipe.model,
        )
        made = str(info.registered_model_version)
        mlflow.MlflowClient().set_registered_model_alias(self.recipe.model, self.recipe.alias, made)
        return made

    def version(self, said: str) -> str:
        """The number of a version that is told as that, or by an alias."""
        client, name = mlflow.MlflowClient(), self.recipe.model
        try:
            found = (
                client.get_model_version(name, said)
                if said.isdigit()
                else client.get_model_version_by_alias(name, said)
            )
        except mlflow.MlflowException:
            raise Mistake(
                f"{name}: has no version or alias '{said}' in {self.recipe.store}; see 'mlflow ui'."
            ) from None
        return str(found.version)

    def version_of(self, alias: str) -> str:
        """The number of the version that an alias points to; "" if none."""
        try:
            return str(mlflow.MlflowClient().get_model_version_by_alias(self.recipe.model, alias).version)
        except mlflow.MlflowException:
            return ""

    def tag(self, name: str) -> str:
        """A tag of the registered model; "" if there is none."""
        try:
            return str(mlflow.MlflowClient().get_registered_model(self.recipe.model).tags.get(name, ""))
        except mlflow.MlflowException:
            return ""

    def set_tag(self, name: str, value: str) -> None:
        """The same, written."""
        mlflow.MlflowClient().set_registered_model_tag(self.recipe.model, name, value)

    def point(self, alias: str, version: str) -> None:
        """Let an alias point to a version."""
        mlflow.MlflowClient().set_registered_model_alias(self.recipe.model, alias, version)

    def bundle(self, uri: str) -> Path:
        """The folder of a registered bundle, such as models:/tradecredit@champion."""
        try:
            folder = Path(mlflow.artifacts.download_artifacts(uri))
        except (mlflow.MlflowException, OSError):
            raise Mistake(f"{uri}: is not registered in {self.recipe.store}; see 'mlflow ui'.") from None
        return bundle_in(folder)


def signature_of(features: list[str]) -> ModelSignature:
    """What MLflow is to know of the rows that a bundle takes, and of what it gives (see `serving.rows`)."""
    asked = [ColSpec("double", name, required=True) for name in features]
    segment = ColSpec("string", "segment", required=False)
    reasons = [ColSpec("double", f"{name}:missing", required=False) for name in features]  # Spark fills with NaN
    told = {"pd": "double", "score": "long", "grade": "string", "odd": "string"}
    return ModelSignature(
        inputs=Schema([*asked, segment, *reasons]),
        outputs=Schema([ColSpec(type_, name) for name, type_ in told.items()]),
    )


def git_commit(root: Path) -> str:
    """The commit of the checkout, with '+changes' if files differ from it; '' outside a repository."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "HEAD")
    return f"{commit}+changes" if commit and git("status", "--porcelain", "--untracked-files=no") else commit
