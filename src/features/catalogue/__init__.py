"""The catalogue: every feature, declared once; bins, constraints, reasons and docs are read from here."""

from ..declaration import Feature
from .activity import ACTIVITY
from .ageing import AGEING
from .lateness import LATENESS
from .limit import LIMIT, TERMS
from .mechanics import DISPUTES, MECHANICS
from .outside import OUTSIDE
from .peers import PEERS
from .trend import TREND

CATALOGUE: tuple[Feature, ...] = (
    *ACTIVITY,
    *LATENESS,
    *TREND,
    *AGEING,
    *LIMIT,
    *TERMS,
    *MECHANICS,
    *DISPUTES,
    *PEERS,
    *OUTSIDE,
)
FOR_MODELS: tuple[Feature, ...] = tuple(feature for feature in CATALOGUE if feature.in_scorecard)
_BY_NAME = {feature.name: feature for feature in CATALOGUE}


def feature(name: str) -> Feature:
    """The declaration of a feature; KeyError for a name that is not declared."""
    return _BY_NAME[name]
