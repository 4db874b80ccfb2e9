"""One page laid over another: by the numbers that both have, as a map, and as a picture."""

from tablesim.evidence.registration.equal_numbers import Registration, register
from tablesim.evidence.registration.page_map import PageMap

__all__ = ["PageMap", "Registration", "register"]
