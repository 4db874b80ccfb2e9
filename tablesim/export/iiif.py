"""Matches and differences of two pages as W3C Web Annotations in a IIIF Presentation 3 manifest.

Viewers show one target of an annotation and drop the others. So each match, and each difference, stands on each of the
two canvases, and each side names the position and the annotation of the other. The form with two targets, which says
the same in one annotation, is a page of annotations of the manifest, in a file beside it with provenance and citation.
"""

from __future__ import annotations

import html
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tablesim.errors import ExportError
from tablesim.evidence.comparison import Comparison
from tablesim.evidence.matches.glyphs import Match
from tablesim.export.canvases import LibraryCanvas, PageCanvas
from tablesim.export.kinds import LOCAL
from tablesim.export.markup import json_bytes
from tablesim.records.address import PageAddresses
from tablesim.records.boxes import Box
from tablesim.records.collation import AGREES, Cell, Collation
from tablesim.records.counting import counted, cut, plural
from tablesim.records.reading import Reading
from tablesim.report.provenance import SOFTWARE, Provenance
from tablesim.scans.images import open_image

PRESENTATION = "http://iiif.io/api/presentation/3/context.json"
ANNOTATION = "http://www.w3.org/ns/anno.jsonld"

N_MATCHES = 500
"""Matches that are annotated: more cannot be looked through. Chosen by eye."""

FILES = ("manifest.json", "links.json", "differences.json", "images/a.jpg", "images/b.jpg")
"""What may be written, below the folder of a manifest."""

_QUALITY = 90


@dataclass(frozen=True)
class Linked:
    """What stands on both pages, or on one of them: a match, or a cell in which they differ.

    Parameters
    ----------
    sentence : str
        What is said of it.
    boxes : tuple of (Box or None)
        Where it stands on either page, in pixels of its scan; None where it has nothing.
    tag : str
        "match", or the state of the cell.
    """

    sentence: str
    boxes: tuple[Box | None, Box | None]
    tag: str = "match"


@dataclass(frozen=True)
class AnnotationLayer:
    """Annotations of one kind: their name in addresses and files, what they are called, and what they say."""

    name: str
    label: str
    items: tuple[Linked, ...]


@dataclass(frozen=True)
class MatchManifest:
    """The matches and the differences of two pages, with the addresses under which they will be found.

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
    collation : Collation, optional
        Of the two pages, the first of the comparison first: the cells in which they differ are annotated too.
    libraries : tuple of (LibraryCanvas or None)
        The canvases of the libraries that the pages came from.
    """

    comparison: Comparison
    matches: tuple[Match, ...]
    base: str
    provenance: Provenance
    collation: Collation | None = None
    libraries: tuple[LibraryCanvas | None, LibraryCanvas | None] = (None, None)

    @classmethod
    def of(
        cls,
        comparison: Comparison,
        provenance: Provenance,
        base: str = LOCAL,
        top: int = N_MATCHES,
        *,
        collation: Collation | None = None,
        extra: Mapping[str, Mapping[str, str]] | None = None,
    ) -> MatchManifest:
        """The strongest ``top`` matches of a comparison, those at matching positions where there are any.

        ``collation`` is of the same two pages in the same order; ``extra`` is what the metadata keep of each page, by
        its id: the canvas of its library among it.

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
        a, b = comparison.reading_a, comparison.reading_b
        if not links:
            raise ExportError(f"{a.page} and {b.page} have no digit in common; there is nothing to annotate")
        known = extra or {}
        libraries = LibraryCanvas.of(known.get(a.page, {}), a), LibraryCanvas.of(known.get(b.page, {}), b)
        pages = provenance.only([a.page, b.page])
        return cls(comparison, tuple(links[:top]), base.rstrip("/") + "/", pages, collation, libraries)

    @property
    def sides(self) -> tuple[Reading, Reading]:
        """The two pages."""
        return self.comparison.reading_a, self.comparison.reading_b

    @property
    def canvases(self) -> tuple[PageCanvas, PageCanvas]:
        """The canvases of the two pages."""
        a, b = (
            PageCanvas(reading, self.base, name, library)
            for reading, name, library in zip(self.sides, "ab", self.libraries, strict=True)
        )
        return a, b

    @property
    def layers(self) -> tuple[AnnotationLayer, ...]:
        """The matches, and the differences where there is a collation."""
        score = self.comparison.score
        matches = tuple(Linked(_sentence(match, score), (match.a, match.b)) for match in self.matches)
        layers = [AnnotationLayer("links", "Matched digits", matches)]
        if self.collation is not None:
            differences = tuple(differing(self.collation))
            layers.append(AnnotationLayer("differences", "Cells in which the pages differ", differences))
        return tuple(layers)

    def files(self) -> dict[str, bytes]:
        """Every file by its name below ``base``: the manifest, a page of annotations a layer, and the two images.

        Raises
        ------
        ScanError
            A scan is no longer where the reading says it was.
        """
        images = {canvas.image: _jpeg(canvas.reading) for canvas in self.canvases}
        layers = {f"{layer.name}.json": json_bytes(self.links(layer)) for layer in self.layers}
        return {"manifest.json": json_bytes(self.manifest()), **layers, **images}

    def manifest(self) -> dict[str, Any]:
        """The manifest: a canvas a page, each with its annotations."""
        comparison = self.comparison
        a, b = self.sides
        shown = sum(match.relevance for match in self.matches)
        share = f" ({shown / comparison.score:.1%})" if comparison.score else ""
        summary = (
            f"Similarity {cut(comparison.similarity, 4)}, score {comparison.score:.4f}; the "
            f"{counted(len(self.matches), 'pair')} of digits shown {plural(len(self.matches), 'brings', 'bring')} "
            f"{shown:.4f} of it{share}."
        )
        if self.collation is not None:
            summary += f" {difference_sentence(self.collation)}"
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
            "label": _words(f"{a.page} and {b.page}: matched digits and differences"),
            "summary": _words(summary),
            "metadata": [{"label": _words(name), "value": _words(value)} for name, value in facts.items()],
            "requiredStatement": {"label": _words("Cite as"), "value": _words(self.provenance.citation)},
            "behavior": ["individuals"],
            "items": [self._canvas(side) for side in (0, 1)],
            "annotations": [
                {"id": f"{self.base}{layer.name}.json", "type": "AnnotationPage", "label": _words(_two_targets(layer))}
                for layer in self.layers
            ],
        }

    def links(self, layer: AnnotationLayer | None = None) -> dict[str, Any]:
        """A layer, by default the matches, as annotations with a target on each page that has something there."""
        layer = self.layers[0] if layer is None else layer
        name = f"{self.base}{layer.name}.json"
        items = [
            {
                "id": f"{name}#{layer.name}-{number}",
                "type": "Annotation",
                "motivation": "linking" if layer.name == "links" else ["commenting", "tagging"],
                "created": self.provenance.created,
                "generator": _software(self.provenance),
                "body": _bodies(linked),
                "target": [
                    canvas.target(box)
                    for canvas, box in zip(self.canvases, linked.boxes, strict=True)
                    if box is not None
                ],
            }
            for number, linked in enumerate(layer.items, 1)
        ]
        return {
            "@context": [ANNOTATION, PRESENTATION],
            "id": name,
            "type": "AnnotationPage",
            "label": _words(_two_targets(layer)),
            # The context of annotations has the prefix for Dublin Core.
            "dcterms:bibliographicCitation": self.provenance.citation,
            "dcterms:provenance": json.dumps(self.provenance.to_dict(), ensure_ascii=False, sort_keys=True),
            "items": items,
        }

    def side(self, side: int, layer: AnnotationLayer | None = None) -> dict[str, Any]:
        """A layer as annotations of one page, 0 or 1, each with a link to its counterpart on the other page."""
        layer = self.layers[0] if layer is None else layer
        other = self.sides[1 - side].page
        return {
            "id": self._annotations(side, layer),
            "type": "AnnotationPage",
            "label": _words(f"{layer.label}, beside {other}"),
            "items": list(self._halves(side, layer)),
        }

    def _annotations(self, side: int, layer: AnnotationLayer) -> str:
        return f"{self.canvases[side].own}/{'annotations' if layer.name == 'links' else layer.name}"

    def _halves(self, side: int, layer: AnnotationLayer) -> Iterator[dict[str, Any]]:
        canvas, other = self.canvases[side], self.canvases[1 - side]
        for number, linked in enumerate(layer.items, 1):
            box, other_box = linked.boxes[side], linked.boxes[1 - side]
            if box is None:
                continue
            half: dict[str, Any] = {
                "id": f"{self._annotations(side, layer)}/{number}",
                "type": "Annotation",
                # Viewers such as Mirador show comments and leave links alone.
                "motivation": ["commenting", "linking"],
                "created": self.provenance.created,
                "generator": _software(self.provenance),
                "body": _bodies(linked),
                "target": canvas.target(box),
            }
            if other_box is not None:
                partner = f"{self._annotations(1 - side, layer)}/{number}"
                half["seeAlso"] = [{"id": partner, "type": "Annotation", "format": "application/ld+json"}]
                place = {**other.target(other_box), "id": f"{partner}/place", "purpose": "linking"}
                where = f", with {other.reading.page} at {other_box.x:.0f}, {other_box.y:.0f}"
                half["body"] = [*_bodies(linked, where if linked.tag == "match" else ""), place]
            yield half

    def _canvas(self, side: int) -> dict[str, Any]:
        return self.canvases[side].canvas([self.side(side, layer) for layer in self.layers])


def differing(collation: Collation) -> Iterator[Linked]:
    """The cells of a collation of two pages that do not agree: what each page has there, and where."""
    addresses = {reading.page: PageAddresses(reading) for reading in collation.readings}
    for cell in collation.cells:
        if cell.state != AGREES:
            a, b = (None if read is None else read.number.box for read in cell.readings)
            if a is not None or b is not None:
                yield Linked(_of_cell(cell, collation, addresses), (a, b), cell.state)


def difference_sentence(collation: Collation) -> str:
    """How many cells of two pages were compared and how many of them are annotated."""
    n_shown = sum(1 for _ in differing(collation))
    how = plural(n_shown, "does not agree and is", "do not agree and are")
    return f"Of {counted(len(collation.cells), 'cell')} in common {n_shown} {how} annotated."


def _of_cell(cell: Cell, collation: Collation, addresses: Mapping[str, PageAddresses]) -> str:
    parts = []
    for witness, read in zip(collation.witnesses, cell.readings, strict=True):
        if read is None:
            parts.append(f"{witness.name} has no number here")
            continue
        address = addresses[read.page].of(read.number)
        parts.append(f"{read.page} has {read.number.printed}" + (f" ({address.words})" if address else ""))
    doubt = "; doubtful: another reading of uncertain digits would change this" if cell.doubtful else ""
    return f"{cell.state}: {'; '.join(parts)}{doubt}"


def _two_targets(layer: AnnotationLayer) -> str:
    return f"{layer.label}, each as one annotation with a target on either page"


def _sentence(match: Match, score: float) -> str:
    bigram = f"{match.bigram}: " if match.bigram else ""
    return f"{bigram}brings {match.relevance:.4f} to the score of {score:.4f}"


def _bodies(linked: Linked, more: str = "") -> list[dict[str, str]]:
    # Viewers such as Mirador take every body for HTML, whatever its format is said to be.
    markup = html.escape(linked.sentence + more, quote=False)
    text = {"type": "TextualBody", "value": markup, "format": "text/html", "language": "en", "purpose": "describing"}
    tag = {"type": "TextualBody", "value": linked.tag, "format": "text/plain", "language": "en", "purpose": "tagging"}
    return [text] if linked.tag == "match" else [text, tag]


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
