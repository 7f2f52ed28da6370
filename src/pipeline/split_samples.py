"""Split the observations out of time: train, tune, test, and the customers of test never seen before."""

from ..errors import Mistake
from ..features.default import DefaultRecipe
from ..features.samples import SLICES, SampleRecipe, unseen
from .stage import Stage, run


def main(stage: Stage) -> None:
    """Write the slice of each observation, and how many each slice holds."""
    recipe = stage.recipe("samples", SampleRecipe)
    recipe.check(stage.recipe("outcome", DefaultRecipe))
    table = stage.read("observations")
    slices = recipe.split(table)
    terms = [name for name in table if name.startswith("bad_")]
    kept = table[["customer_id", "segment", "as_of", "bad", *terms]].assign(slice=slices, unseen=unseen(table, slices))
    stage.write("slices", kept)
    figures = {
        name: {
            "n": int((here := kept["slice"] == name).sum()),
            "n_bad": int(kept.loc[here, "bad"].sum()),
            "customers": int(kept.loc[here, "customer_id"].nunique()),
        }
        for name in SLICES
    }
    figures["test"]["unseen"] = int(kept["unseen"].sum())
    note = "each slice begins after the labels of the one before are told"
    if recipe.tune_customers:
        held = f"{recipe.tune_customers:.0%} of the customers are kept out of train for it"
        note = f"the ledger is too short for an embargo before tune: {held}"
        stage.say(f"  {note}")
    for name, one in figures.items():
        if not 0 < one["n_bad"] < one["n"]:
            raise Mistake(
                f"params.yaml: samples.{name} holds {one['n']} told observations, {one['n_bad']} of them bad; "
                "both kinds are needed. Move its dates, or look at reports/observations.json, which counts each day."
            )
    stage.report("samples", {"slices": figures, "note": note})
    stage.say("  " + ", ".join(f"{name} {one['n']} ({one['n_bad']} bad)" for name, one in figures.items()))


if __name__ == "__main__":
    run(main)
