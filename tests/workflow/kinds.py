"""Tables of one kind in several editions, each over two pages, for the tests of what tells them apart."""

from corpus.fakes import FakeReader, write_scan
from evidence.pages import declinations

from tablesim.workflow import run

TILTS = (23.0, 23.5, 24.0)
EDITIONS = 3


def run_of_kinds(folder):
    """Three tables of one kind in three editions, each over two pages: b1_t0_p10, b1_t0_p11, b2_t0_p10, ..."""
    for at, tilt in enumerate(TILTS):
        for copy in range(EDITIONS):
            rows = declinations(tilt)
            for page, part in enumerate((rows[:16], rows[16:])):
                noisy = [row[:] for row in part]
                noisy[(at + copy) % 10][2] = str(60 + copy)
                write_scan(
                    folder / "scans" / f"b{copy}_t{at}_p{10 + page}.png", noisy, shade=100 * at + 10 * copy + page
                )
    (folder / "meta.csv").write_text(
        "page,book\n"
        + "".join(f"b{c}_t{t}_p{p},b{c}_t{t}\n" for c in range(EDITIONS) for t in range(len(TILTS)) for p in (10, 11))
    )
    return run(folder / "scans", folder / "run", metadata=folder / "meta.csv", network=FakeReader())
