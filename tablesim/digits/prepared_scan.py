"""Prepares a scan for reading (dark print on light paper, square pixels) and brings the reading back to its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from tablesim.language import to_say
from tablesim.records.boxes import Box
from tablesim.records.reading import Ditto, Number, Reading
from tablesim.records.transform import Transform
from tablesim.scans.cleaning import is_negative
from tablesim.scans.images import Scan

NO_MARGIN = to_say(
    "figures stand at the very edge of the scan and may be cut off; a scan with a margin would read better"
)
"""Note on a page whose outer column touches the edge."""

CUT_OFF = to_say("may be cut off by the edge of the scan")
"""Doubt of a number that touches the edge."""

AT_EDGE, FEW_AT_EDGE = 0.6, 4
"""Numbers of tables nearer to the edge than this, in digit heights, may be cut off: a digit is 0.6 wide. So many of
them make it the fault of the scan."""


def prepared(scan: Scan) -> tuple[Scan, bool]:
    """The scan as it is read, and whether it was light on dark."""
    negative = is_negative(scan.grey)
    grey = 255 - scan.grey if negative else scan.grey
    if scan.aspect != 1:
        size = Transform(scan.width, scan.height, aspect=scan.aspect).square_size
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    return replace(scan, grey=grey, aspect=1.0), negative


def of_scan(reading: Reading, scan: Scan, *, negative: bool) -> Reading:
    """The reading of a prepared scan as the reading of ``scan``: its boxes in source pixels, with what is to be said.

    Parameters
    ----------
    reading : Reading
        Of what `prepared` gave.
    scan : Scan
        As it was loaded.
    negative : bool
        Whether it is light on dark.
    """
    transform = replace(reading.transform, source_width=scan.width, source_height=scan.height, aspect=scan.aspect)
    numbers, note = _with_edges(reading.numbers, reading)
    if scan.aspect != 1:
        across, down = scan.width / reading.width, scan.height / reading.height

        def of_source(box: Box) -> Box:
            return Box(box.x * across, box.y * down, box.width * across, box.height * down)

        numbers = [
            replace(n, digits=tuple(replace(digit, box=of_source(digit.box)) for digit in n.digits)) for n in numbers
        ]
        dittos: Sequence[Ditto] = [replace(ditto, box=of_source(ditto.box)) for ditto in reading.dittos]
        reading = replace(reading, dittos=tuple(dittos))
        regions = tuple(replace(region, box=of_source(region.box)) for region in transform.regions)
        transform = replace(transform, regions=regions)
    return replace(reading, transform=transform, numbers=tuple(numbers), negative=negative, note=note)


def _with_edges(numbers: Sequence[Number], reading: Reading) -> tuple[list[Number], str]:
    """The numbers, those of tables that touch the edge with a doubt, and the note of the page."""
    if not numbers:
        return [], reading.note
    near = AT_EDGE * float(np.median([max(digit.box.width, digit.box.height) for n in numbers for digit in n.digits]))

    def at_edge(number: Number) -> bool:
        box = number.box
        gap = min(box.x, box.y, reading.width - box.right, reading.height - box.bottom)
        return number.table is not None and gap < near

    touching = [at_edge(number) for number in numbers]
    if sum(touching) < FEW_AT_EDGE:
        return list(numbers), reading.note
    doubted = [
        replace(n, doubts=(*n.doubts, CUT_OFF)) if touches else n for n, touches in zip(numbers, touching, strict=True)
    ]
    return doubted, reading.note or NO_MARGIN
