"""Matches of two pages as W3C Web Annotations in a IIIF Presentation 3 manifest.

Viewers show one target of an annotation and drop the others. So each match stands on each of the two canvases, and each
side names the position and the annotation of the other. The form with two targets, which says the same in one
annotation, is the manifest's own page of annotations, in a file beside it with provenance and citation.
"""

from __future__ import annotations

import html
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from tablesim.errors import ExportError
from tablesim.evidence.comparison import Comparison
from tablesim.evidence.matches.glyphs import Match
from tablesim.export.kinds import LOCAL
from tablesim.export.markup import json_bytes, pixels
from tablesim.records.boxes import Box
from tablesim.records.reading import Reading
from tablesim.report.provenance import SOFTWARE, Provenance
from tablesim.scans.images import open_image

PRESENTATION = "http://iiif.io/api/presentation/3/context.json"
ANNOTATION = "http://www.w3.org/ns/anno.jsonld"
MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"

N_MATCHES = 500
"""Matches that are annotated: more cannot be looked through. Chosen by eye."""

FILES = ("manifest.json", "links.json", "images/a.jpg", "images/b.jpg")
"""What is written, below the folder of a manifest."""

_QUALITY = 90
_TWO_TARGETS = "Matched digits, each as one annotation with a target on either page"


@dataclass(frozen=True)
class MatchManifest:
    """The matches of two pages, with the addresses under which they will be found.

    Parameters
    ----------
    comparison : Comparison
        The two pages.
    matches : tuple of Match
        One to one, in falling relevance.
    base : str
        Address of the folder of files, ending in a slash.
    provenance : Provenance
        Goes into the manifest and the pages of annotations.
    """

    comparison: Comparison
    matches: tuple[Match, ...]
    base: str
    provenance: Provenance

    @classmethod
    def of(
        cls, comparison: Comparison, provenance: Provenance, base: str = LOCAL, top: int = N_MATCHES
    ) -> MatchManifest:
        """The strongest ``top`` matches of a comparison, those at matching positions where there are any.

        Raises
        ------
        ExportError
            ``base`` is no address on the web, or the pages have no digit in common.
        """
        address = urlsplit(base)
        if address.scheme not in ("http", "https") or not address.netloc or address.query or address.fragment:
            raise ExportError(f"base address: got {base!r}, expected something like {LOCAL}")
        assignment = comparison.assignment
        links = assignment.supported or assignment.links
        if not links:
            raise ExportError(
                f"{comparison.reading_a.page} and {comparison.reading_b.page} have no digit in common; "
                "there is nothing to annotate"
            )
        pages = provenance.only([comparison.reading_a.page, comparison.reading_b.page])
        return cls(comparison, tuple(links[:top]), base.rstrip("/") + "/", pages)

    @property
    def sides(self) -> tuple[Reading, Reading]:
        """The two pages."""
        return self.comparison.reading_a, self.comparison.reading_b

    def files(self) -> dict[str, bytes]:
        """Every file by its name below ``base``: ``manifest.json``, ``links.json`` and the two images.

        Raises
        ------
        ScanError
            A scan is no longer where the reading says it was.
        """
        images = {_image_name(side): _jpeg(reading) for side, reading in enumerate(self.sides)}
        return {"manifest.json": json_bytes(self.manifest()), "links.json": json_bytes(self.links()), **images}

    def manifest(self) -> dict[str, Any]:
        """The manifest: a canvas a page, each with its annotations."""
        comparison = self.comparison
        a, b = self.sides
        shown = sum(match.relevance for match in self.matches)
        share = f" ({shown / comparison.score:.1%})" if comparison.score else ""
        summary = (
            f"Similarity {comparison.similarity:.4f}, score {comparison.score:.4f}; the {len(self.matches)} pairs of "
            f"digits shown bring {shown:.4f} of it{share}."
        )
        facts = {
            "Software": f"{SOFTWARE} {self.provenance.version}",
            "Digit network": self.provenance.network,
            "Settings": self.provenance.settings_text,
            "Created": self.provenance.created,
            f"SHA-256 of {a.page}": a.sha256,
            f"SHA-256 of {b.page}": b.sha256,
        }
        return {
            "@context": [ANNOTATION, PRESENTATION],
            "id": self.base + "manifest.json",
            "type": "Manifest",
            "label": _words(f"{a.page} and {b.page}: matched digits"),
            "summary": _words(summary),
            "metadata": [{"label": _words(name), "value": _words(value)} for name, value in facts.items()],
            "requiredStatement": {"label": _words("Cite as"), "value": _words(self.provenance.citation)},
            "behavior": ["individuals"],
            "items": [self._canvas(side) for side in (0, 1)],
            "annotations": [{"id": self.base + "links.json", "type": "AnnotationPage", "label": _words(_TWO_TARGETS)}],
        }

    def links(self) -> dict[str, Any]:
        """The matches as annotations of motivation ``linking`` with a target on each of the two pages."""
        items = [
            {
                "id": f"{self.base}links.json#match-{number}",
                "type": "Annotation",
                "motivation": "linking",
                "created": self.provenance.created,
                "generator": _software(self.provenance),
                "body": [_description(_sentence(match, self.comparison.score))],
                "target": [self._target(0, match.a), self._target(1, match.b)],
            }
            for number, match in enumerate(self.matches, 1)
        ]
        return {
            "@context": [ANNOTATION, PRESENTATION],
            "id": self.base + "links.json",
            "type": "AnnotationPage",
            "label": _words(_TWO_TARGETS),
            # The context of annotations has the prefix for Dublin Core.
            "dcterms:bibliographicCitation": self.provenance.citation,
            "dcterms:provenance": json.dumps(self.provenance.to_dict(), ensure_ascii=False, sort_keys=True),
            "items": items,
        }

    def side(self, side: int) -> dict[str, Any]:
        """The matches as annotations of one page, 0 or 1, each with a link to its counterpart on the other page."""
        return {
            "id": f"{self._canvas_id(side)}/annotations",
            "type": "AnnotationPage",
            "label": _words(f"Digits also on {self.sides[1 - side].page}"),
            "items": [self._half(side, number, match) for number, match in enumerate(self.matches, 1)],
        }

    def _half(self, side: int, number: int, match: Match) -> dict[str, Any]:
        box, other_box = (match.a, match.b) if side == 0 else (match.b, match.a)
        other = self._target(1 - side, other_box)
        partner = f"{self._canvas_id(1 - side)}/annotations/{number}"
        where = f"{self.sides[1 - side].page} at {other_box.x:.0f}, {other_box.y:.0f}"
        sentence = f"{_sentence(match, self.comparison.score)}, with {where}"
        return {
            "id": f"{self._canvas_id(side)}/annotations/{number}",
            "type": "Annotation",
            # Viewers such as Mirador show comments and leave links alone.
            "motivation": ["commenting", "linking"],
            "created": self.provenance.created,
            "generator": _software(self.provenance),
            "body": [_description(sentence), {**other, "id": f"{partner}/place", "purpose": "linking"}],
            "seeAlso": [{"id": partner, "type": "Annotation", "format": "application/ld+json"}],
            "target": self._target(side, box),
        }

    def _canvas(self, side: int) -> dict[str, Any]:
        reading, name = self.sides[side], self._canvas_id(side)
        image = {
            "id": self.base + _image_name(side),
            "type": "Image",
            "format": "image/jpeg",
            "width": reading.width,
            "height": reading.height,
        }
        painting = {
            "id": f"{name}/image/annotation",
            "type": "Annotation",
            "motivation": "painting",
            "body": image,
            "target": name,
        }
        return {
            "id": name,
            "type": "Canvas",
            "label": _words(reading.page),
            "width": reading.width,
            "height": reading.height,
            "items": [
                {
                    "id": f"{name}/image",
                    "type": "AnnotationPage",
                    "items": [painting],
                }
            ],
            "annotations": [self.side(side)],
        }

    def _canvas_id(self, side: int) -> str:
        return f"{self.base}canvas/{'ab'[side]}-{quote(self.sides[side].page, safe='')}"

    def _target(self, side: int, box: Box) -> dict[str, Any]:
        left, top, right, bottom = pixels(box, self.sides[side].width, self.sides[side].height)
        return {
            "type": "SpecificResource",
            "source": {
                "id": self._canvas_id(side),
                "type": "Canvas",
                "partOf": [{"id": self.base + "manifest.json", "type": "Manifest"}],
            },
            "selector": {
                "type": "FragmentSelector",
                "conformsTo": MEDIA_FRAGMENTS,
                "value": f"xywh={left},{top},{right - left},{bottom - top}",
            },
        }


def _image_name(side: int) -> str:
    return f"images/{'ab'[side]}.jpg"


def _sentence(match: Match, score: float) -> str:
    bigram = f"{match.bigram}: " if match.bigram else ""
    return f"{bigram}brings {match.relevance:.4f} to the score of {score:.4f}"


def _description(text: str) -> dict[str, str]:
    # Viewers such as Mirador take every body for HTML, whatever its format is said to be.
    markup = html.escape(text, quote=False)
    return {"type": "TextualBody", "value": markup, "format": "text/html", "language": "en", "purpose": "describing"}


def _software(provenance: Provenance) -> dict[str, str]:
    return {"type": "Software", "name": f"{SOFTWARE} {provenance.version}"}


def _words(text: str) -> dict[str, list[str]]:
    return {"none": [text]}


def _jpeg(reading: Reading) -> bytes:
    """The scan as its coordinates are counted: upright after EXIF, as a JPEG that every browser shows."""
    image = open_image(reading.scan).convert("RGB")
    if image.size != (reading.width, reading.height):
        raise ExportError(
            f"{reading.scan}: the image is {image.width} x {image.height} pixels, expected {reading.width} x "
            f"{reading.height} as it was read; read the scan again"
        )
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
