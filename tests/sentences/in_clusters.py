"""What recomputes the sentences of the page of a group."""

from __future__ import annotations

from sentences.saying import Said, says


@says(r"^Cluster (\d+) (\d+) pages?", "clusters")
def cluster_heading(said: Said) -> None:
    assert said.number(1) == said.at.cluster
    assert said.number(2) == len(said.run.clusters[said.number(1)])


@says(r"^Cluster (\d+)\b")
def cluster_named(said: Said) -> None:
    assert said.number() in said.run.several


@says(
    r"(All its|[\d,]+ of its) ([\d,]+) pages? carr(?:y|ies) table (\d+), (?:verified cell by cell|as people said|verified cell by cell or said by people)"
)
def of_cluster(said: Said) -> None:
    here = [p for p in said.run.clusters[said.at.cluster or 0] if p not in said.run.copies]
    on = [p for p in here if p in said.run.on_table(said.number(3))]
    assert said.number(2) == len(here)
    assert len(on) == (len(here) if said[1] == "All its" else int(said[1].split()[0]))


@says(r"(\d+) more (?:scans? )?(?:is|are) byte for byte (?:the same as|the scan of)", "clusters")
def copies_of_cluster(said: Said) -> None:
    here = said.run.clusters[said.at.cluster or 0]
    assert said.number() == sum(page in said.run.copies for page in here)


@says(r"Its (\d+) pages are of the same kind; no two were shown to carry the same table\.")
def kind_of_cluster(said: Said) -> None:
    here = [p for p in said.run.clusters[said.at.cluster or 0] if p not in said.run.copies]
    assert said.number() == len(here) and all(said.run.table_of(p) is None for p in here)


@says(r"(\d+) pages? of it (?:is|are) of the same kind, not shown to carry the same table\.")
def more_of_kind(said: Said) -> None:
    here = [p for p in said.run.clusters[said.at.cluster or 0] if p not in said.run.copies]
    assert said.number() == sum(said.run.table_of(p) is None for p in here)


@says(r"Of the same kind: clusters? ([\d, ]+)\.")
def other_clusters(said: Said) -> None:
    kind = {said.run.clustered[p]["kind"] for p in said.run.clusters[said.at.cluster or 0]}
    others = {
        line["cluster"] for line in said.run.clustered.values() if line["kind"] in kind and line["cluster"] is not None
    }
    assert {int(n) for n in said[1].split(", ")} == others - {said.at.cluster}


@says(
    r"Stability ([01]\.\d\d): when the pages are read again with the reader's doubt, this cluster and the one then most like it share ([01]\.\d\d) of their pages"
)
def stability(said: Said) -> None:
    (stored,) = {said.run.clustered[p]["stability"] for p in said.run.clusters[said.at.cluster or 0]}
    assert said[1] == said[2] == f"{stored:.2f}"


@says(r"between (\d+) and (\d+)$", "clusters")
def axis(said: Said) -> None:
    years = [y for p in said.run.read for y in (said.run.date(p).first, said.run.date(p).last) if y is not None]
    assert said.numbers == [min(years), max(years)]


@says(r"^(\d{3,4})$", "overview")
@says(r"^(\d{3,4})$", "clusters")
def year_on_axis(said: Said) -> None:
    years = [y for p in said.run.read for y in (said.run.date(p).first, said.run.date(p).last) if y is not None]
    assert min(years) - 100 <= said.number() <= max(years) + 100


@says(r"^⟨page⟩, (\d{3,4})$")
def dated(said: Said) -> None:
    assert said[2] == said.run.date(said.page(1)).shown


@says(r"^(\d+) clusters? of two pages and more\.")
def n_groups(said: Said) -> None:
    assert said.number() == len(said.run.several)


@says(r"^(\d+) pages?, to sort by a column")
def n_pages(said: Said) -> None:
    assert said.number() == len(said.run.rows)


@says(r"(?:^|, )([^,()]+) \((\d+)\)", "clusters")
def place_of_cluster(said: Said) -> None:
    here = said.run.clusters[said.at.cluster or 0]
    assert said.number(2) == sum(said.run.rows[page]["place"] == said[1] for page in here)


@says(r"(\d{1,2}) \((\d+\.\d) % of its digits, (\d+\.\d) % elsewhere\)", "clusters")
def sets_apart(said: Said) -> None:
    from tablesim.records.bins import BIN_NAMES

    here = said.run.clusters[said.at.cluster or 0]
    elsewhere = [page for pages in said.run.clusters.values() for page in pages if page not in here]
    at = BIN_NAMES.index(said[1])
    for group, pages in ((2, here), (3, elsewhere)):
        counts = sum(said.run.histogram(page) for page in pages)
        assert abs(float(said[group]) - 100 * counts[at] / counts.sum()) < 0.06, 100 * counts[at] / counts.sum()
