"""What is fuzzed: for each kind of file good ones to begin with, and what reads it."""

from __future__ import annotations

import csv
import io
import json
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from bilrp.exceptions import BilrpError
from tablesim.errors import TablesimError

Parse = Callable[[Path], object]
Prepare = Callable[[Path], tuple[Sequence[bytes], Parse]]
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
MAX_PIXELS = 2_000_000
LONGEST = 2000
"""Letters of a message."""


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Parameters
    ----------
    suffix : str
        Of its name.
    prepare : callable
        Gives good files and what reads one, in the process that reads; may keep things in the folder it gets.
    words : sequence of bytes
        Words of the format, which are put in.
    expected : tuple of exceptions
        What a reader may raise.
    names_file : bool
        Whether every error has to name the file.
    """

    suffix: str
    prepare: Prepare
    words: Sequence[bytes] = ()
    expected: tuple[type[Exception], ...] = (TablesimError,)
    names_file: bool = True


def wrong_with(parse: Parse, path: Path, target: Target) -> str:
    """What is wrong with how a file is read, its place in the first line; empty where nothing is."""
    try:
        parse(path)
    except target.expected as error:
        text = str(error)
        where = _place(error)
        if path.name not in text and target.names_file:
            return f"{where} does not name the file\n{text}"
        if len(text) > LONGEST:
            return f"{where} says {len(text)} letters\n{text[:3000]}"
        if any((ord(sign) < 32 and sign not in "\n\t") or 127 <= ord(sign) < 160 for sign in text):
            return f"{where} says control characters\n{text!r}"
    except (Exception, RecursionError) as error:
        return f"{_place(error)} {type(error).__name__}\n{traceback.format_exc()}"
    return ""


def _place(error: BaseException) -> str:
    """The last place in the project's own code that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/tablesim/" in frame.filename or "/bilrp/" in frame.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}"


def _picture(mode: str = "L", size: tuple[int, int] = (48, 40)) -> Image.Image:
    grey = np.random.default_rng(0).integers(0, 255, (size[1], size[0]), np.uint8)
    return Image.fromarray(grey).convert(mode)


def _saved(form: str, mode: str = "L", **options: object) -> bytes:
    file = io.BytesIO()
    _picture(mode).save(file, form, **options)
    return file.getvalue()


def _images(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.scans.images import load_scan

    forms = [
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "L"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("WEBP", "RGB"),
        ("GIF", "P"),
    ]
    forms += [("BMP", "RGB"), ("PPM", "L"), ("JPEG2000", "L"), ("PNG", "I;16"), ("PNG", "1"), ("AVIF", "RGB")]
    seeds = []
    for form, mode in forms:
        try:
            seeds.append(_saved(form, mode))
        except (KeyError, OSError, ValueError):
            continue  # not in this Pillow
    return seeds, lambda path: load_scan(path, MAX_PIXELS)


def _tiffs(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.scans import tiff
    from tablesim.scans.images import load_scan
    from tablesim.scans.locator import Locator

    more = [_picture(), _picture("1")]
    seeds = [_saved("TIFF", mode, save_all=True, append_images=more) for mode in ("L", "RGB", "1", "I;16")]
    seeds += [_saved("TIFF", "1", compression="group4"), _saved("TIFF", "L", compression="tiff_lzw")]
    seeds += [_saved("TIFF", "L", big_tiff=True), _saved("TIFF", "RGB", compression="jpeg")]

    def parse(path: Path) -> None:
        tiff.count_pages(path)
        for number in (None, 2, 3):
            try:
                load_scan(path if number is None else Locator(path, number), MAX_PIXELS)
            except TablesimError:
                if number == 3:
                    raise

    return seeds, parse


def _pdfs(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.scans import pdf

    text = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Rotate 90/Contents 4 0 R>>endobj "
        b"4 0 obj<</Length 20>>stream\n0 0 50 50 re f\nendstream endobj\ntrailer<</Root 1 0 R>>\n"
    )
    seeds = [
        _saved("PDF", "L"),
        _saved("PDF", "1"),
        _saved("PDF", "RGB", save_all=True, append_images=[_picture()]),
        text,
    ]

    def parse(path: Path) -> None:
        for number in range(1, min(pdf.count_pages(path), 3) + 1):
            pdf.open_page(path, number, MAX_PIXELS)

    return seeds, parse


def _metadata(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.scans.metadata import match_lines, read_metadata

    text = (SAMPLE / "metadata.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[:12]
    pages = [row[0] for row in rows[1:]]
    short = "\n".join(text.splitlines()[:12])
    semi = "sep=;\r\n" + "\r\n".join(";".join(row) for row in rows)
    seeds = [short.encode(), semi.encode("utf-16"), semi.encode("latin-1", "replace"), _sheet(rows)]

    def parse(path: Path) -> None:
        match = match_lines(read_metadata(path), pages)
        (match.summary(), *match.remarks())

    return seeds, parse


def _sheet(rows: Iterable[Sequence[str]]) -> bytes:
    """A workbook under the name of a CSV, as people hand them in."""
    try:
        from openpyxl import Workbook
    except ImportError:
        return b"PK\x03\x04"
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


_CANVAS_2 = {
    "@id": "https://a.example/c1", "@type": "sc:Canvas", "label": "1r", "width": 900, "height": 1200,
    "images": [{"@type": "oa:Annotation", "motivation": "sc:painting", "resource": {
        "@id": "https://a.example/1/full/full/0/default.jpg", "@type": "dctypes:Image", "width": 900, "height": 1200,
        "service": {"@id": "https://a.example/1", "profile": "http://iiif.io/api/image/2/level1.json"}}}],
}  # fmt: skip
_CANVAS_3 = {
    "id": "https://a.example/c1", "type": "Canvas", "label": {"none": ["1r"]}, "width": 900, "height": 1200,
    "items": [{"type": "AnnotationPage", "items": [{"type": "Annotation", "motivation": "painting", "body": {
        "type": "Choice", "items": [{"id": "https://a.example/1/full/max/0/default.jpg", "type": "Image",
        "service": [{"id": "https://a.example/1", "type": "ImageService3", "profile": "level2"}]}]}}]}],
}  # fmt: skip
MANIFESTS = [
    {"@context": "http://iiif.io/api/presentation/2/context.json", "@id": "https://a.example/m", "@type": "sc:Manifest",
     "label": "Tabulae", "metadata": [{"label": "Date", "value": "1553"}], "attribution": "A",
     "sequences": [{"canvases": [_CANVAS_2, _CANVAS_2]}]},
    {"@context": "http://iiif.io/api/presentation/3/context.json", "id": "https://a.example/m", "type": "Manifest",
     "label": {"en": ["Tables"]}, "metadata": [{"label": {"en": ["Date"]}, "value": {"none": ["1553"]}}],
     "items": [_CANVAS_3, _CANVAS_3]},
    {"id": "https://a.example/k", "type": "Collection", "label": {"none": ["K"]},
     "items": [{"id": "https://a.example/m", "type": "Manifest", "label": {"none": ["M"]}}]},
    {"@id": "https://a.example/k", "@type": "sc:Collection", "members": [{"@id": "https://a.example/m"}],
     "manifests": [{"@id": "https://a.example/m", "@type": "sc:Manifest"}], "first": "https://a.example/p1"},
]  # fmt: skip
INFOS = [
    {"@id": "https://a.example/1", "width": 900, "height": 1200, "profile": ["http://iiif.io/api/image/2/level1.json",
     {"maxWidth": 600, "formats": ["jpg"]}], "sizes": [{"width": 90, "height": 120}],
     "tiles": [{"width": 256, "scaleFactors": [1, 2, 4]}]},
    {"id": "https://a.example/1", "type": "ImageService3", "width": 900, "height": 1200, "profile": "level0",
     "maxArea": 10000, "sizes": [{"width": 90, "height": 120}],
     "tiles": [{"width": 256, "height": 128, "scaleFactors": [1]}]},
]  # fmt: skip


def _manifests(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.scans import canvases, iiif

    def parse(path: Path) -> None:
        found = iiif.read_presentation(path, path.name)
        if isinstance(found, iiif.Manifest):
            for job in canvases._jobs(found, None):
                canvases._metadata(job)
            assert found.slug

    return [json.dumps(value).encode() for value in MANIFESTS], parse


def _infos(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.scans.iiif import parse_json
    from tablesim.scans.image_api import ImageInfo

    def parse(path: Path) -> None:
        info = ImageInfo.of(parse_json(path, path.name))
        for region in ("full", "10,20,300,400", "pct:5,5,50.5,90"):
            if region != "full":
                info.pixels(region)
            for rotation in (0, 90):
                info.in_one_piece(region, rotation, MAX_PIXELS)
        tiling = info.tiling(MAX_PIXELS)
        assert tiling is None or len(tiling.tiles) < 100_000

    return [json.dumps(value).encode() for value in INFOS], parse


def _corrections(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.digits.corrections import read_corrections

    seed = (
        b"page,sha256,x,y,width,height,read,correct,who,when,reason\np1,"
        + b"4f" * 32
        + (
            b",2430,3558,44,55,24,29,A. Reader,2026-03-02,the 9 is broken\n"
            b"p2,,310,120,90,40,69,,A,2026-03-02T10:15:00+01:00,\n"
        )
    )
    return [seed, seed.replace(b",", b";")], read_corrections


def _table_decisions(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.corpus.corrections.table_decisions import read_table_decisions

    return [
        b"page,sha256,is_table,who,when,reason\np1,,no,A,2026-03-02,a title\np2,,as read,A,,\n"
    ], read_table_decisions


def _labels(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.corpus.evaluation.labels import read_labels

    return [(SAMPLE / "labels.csv").read_bytes()[:600]], read_labels


def _annotations(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.digits.training.annotations import read_annotations

    seeds = [
        b"page,x,y,width,height,correct\np1,10,10,30,40,12\np1,50,10,30,40,3\n",
        b'file,xywh,element_label\np1.jpg,"xywh=10,10,30,40",4\np1.jpg,"xywh=50,10,30,40",7\n',
    ]
    return seeds, read_annotations


def _ground_truth(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.digits.training.annotations import read_annotations

    return [PAGE, ALTO], read_annotations


def _truths(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.digits.evaluation.transcription import read_truth

    truths = sorted((SAMPLE / "truth").glob("*.json"), key=lambda path: path.stat().st_size)[:2]
    return [path.read_bytes() for path in truths], read_truth


def _transcriptions(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.digits.evaluation.transcription import read_truth

    return [path.read_bytes()[:1500] for path in sorted((SAMPLE / "truth").glob("*.txt"))[:4]], read_truth


PAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageWidth="900" imageHeight="1200">
<TableRegion id="t"><TextRegion id="c"><Roles><TableCellRole rowIndex="0" columnIndex="1"/></Roles>
<TextLine id="l"><Coords points="10,10 60,10 60,40 10,40"/><Word id="w"><Coords points="10,10 60,10 60,40 10,40"/>
<TextEquiv index="1" conf="0.9"><Unicode>45</Unicode></TextEquiv></Word></TextLine></TextRegion></TableRegion>
<TableRegion id="u"><TableCell row="0" col="2"><TextLine id="m"><Coords points="80,10 90,40"/><TextEquiv><Unicode>7 12
</Unicode></TextEquiv></TextLine></TableCell></TableRegion></Page></PcGts>"""
ALTO = b"""<?xml version="1.0"?><alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Tags>
<StructureTag ID="r0" TYPE="row" LABEL="0"/><StructureTag ID="c0" TYPE="column" LABEL="0"/></Tags><Layout>
<Page WIDTH="900" HEIGHT="1200"><PrintSpace><ComposedBlock TYPE="table"><TextBlock TAGREFS="r0 c0"><TextLine>
<String CONTENT="45" HPOS="10" VPOS="10" WIDTH="50" HEIGHT="30" WC="0.9"/></TextLine></TextBlock></ComposedBlock>
<TextBlock><TextLine><String CONTENT="12" HPOS="80" VPOS="10" WIDTH="50" HEIGHT="30"/></TextLine></TextBlock>
</PrintSpace></Page></Layout></alto>"""
WORDS_OF_XML = (b"<Word>", b"</Word>", b'row="-1"', b'points=""', b"<!DOCTYPE a>", b"&#0;", b"&x;", b"<a>" * 500)


def _witness(suffix: str, *seeds: bytes) -> Target:
    """A page as another program or a person read it."""

    def prepare(folder: Path) -> tuple[Sequence[bytes], Parse]:
        from tablesim.digits.other_readings import reading_from_file

        return seeds, reading_from_file

    return Target(suffix, prepare, WORDS_OF_XML if suffix == ".xml" else ())


def _weights(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.digits.network import DigitNetwork, NetworkShape, load_weights, save_weights

    path = folder / "seed.safetensors"
    save_weights(DigitNetwork(NetworkShape(half=2, quarter=2, eighth=2, dilations=(1,))), path, {"calibration": {}})
    return [path.read_bytes()], load_weights


def _relevance(folder: Path) -> tuple[Sequence[bytes], Parse]:
    import torch

    import bilrp

    path = folder / "seed.npz"
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.ReLU(), torch.nn.Flatten())
    image = torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    joint = bilrp.BiLRP(model, "epsilon").explain(image, image)
    joint.save(path, overwrite=True)
    return [path.read_bytes()], bilrp.JointRelevance.load


def _queries(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.corpus.search.number_query import parse_numbers
    from tablesim.scans.dates import read_date

    def parse(path: Path) -> None:
        text = path.read_bytes().decode("utf-8", "replace")[:2000]
        read_date(text)
        read_date(text, months=True)
        parse_numbers(text)

    return [
        b"0 24 / 0 48",
        b"39;1 39;20",
        b"3/8 * ? 1*",
        "MDCVIII. c. 1553, 5°24'3\"".encode(),
        b"[between 1541 and 1543?]",
    ], parse


DISHAS = {
    "title": "Sinus", "source_value_original": {"template": {"args": [{"ncells": 1}], "entries": [{"ncells": 2}]},
    "args": {"argument1": [{"value": ["1"], "comment": "", "suggested": False}, {"value": ["2"]}]},
    "entry": [{"value": ["1", "02"], "comment": "", "suggested": False}, {"value": ["2", "**"]}]},
}  # fmt: skip


def _config(folder: Path) -> tuple[Sequence[bytes], Parse]:
    from tablesim.cli.config import checked_options, read_config

    def parse(path: Path) -> None:
        for command, table in read_config(path, ["run", "read", "search"]).items():
            checked_options(path, command, table, ["workers", "out", "metadata", "top", "json"])

    return [b'[run]\nworkers = 4\nmetadata = "m.csv"\n[search]\ntop = 5\n', b"run.workers = 2\n"], parse


TARGETS = {
    "images": Target(".jpg", _images),
    "tiff": Target(".tif", _tiffs),
    "pdf": Target(".pdf", _pdfs, (b"/Count 999999", b"/Kids[2 0 R]", b"/MediaBox[0 0 1e9 1e9]", b"/UserUnit 1e9")),
    "metadata": Target(".csv", _metadata, (b"page,", b"year", "m\u00fcnchen".encode(), b'","', b"sep=|\n")),
    "manifests": Target(".json", _manifests),
    "infos": Target(".json", _infos),
    "corrections": Target(".csv", _corrections),
    "table-decisions": Target(".csv", _table_decisions),
    "labels": Target(".csv", _labels),
    "annotations": Target(".csv", _annotations),
    "truths": Target(".json", _truths),
    "ground-truth": Target(".xml", _ground_truth, WORDS_OF_XML),
    "config": Target(".toml", _config, (b"[[run]]", b"[run.x]", b"'''", b"1979-05-27")),
    "transcriptions": Target(".txt", _transcriptions, (b"||", b"|", b"?", b" 1/2 ")),
    "page-xml": _witness(".xml", PAGE),
    "alto": _witness(".xml", ALTO),
    "witness-jsonl": _witness(
        ".jsonl", b'{"text": "45", "box": [10, 10, 50, 30]}\n{"text": "7", "row": 1, "column": 2}\n'
    ),
    "witness-json": _witness(".json", json.dumps(DISHAS).encode(), json.dumps([DISHAS, DISHAS]).encode()),
    "witness-csv": _witness(".csv", b"text,row,column\n45,1,1\n7,1,2\n", b"1,2,3\n4,5,6\n"),
    "weights": Target(".safetensors", _weights),
    "relevance": Target(".npz", _relevance, expected=(BilrpError, OSError)),
    "queries": Target(".txt", _queries, (b"*", b"/", b";", b"?"), names_file=False),
}
