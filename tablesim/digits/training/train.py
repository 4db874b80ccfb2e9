"""Trains the digit network on practice pages (AdamW, averaged weights): resumable, and reproducible on one machine.

Pages are made ahead by worker processes and kept in a pool of fixed length; which pages the pool holds at a step
depends on the step alone, so a training that was killed goes on as if nothing had happened. Crops of annotated pages
can be mixed in, mostly to go on from trained weights; the books they are measured on are never learned from.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tablesim.digits.network import DigitNetwork, NetworkShape, load_weights, save_weights
from tablesim.digits.training.annotated_pages import AnnotatedCrops, AnnotatedPage, Crop, mask, split_by_book
from tablesim.digits.training.growing import grown
from tablesim.digits.training.report import write_training_report
from tablesim.digits.training.targets import TrueDigits, loss, make_targets, true_digits_of
from tablesim.digits.training.validation import ValidationSettings, Validator
from tablesim.errors import SettingsError
from tablesim.files import write_aside
from tablesim.scans.cleaning import clean
from tablesim.synthesis.practice import practice_page

CROP = 256
"""Side of the training crops in working pixels."""

_PAGES_OF_MOMENTS = 12
"""Practice pages on which the norms of a network that grows are set; chosen by eye."""

PAGE_SIDE = 768
"""Side of the practice pages in working pixels."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Everything that decides the outcome of a training.

    Parameters
    ----------
    steps : int
        Updates of the weights.
    batch : int
        Crops of 256 x 256 working pixels an update.
    learning_rate : float
        Highest rate; it rises over the first steps and falls along a cosine.
    seed : int
        First practice page, order of crops, first weights.
    pages_per_step : float
        New practice pages that join the pool with each update.
    pool : int
        Pages that the pool holds at most.
    averaging : float
        Decay of the running average of the weights that is kept in the end.
    annotated_share : float
        Share of the crops that come from annotated pages, where there are any.
    held_out : float
        Share of the annotated books that are measured on and not learned from.
    channels, dilations : tuple of int
        Size of the network: channels at a half, a quarter and an eighth of the working scale, and dilations at an
        eighth. Weights that are gone on from may have fewer dilations: the network then grows.
    precision : str
        "bfloat16" or "float32": in what the network computes while it is trained; weights are kept in float32. The
        first takes half the time where the processor has it.
    start, annotations : str
        Hashes of the weights and of the annotated pages that ``train`` was given; it fills them in.
    """

    steps: int = 12000
    batch: int = 8
    learning_rate: float = 4e-3
    seed: int = 20
    pages_per_step: float = 0.25
    pool: int = 1500
    averaging: float = 0.999
    annotated_share: float = 0.5
    held_out: float = 0.2
    channels: tuple[int, int, int] = (16, 32, 64)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1)
    precision: str = "bfloat16"
    start: str = ""
    annotations: str = ""

    def __post_init__(self) -> None:
        # JSON has lists for tuples.
        for name in ("channels", "dilations"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.channels) != 3 or min(*self.channels, *self.dilations, 1) < 1:
            raise SettingsError(
                f"TrainingSettings: got channels {self.channels} and dilations {self.dilations}, expected three "
                "numbers of channels and any number of dilations, each 1 or more"
            )
        if self.precision not in ("bfloat16", "float32"):
            raise SettingsError(f"TrainingSettings.precision: got {self.precision!r}, expected 'bfloat16' or 'float32'")
        for name in ("steps", "batch", "pool"):
            if getattr(self, name) < 1:
                raise SettingsError(f"TrainingSettings.{name}: got {getattr(self, name)}, expected 1 or more")
        if not 0 < self.learning_rate < 1:
            raise SettingsError(f"TrainingSettings.learning_rate: got {self.learning_rate}, expected between 0 and 1")
        if not 0 < self.annotated_share <= 1:
            raise SettingsError(
                f"TrainingSettings.annotated_share: got {self.annotated_share}, expected more than 0 and at most 1"
            )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrainingSettings:
        """Settings from plain values; SettingsError for a name that does not exist."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise SettingsError(
                f"training settings: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}"
            )
        return cls(**data)

    def pages_at(self, step: int) -> range:
        """Numbers of the practice pages in the pool at ``step``."""
        first = min(self.pool, 4 * self.batch)
        newest = first + math.floor(step * self.pages_per_step)
        return range(max(0, newest - self.pool), newest)


@dataclass(frozen=True)
class PracticePage:
    """Cleaned ink of a practice page, uint8 of shape (side, side), 255 full ink, and its digits."""

    ink: NDArray[np.uint8]
    true_digits: TrueDigits


def make_practice_page(seed: int) -> PracticePage:
    """The practice page of ``seed``, cleaned as a real scan is."""
    scan = practice_page(seed, PAGE_SIDE)
    return PracticePage(
        (clean(scan.grey) * 255).astype(np.uint8), true_digits_of(scan.numbers, scan.unasked, scan.marks)
    )


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """State of a training at a checkpoint: losses are means since the last one.

    ``practice`` and ``held_out`` say how the averaged network reads a few practice pages and a few annotated pages of
    books that are held out: precision, recall and F1 of digits, and the share of numbers that are right.
    """

    step: int
    steps: int
    digits: float
    marks: float
    joins: float
    edges: float
    crops_per_second: float
    practice: dict[str, float] | None = None
    held_out: dict[str, float] | None = None


def train(
    folder: str | Path,
    settings: TrainingSettings | None = None,
    *,
    annotations: Sequence[AnnotatedPage] = (),
    start: str | Path | None = None,
    workers: int = 1,
    threads: int = 1,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    checkpoint_every: int = 250,
    validation: ValidationSettings | None = None,
) -> DigitNetwork:
    """Train a digit network, or go on with the training that ``folder`` holds.

    Parameters
    ----------
    folder : str or Path
        Receives settings.json, checkpoint.pt, metrics.jsonl and in the end digits.safetensors.
    settings : TrainingSettings, optional
        Must equal those of the training in ``folder``, when there is one.
    annotations : sequence of AnnotatedPage
        Pages to learn from beside the practice pages, and of other books to measure on.
    start : str or Path, optional
        Weights to go on from; without them the first weights are drawn by the seed.
    workers : int
        Processes that make practice pages; with 0 they are made in this one. The pages are the same.
    threads : int
        Threads of the network itself. On machines where other work runs, one is often faster than two. The setting of
        torch is as before when the training ends, and so are its random numbers.
    on_progress : callable, optional
        Called at each checkpoint.
    checkpoint_every : int
        Steps between checkpoints.
    validation : ValidationSettings, optional
        On how many pages the network is validated.

    Returns
    -------
    DigitNetwork
        The averaged network, folded: what digits.safetensors holds.

    Raises
    ------
    SettingsError
        ``folder`` holds a training with other settings, or annotations of one book alone leave none to measure on.
    WeightsError
        ``start`` is no file of weights, or the network cannot be calibrated in the end: it was trained too little.
    """
    folder = Path(folder)
    settings = _agree_settings(folder, settings, _hashes(start, annotations))
    learned, held_out = split_by_book(annotations, settings.held_out, settings.seed) if annotations else ([], [])
    validator = Validator(validation or ValidationSettings(), held_out)
    with _torch_state(settings.seed, threads):
        shape = NetworkShape(*settings.channels, settings.dilations)
        network = DigitNetwork(shape, norm=True) if start is None else _begun(start, shape, settings, learned)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.averaging), use_buffers=True
        )
        optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=1e-4)
        parts = {"network": network, "average": average, "optimizer": optimizer}
        step = _resume(folder, parts)
        if start is not None and step == 0:
            # The learning curve begins with the weights that were given: what is forgotten shows too.
            _log(folder, {"step": 0, "steps": settings.steps, **validator.quick(_folded(average))})
        network.train()
        since, sums, started = 0, np.zeros(4), time.monotonic()
        with _page_stream(settings, step, workers, learned) as batches:
            for crops in batches:
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate * _rate(step, settings.steps)
                sums += _update(network, optimizer, crops, settings.precision)
                average.update_parameters(network)
                step, since = step + 1, since + 1
                if step % checkpoint_every == 0 or step == settings.steps:
                    _checkpoint(folder, step, parts)
                    speed = since * settings.batch / (time.monotonic() - started)
                    digits, marks, joins, edges = (float(v) for v in sums / since)
                    measures = validator.quick(_folded(average))
                    progress = TrainingProgress(step, settings.steps, digits, marks, joins, edges, speed, **measures)
                    _log(folder, asdict(progress))
                    if on_progress is not None:
                        on_progress(progress)
                    since, sums, started = 0, np.zeros(4), time.monotonic()
        folded = _folded(average)
        record = {"training": asdict(settings), **validator.examine(folded, start)}
    save_weights(folded, folder / "digits.safetensors", record)
    write_training_report(folder, record)
    return folded


def _begun(
    start: str | Path, shape: NetworkShape, settings: TrainingSettings, annotated: Sequence[AnnotatedPage]
) -> DigitNetwork:
    """The network of a training that goes on from weights, with its norms back, larger where ``shape`` is.

    Weights that only learn a few annotated pages stay folded: norms would follow those pages.
    """
    trained, _ = load_weights(start)
    if annotated and trained.shape == shape:
        return trained
    pages = [make_practice_page(settings.seed * 10_000_000 + number) for number in range(_PAGES_OF_MOMENTS)]
    return grown(trained, shape, [torch.from_numpy(page.ink / np.float32(255))[None, None] for page in pages])


@contextmanager
def _torch_state(seed: int, threads: int) -> Iterator[None]:
    """Torch with this seed and so many threads; its state of before comes back in the end."""
    threads_before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads_before)


def _log(folder: Path, point: dict[str, Any]) -> None:
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(point) + "\n")


def _folded(average: torch.optim.swa_utils.AveragedModel) -> DigitNetwork:
    """The averaged network, folded; the trained one and the random numbers of torch are left untouched."""
    averaged = copy.deepcopy(average.module)
    assert isinstance(averaged, DigitNetwork)
    with torch.random.fork_rng(devices=[]):
        return averaged.eval().folded()


def _hashes(start: str | Path | None, annotations: Sequence[AnnotatedPage]) -> dict[str, str]:
    """Hashes of the weights that a training starts from and of the annotated pages."""
    pages = hashlib.sha256()
    for page in annotations:
        pages.update(repr((page.page, page.book, page.numbers, page.asked.tolist(), page.unasked)).encode())
        pages.update(hashlib.sha256(page.packed).digest())
    weights = Path(start).read_bytes() if start is not None and Path(start).is_file() else b""
    return {
        "start": hashlib.sha256(weights).hexdigest() if start is not None else "",
        "annotations": pages.hexdigest() if annotations else "",
    }


def _agree_settings(folder: Path, settings: TrainingSettings | None, hashes: dict[str, str]) -> TrainingSettings:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "settings.json"
    chosen = replace(settings or TrainingSettings(), start=hashes["start"], annotations=hashes["annotations"])
    if not path.exists():
        text = json.dumps(asdict(chosen), indent=2) + "\n"
        write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))
        return chosen
    before = TrainingSettings.from_dict(json.loads(path.read_text(encoding="utf-8")))
    for name, noun in (("start", "weights to start from"), ("annotations", "annotated pages")):
        if getattr(before, name) != hashes[name]:
            raise SettingsError(f"{folder}: holds a training with other {noun}; give the same, or another folder")
    if settings is not None and chosen != before:
        raise SettingsError(f"{folder}: holds a training with other settings ({before}); choose another folder")
    return before


def _rate(step: int, steps: int) -> float:
    """Share of the highest learning rate: a short rise, then half a cosine down to nothing."""
    rise = max(1, min(300, steps // 10))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _update(
    network: DigitNetwork, optimizer: torch.optim.Optimizer, crops: Sequence[Crop], precision: str
) -> NDArray[np.float64]:
    inks = torch.from_numpy(np.stack([crop.ink for crop in crops]))[:, None]
    targets = mask(make_targets([crop.true_digits for crop in crops], CROP), crops, CROP)
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        maps = network(inks.to(memory_format=torch.channels_last))
    parts = loss(maps, targets)
    optimizer.zero_grad(set_to_none=True)
    parts.total.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 20.0)
    optimizer.step()
    return np.array([part.item() for part in (parts.digits, parts.marks, parts.joins, parts.edges)])


@contextmanager
def _page_stream(
    settings: TrainingSettings, start: int, workers: int, learned: Sequence[AnnotatedPage]
) -> Iterator[Iterator[list[Crop]]]:
    """Batches from ``start`` to the end, from pages that processes make ahead and from annotated ones."""
    first = settings.pages_at(start).start
    last = settings.pages_at(settings.steps).stop
    seeds = (settings.seed * 10_000_000 + number for number in range(first, last))
    annotated = AnnotatedCrops(learned) if learned else None
    if workers < 1:
        yield _batches(settings, start, map(make_practice_page, seeds), annotated)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as processes:
        # imap would read the whole list of seeds ahead; a bounded feed keeps memory flat.
        yield _batches(settings, start, _ahead(processes, seeds, 4 * workers), annotated)


def _ahead(processes: Any, seeds: Iterator[int], depth: int) -> Iterator[PracticePage]:
    waiting: deque[Any] = deque()
    for seed in seeds:
        waiting.append(processes.apply_async(make_practice_page, (seed,)))
        if len(waiting) > depth:
            yield waiting.popleft().get()
    while waiting:
        yield waiting.popleft().get()


def _batches(
    settings: TrainingSettings, start: int, pages: Iterator[PracticePage], annotated: AnnotatedCrops | None
) -> Iterator[list[Crop]]:
    pool: deque[PracticePage] = deque(maxlen=settings.pool)
    n_made = settings.pages_at(start).start
    for step in range(start, settings.steps):
        wanted = settings.pages_at(step)
        while n_made < wanted.stop:
            pool.append(next(pages))
            n_made += 1
        rng = np.random.default_rng([settings.seed, step])
        crops = []
        for _ in range(settings.batch):
            if annotated is not None and rng.random() < settings.annotated_share:
                crop = annotated.draw(rng, CROP)
                crops.append(replace(crop, ink=_toned(crop.ink, rng)))
            else:
                crops.append(_crop(pool[rng.integers(len(pool))], rng))
        yield crops


def _crop(page: PracticePage, rng: np.random.Generator) -> Crop:
    """A crop of a page with its tone changed a little. A crop without a digit is drawn again once."""
    for _ in range(2):
        left, top = (int(v) for v in rng.integers(0, PAGE_SIDE - CROP + 1, 2))
        digits = page.true_digits.cut(left, top, CROP)
        if (digits.values >= 0).any():
            break
    ink = np.asarray(page.ink[top : top + CROP, left : left + CROP] / np.float32(255), dtype=np.float32)
    return Crop(_toned(ink, rng), digits)


def _toned(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Ink stronger or weaker, and now and then grainy."""
    ink = ink ** float(rng.uniform(0.75, 1.35)) * float(rng.uniform(0.8, 1.0))
    if rng.random() < 0.3:
        ink = ink + rng.normal(0, 0.04, ink.shape).astype(np.float32)
    return np.clip(ink, 0, 1).astype(np.float32)


def _checkpoint(folder: Path, step: int, parts: Mapping[str, Any]) -> None:
    state = {"step": step, **{name: part.state_dict() for name, part in parts.items()}}
    write_aside(folder / "checkpoint.pt", lambda aside: torch.save(state, aside))


def _resume(folder: Path, parts: Mapping[str, Any]) -> int:
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])
