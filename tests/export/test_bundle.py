"""A bundle opens on another machine: every link leads inside it, no file names a folder of this one."""

import hashlib
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from corpus.fakes import FakeReader, table, write_scan
from typer.testing import CliRunner

from tablesim.cli import app
from tablesim.errors import ExportError, RunError
from tablesim.export.bundle import inward, write_bundle
from tablesim.export.kinds import BundledScans
from tablesim.workflow import run

NAMES = ("k0_e0", "k0 #ä%", "=\u8868")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundled")
    for shade, name in enumerate(NAMES):
        write_scan(folder / "scans" / f"{name}.png", table(int(name[0] == "="), n_rows=8), shade)
    pytest.importorskip("openpyxl", reason="workbooks need openpyxl, the extra [xlsx]")
    return run(folder / "scans", folder / "run", network=FakeReader())


def unpacked(corpus, folder, **how):
    path = write_bundle(corpus, folder / "bundle.zip", **how)
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        assert all(not name.startswith("/") and ".." not in Path(name).parts for name in packed.namelist())
        packed.extractall(folder / "elsewhere")
    return folder / "elsewhere" / "bundle"


def links(root):
    for file in root.rglob("*.html"):
        for target in re.findall(r"\b(?:href|src)=\"([^\"]*)\"", file.read_text()):
            parts = urlsplit(target.replace("&amp;", "&"))
            if not parts.scheme and not parts.netloc and parts.path:
                yield file, (file.parent / unquote(parts.path)).resolve()


@pytest.mark.parametrize("scans", list(BundledScans))
def test_every_link_leads_to_a_file_of_the_bundle(corpus, tmp_path, scans):
    root = unpacked(corpus, tmp_path, scans=scans)
    found = list(links(root))
    assert len(found) > 20
    assert [target for _, target in found if not target.is_file() or not target.is_relative_to(root)] == []
    n_copies = len(list((root / "scans").glob("*.jpg"))) if (root / "scans").is_dir() else 0
    assert n_copies == (len(NAMES) if scans is BundledScans.web else 0)
    assert (root / "report" / "index.html").is_file()


def test_no_file_names_a_folder_of_this_machine(corpus, tmp_path):
    root = unpacked(corpus, tmp_path, scans=BundledScans.web)
    here = str(corpus.folder.parent).encode()
    for file in root.rglob("*"):
        if file.suffix == ".xlsx":
            with zipfile.ZipFile(file) as book:
                assert not any(here in book.read(name) for name in book.namelist()), file
        elif file.is_file():
            assert here not in file.read_bytes(), file
    (data,) = (json.loads(file.read_text()) for file in (root / "pages").glob("k0_e0.json"))
    assert (root / data["scan"]).is_file()


def test_each_page_with_a_table_has_its_files_and_the_run_its_citations(corpus, tmp_path):
    root = unpacked(corpus, tmp_path, pages=["k0_e0"])
    assert sorted(file.name for file in (root / "pages").iterdir()) == [
        f"k0_e0{suffix}" for suffix in (".csv", ".json", ".tei.xml", ".xlsx")
    ]
    assert {"run.ris", "run.bib", "run.csl.json"} <= {file.name for file in (root / "citations").iterdir()}
    head = (root / "pages.csv").read_text().splitlines()
    assert len(head) == 1 + len(NAMES) and any(line.startswith("'=") for line in head)


def test_the_crate_names_every_file_and_what_made_it(corpus, tmp_path):
    root = unpacked(corpus, tmp_path)
    crate = json.loads((root / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"])
    assert entities["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    top = entities["./"]
    assert {"name", "description", "datePublished", "license"} <= top.keys()
    files = {file["@id"] for file in top["hasPart"]}
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    outside = {name for name in there if not name.startswith("report/")} - {"ro-crate-metadata.json"}
    assert {unquote(name) for name in files} == outside | {"report/"}
    for name in files - {"report/"}:
        data = (root / unquote(name)).read_bytes()
        assert entities[name]["contentSize"] == str(len(data))
        assert entities[name]["sha256"] == hashlib.sha256(data).hexdigest()
    # As rocrate-validator 0.13 asks of the profile ro-crate-1.1, where it does not ask for names of people.
    linked = [
        each
        for entity in crate["@graph"]
        for name, value in entity.items()
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, dict) and name != "conformsTo"
    ]
    assert {"@id": "#reading"} in linked
    assert {each["@id"] for each in linked} <= entities.keys()
    assert not [
        value for entity in crate["@graph"] for value in entity.values() if isinstance(value, list) and len(value) < 2
    ]
    assert entities[top["license"]["@id"]]["@type"] == "CreativeWork"
    assert all(entity.get("name") for entity in crate["@graph"] if entity["@id"] != "ro-crate-metadata.json")
    kinds = {file.get("encodingFormat") for file in crate["@graph"]}
    assert {"application/x-bibtex", "application/x-research-info-systems", "application/json"} <= kinds


def test_nothing_is_overwritten_and_no_page_invented(corpus, tmp_path):
    (tmp_path / "b.zip").write_text("mine")
    with pytest.raises(ExportError, match="already there"):
        write_bundle(corpus, tmp_path / "b.zip")
    with pytest.raises(RunError, match="no page 'x'"):
        write_bundle(corpus, tmp_path / "c.zip", ["x"])
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]
    assert (tmp_path / "b.zip").read_text() == "mine"


def test_the_command_packs_a_bundle(corpus, tmp_path):
    words = ["export", str(corpus.folder), "--bundle", "--out", str(tmp_path / "b.zip"), "k0_e0"]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (0, f"written: {tmp_path / 'b.zip'}\n")


def test_a_link_that_leads_out_is_turned_or_taken_away(tmp_path):
    (tmp_path / "in" / "report").mkdir(parents=True)
    (tmp_path / "in" / "a.css").touch()
    (tmp_path / "out.jpg").touch()
    page = tmp_path / "in" / "report" / "index.html"
    text = (
        '<link href="../a.css"><a href="../../out.jpg">1</a><a href="../../gone.jpg">2</a>'
        '<a href="https://x.org/">3</a><a href="#top">4</a><img src="../../gone.png">'
    )
    copies = {(tmp_path / "out.jpg").resolve(): "scans/o \u00e4.jpg"}
    assert inward(text, page, tmp_path / "in", copies.get) == (
        '<link href="../a.css"><a href="../scans/o%20%C3%A4.jpg">1</a><a data-left-out>2</a>'
        '<a href="https://x.org/">3</a><a href="#top">4</a><img src="data:,">'
    )
