"""Draws the rooms of both packages and the imports between them, read from the code, as ``docs/rooms.svg``.

Run ``python docs/draw_rooms.py`` after a room was added or an import between rooms changed; a test holds the picture
equal to the code. An arrow is left out where a longer way of arrows says the same (transitive reduction).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parent.parent
PICTURE = REPOSITORY / "docs" / "rooms.svg"
SOURCES = sorted((*REPOSITORY.glob("tablesim/**/*.py"), *REPOSITORY.glob("bilrp/**/*.py")))

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 132, 40, 36, 42, 24
"""Size of a box, white beside and below it, and white around the picture, in pixels."""


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, module: str, *, package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported anywhere in a module, functions and conditions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = module.split(".")
                up = up[: len(up) - node.level + (1 if package else 0)]
                base = ".".join([*up, base] if base else up)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node.lineno, first.value


def module_arrows() -> dict[str, set[str]]:
    """For each module the modules of both packages that it imports; a package that is imported is its ``__init__``."""
    modules = {module_of(path) for path in SOURCES}
    arrows: dict[str, set[str]] = {}
    for path in SOURCES:
        module = module_of(path)
        names = {
            name for _, name in imports(ast.parse(path.read_text("utf-8")), module, package="__init__" in path.name)
        }
        # `from package import name` names a module, or something in the package.
        found = {name if name in modules else name.rpartition(".")[0] for name in names} & modules
        arrows[module] = found - {module}
    return arrows


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Sets of modules that import each other, by Tarjan's strongly connected components."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(arrows[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = [*stack[stack.index(node) :]]
            del stack[stack.index(node) :]
            if len(component) > 1:
                components.append(sorted(component))

    for node in sorted(arrows):
        if node not in index:
            visit(node)
    return sorted(components)


def room_of(module: str) -> str | None:
    """The room a module lies in; None for what belongs to the package as a whole."""
    parts = module.split(".")
    if parts[0] == "bilrp":
        return "bilrp"
    return parts[1] if len(parts) > 1 and parts[1] not in ("__main__", "version") else None


def room_arrows() -> dict[str, set[str]]:
    """For each room the rooms that it imports."""
    rooms: dict[str, set[str]] = {}
    for module, others in module_arrows().items():
        if (room := room_of(module)) is not None:
            rooms.setdefault(room, set()).update({there for other in others if (there := room_of(other))} - {room})
    return rooms


def reduced(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows without those that a longer way says too."""

    def below(node: str) -> set[str]:
        return set().union(*({other, *below(other)} for other in arrows[node]))

    return {
        node: {other for other in others if not any(other in below(between) for between in others - {other})}
        for node, others in arrows.items()
    }


def floors(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The rooms by how many rooms lie below them on the longest way, the lowest floor first."""
    depth: dict[str, int] = {}

    def height(node: str) -> int:
        if node not in depth:
            depth[node] = 1 + max((height(other) for other in arrows[node]), default=-1)
        return depth[node]

    return [sorted(node for node in arrows if height(node) == at) for at in range(1 + max(map(height, arrows)))]


def draw() -> bytes:
    """The picture as SVG: a box a room, floor upon floor, an arrow to each room that it imports directly."""
    arrows = room_arrows()
    levels = floors(arrows)
    whole = max(len(level) for level in levels) * (WIDTH + ACROSS) - ACROSS + 2 * MARGIN
    tall = len(levels) * (HEIGHT + DOWN) - DOWN + 2 * MARGIN
    corner = {}
    for at, level in enumerate(reversed(levels)):
        left = (whole - len(level) * (WIDTH + ACROSS) + ACROSS) / 2
        for room in level:
            corner[room] = left, MARGIN + at * (HEIGHT + DOWN)
            left += WIDTH + ACROSS
    svg = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {whole:g} {tall:g}",
        width=f"{whole:g}",
        height=f"{tall:g}",
    )
    ElementTree.SubElement(svg, "title").text = "The rooms of tablesim and bilrp, and which imports which"
    marker = {"id": "tip", "viewBox": "0 0 8 8", "refX": "8", "refY": "4", "markerWidth": "7", "markerHeight": "7"}
    defs = ElementTree.SubElement(svg, "defs")
    tip = ElementTree.SubElement(defs, "marker", marker, orient="auto")
    ElementTree.SubElement(tip, "path", d="M0 0 L8 4 L0 8 z", fill="#777")
    ElementTree.SubElement(svg, "rect", width="100%", height="100%", fill="white")
    for room, others in sorted(reduced(arrows).items()):
        for other in sorted(others):
            (x0, y0), (x1, y1) = corner[room], corner[other]
            start, end = (x0 + WIDTH / 2, y0 + HEIGHT), (x1 + WIDTH / 2, y1)
            bend = (end[1] - start[1]) / 2
            ways = (start, (start[0], start[1] + bend), (end[0], end[1] - bend), end)
            first, *rest = (f"{x:g} {y:g}" for x, y in ways)
            path = f"M{first} C{' '.join(rest)}"
            ElementTree.SubElement(svg, "path", {"marker-end": "url(#tip)"}, d=path, fill="none", stroke="#777")
    for room, (x, y) in sorted(corner.items()):
        fill = "#fdeedd" if room == "bilrp" else "#e8eef7"
        box = {"x": f"{x:g}", "y": f"{y:g}", "width": str(WIDTH), "height": str(HEIGHT), "rx": "5"}
        ElementTree.SubElement(svg, "rect", box, fill=fill, stroke="#446")
        middle = {"x": f"{x + WIDTH / 2:g}", "y": f"{y + HEIGHT / 2 + 5:g}", "text-anchor": "middle"}
        label = ElementTree.SubElement(svg, "text", {**middle, "font-family": "sans-serif", "font-size": "15"})
        label.text = room
    ElementTree.indent(svg)
    return ElementTree.tostring(svg, encoding="utf-8") + b"\n"


if __name__ == "__main__":
    PICTURE.write_bytes(draw())
    print(f"written: {PICTURE.relative_to(REPOSITORY)}")
