"""One page laid over another: by the numbers that both have, as a map, and as a picture."""

from tablesim.evidence.laying.registration import Registration, register
from tablesim.evidence.laying.superposition import Superposition

__all__ = ["Registration", "Superposition", "register"]
