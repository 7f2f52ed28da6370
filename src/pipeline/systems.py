"""Systems: both models calibrated and on one scale, and which of them is champion."""

from ..models.rating import RatingSystem
from .stage import Stage


def systems(stage: Stage) -> tuple[dict[str, RatingSystem], str]:
    """The rating systems by model name, and the champion's name, as `calibrate` wrote them."""
    said = stage.read("systems")
    return {name: RatingSystem.of_dict(one) for name, one in said["systems"].items()}, said["champion"]
