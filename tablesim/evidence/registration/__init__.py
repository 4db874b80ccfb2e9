"""Registration: page A brought onto page B by the numbers that both have."""

from tablesim.evidence.registration.page_map import PageMap
from tablesim.evidence.registration.plane import NotRegistrable
from tablesim.evidence.registration.registration import register_pages

__all__ = ["NotRegistrable", "PageMap", "register_pages"]
