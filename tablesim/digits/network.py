"""The digit network: a fully convolutional network from the ink of a page to maps of the ten digits and of marks.

It works at a quarter and an eighth of the working scale of a page and answers at half of
it; a page of any size is read in one pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from tablesim.errors import WeightsError
from tablesim.files import write_aside
from tablesim.records.marks import MARKS

STRIDE = 2
"""Working pixels a cell of the digit maps."""

ATTRIBUTE_STRIDE = 4
"""Working pixels a cell of the attribute maps."""

DIGIT_HEIGHT = 18.0
"""Usual height in working pixels of the digits that the network is trained on; distances are learned in this unit."""

_PADDING = 8
"""Working pixels to whose multiple a page is padded: a cell of the coarsest maps."""

_FORMAT = "tablesim-digits-3"

N_JOINS, N_EDGES = 4, 4
"""Channels of the attribute maps."""

_N_PEAKS = 4 * (10 + len(MARKS))
"""Channels that four by four become the maps of digits and marks."""


class DigitMaps(NamedTuple):
    """The maps of N pages of (height, width) working pixels, as logits and distances.

    Attributes
    ----------
    digits : Tensor of shape (N, 10, ceil(height / 2), ceil(width / 2))
        Logits of a digit with this value having its middle in the cell.
    marks : Tensor of shape (N, 12, ceil(height / 2), ceil(width / 2))
        Logits of a mark of this kind (`records.marks.MARKS`) having its middle in the cell.
    joins : Tensor of shape (N, 4, ceil(height / 4), ceil(width / 4))
        Logits, to be read at a digit's middle: its number goes on to the left, to the right, and inside the number a
        point or comma follows it, or a thin space that sets thousands apart.
    edges : Tensor of shape (N, 4, ceil(height / 4), ceil(width / 4))
        To be read at the middle of a digit or mark: distance to its left, top, right and bottom edge, in units of
        DIGIT_HEIGHT.
    """

    digits: Tensor
    marks: Tensor
    joins: Tensor
    edges: Tensor


class CellMaps(NamedTuple):
    """The same maps as the network computes them: at a quarter of the working scale, four positions in each cell.

    To set the four beside each other, as `DigitMaps` has them, takes longer than to search them as they are.

    Attributes
    ----------
    digits : Tensor of shape (N, 10, 4, h, w)
        Positions of a cell in the order upper left, upper right, lower left, lower right.
    marks : Tensor of shape (N, 12, 4, h, w)
    joins, edges : Tensors of shape (N, 4, h, w)
    size : tuple of int
        Height and width of the maps of digits; cells beyond them are padding.
    """

    digits: Tensor
    marks: Tensor
    joins: Tensor
    edges: Tensor
    size: tuple[int, int]

    @classmethod
    def of(cls, maps: DigitMaps) -> CellMaps:
        """The cells of maps; where their sides are odd, with padding that is no peak."""
        height, width = maps.digits.shape[-2:]

        def cells(of_kinds: Tensor) -> Tensor:
            padded = functional.pad(of_kinds, (0, width % 2, 0, height % 2), value=-torch.inf)
            apart: Tensor = functional.pixel_unshuffle(padded, 2).unflatten(1, (-1, 4))
            return apart

        return cls(cells(maps.digits), cells(maps.marks), maps.joins, maps.edges, (height, width))

    def page(self, n: int) -> CellMaps:
        """The maps of the n-th page of a batch, as a batch of one."""
        page = slice(n, n + 1)
        return CellMaps(self.digits[page], self.marks[page], self.joins[page], self.edges[page], self.size)

    def to(self, device: str) -> CellMaps:
        """The maps on another device."""
        digits, marks, joins, edges = (one.to(device) for one in (self.digits, self.marks, self.joins, self.edges))
        return CellMaps(digits, marks, joins, edges, self.size)


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """Channels at a half, a quarter and an eighth of the working scale, and the dilations at an eighth."""

    half: int = 16
    quarter: int = 32
    eighth: int = 64
    dilations: tuple[int, ...] = (1, 2, 4)


class _Convolution(nn.Sequential):
    """Convolution, normalised while training, then ReLU where asked."""

    def __init__(
        self, before: int, after: int, kernel: int, *, stride: int = 1, dilation: int = 1, norm: bool, relu: bool = True
    ) -> None:
        padding = dilation * (kernel // 2)
        parts: list[nn.Module] = [
            nn.Conv2d(before, after, kernel, stride, padding, dilation=dilation, bias=not norm),
        ]
        if norm:
            parts.append(nn.BatchNorm2d(after))
        if relu:
            parts.append(nn.ReLU())
        super().__init__(*parts)


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input (He et al., CVPR 2016)."""

    def __init__(self, channels: int, dilation: int, norm: bool) -> None:
        super().__init__()
        self.first = _Convolution(channels, channels, 3, dilation=dilation, norm=norm)
        self.second = _Convolution(channels, channels, 3, dilation=dilation, norm=norm, relu=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Maps of shape (N, channels, h, w) to maps of the same shape."""
        total: Tensor = self.relu(x + self.second(self.first(x)))
        return total


class DigitNetwork(nn.Module):
    """Maps of the ten digits of a page.

    Parameters
    ----------
    shape : NetworkShape
        Numbers of channels.
    norm : bool
        With batch normalisation, for training; ``folded`` gives the plain network that is kept.
    """

    def __init__(self, shape: NetworkShape | None = None, norm: bool = False) -> None:
        super().__init__()
        self.shape = shape or NetworkShape()
        half, quarter, eighth = self.shape.half, self.shape.quarter, self.shape.eighth
        self.at_half = _Convolution(1, half, 5, stride=2, norm=norm)
        self.at_quarter = nn.Sequential(
            _Convolution(half, quarter, 3, stride=2, norm=norm),
            ResidualBlock(quarter, 1, norm),
            ResidualBlock(quarter, 1, norm),
        )
        self.at_eighth = nn.Sequential(
            _Convolution(quarter, eighth, 3, stride=2, norm=norm),
            *[ResidualBlock(eighth, dilation, norm) for dilation in self.shape.dilations],
        )
        self.back = _Convolution(eighth, quarter, 1, norm=norm, relu=False)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.joined = ResidualBlock(quarter, 1, norm)
        self.head = nn.Conv2d(quarter, _N_PEAKS + N_JOINS + N_EDGES, 1)
        self.shuffle = nn.PixelShuffle(2)
        # Digits are rare: start at a probability of 0.01 for each, or false positives dominate the first steps.
        with torch.no_grad():
            self.head.get_parameter("bias")[:_N_PEAKS] = -4.6

    @property
    def reach(self) -> int:
        """How far in working pixels, a multiple of `_PADDING`, ink may lie from what it has an influence on."""
        # Half, quarter and eighth of the scale: a cell beside is 1, 2, 4 and 8 pixels away.
        down, back = 2 + 2 + 4 * 4 + 4, 8 + 2 * 4
        reach = down + 2 * 8 * sum(self.shape.dilations) + back
        return -(-reach // _PADDING) * _PADDING

    def forward(self, ink: Tensor) -> DigitMaps:
        """Maps of pages.

        Parameters
        ----------
        ink : Tensor of shape (N, 1, height, width)
            0 bare paper, 1 full ink, as ``scans.clean`` gives it.
        """
        height, width = ink.shape[-2:]
        out = self.head(self._joined(ink))
        peaks = self.shuffle(out[:, :_N_PEAKS])[:, :, : -(-height // 2), : -(-width // 2)]
        rest = out[:, _N_PEAKS:, : -(-height // 4), : -(-width // 4)]
        return DigitMaps(peaks[:, :10], peaks[:, 10:], rest[:, :N_JOINS], rest[:, N_JOINS:])

    def cells(self, ink: Tensor) -> CellMaps:
        """The same for reading: ``forward`` without setting the peaks of each cell beside each other.

        The last layer is a product of matrices, whose result lies map by map, as it is searched.
        """
        height, width = ink.shape[-2:]
        joined = self._joined(ink)
        weight, bias = self.head.weight.flatten(1), self.head.get_parameter("bias")
        out = torch.baddbmm(bias[None, :, None], weight.expand(len(ink), -1, -1), joined.flatten(2))
        out = out.unflatten(2, joined.shape[-2:])
        peaks = out[:, :_N_PEAKS].unflatten(1, (-1, 4))
        rest = out[:, _N_PEAKS:, : -(-height // 4), : -(-width // 4)]
        size = -(-height // 2), -(-width // 2)
        return CellMaps(peaks[:, :10], peaks[:, 10:], rest[:, :N_JOINS], rest[:, N_JOINS:], size)

    def _joined(self, ink: Tensor) -> Tensor:
        """The maps before the head, of shape (N, quarter, h, w)."""
        height, width = ink.shape[-2:]
        padded = functional.pad(ink, (0, -width % _PADDING, 0, -height % _PADDING))
        quarter = self.at_quarter(self.at_half(padded))
        joined: Tensor = self.joined(quarter + self.up(self.back(self.at_eighth(quarter))))
        return joined

    @torch.no_grad()
    def folded(self) -> DigitNetwork:
        """The same network without normalisation: each batch norm folded into its convolution."""
        plain = DigitNetwork(self.shape, norm=False)
        plain.eval()
        for mine, theirs in zip(_convolutions(self), _convolutions(plain), strict=True):
            convolution, target = mine[0], theirs[0]
            assert isinstance(convolution, nn.Conv2d) and isinstance(target, nn.Conv2d)
            norm = mine[1] if len(mine) > 1 else None
            if isinstance(norm, nn.BatchNorm2d):
                fused = nn.utils.fusion.fuse_conv_bn_eval(convolution.eval(), norm.eval())
                target.load_state_dict(fused.state_dict())
            else:
                target.load_state_dict(convolution.state_dict())
        plain.head.load_state_dict(self.head.state_dict())
        return plain


def _convolutions(network: DigitNetwork) -> list[_Convolution]:
    return [module for module in network.modules() if isinstance(module, _Convolution)]


def save_weights(network: DigitNetwork, path: str | Path, record: dict[str, object]) -> None:
    """Write plain weights with what is needed to use them and to know where they come from.

    Parameters
    ----------
    network : DigitNetwork
        Without normalisation.
    path : str or Path
        A safetensors file; replaced whole or not at all.
    record : dict
        Training settings, measures, calibration: plain JSON values.
    """
    metadata = {"format": _FORMAT, "shape": json.dumps(asdict(network.shape)), "record": json.dumps(record)}
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    write_aside(Path(path), lambda aside: save_file(tensors, str(aside), metadata))


def sizes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each of some named tensors."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def load_weights(path: str | Path) -> tuple[DigitNetwork, dict[str, object]]:
    """The network in a weights file, ready to read, and its record.

    Raises
    ------
    WeightsError
        The file is missing, damaged or not made for this network.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise WeightsError(f"{path}: this is no file of weights; give the path of a .safetensors file")
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such weights file; give the path of a .safetensors file")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error}); fetch it again") from error
    if metadata.get("format") != _FORMAT:
        raise WeightsError(
            f"{path}: its format is {metadata.get('format')!r}, expected {_FORMAT!r}; make weights with: tablesim train"
        )
    try:
        shape = json.loads(metadata["shape"])
        shape["dilations"] = tuple(shape["dilations"])
        with torch.device("meta"):
            # Memory is taken for no larger network than the one whose weights are there.
            described = DigitNetwork(NetworkShape(**shape)).state_dict()
        if sizes_of(described) != sizes_of(tensors):
            raise ValueError("other tensors, or tensors of other sizes, than it has")
        network = DigitNetwork(NetworkShape(**shape))
        network.load_state_dict(tensors)
        record = json.loads(metadata["record"])
    except (KeyError, TypeError, ValueError, RuntimeError, ArithmeticError, RecursionError) as error:
        raise WeightsError(
            f"{path}: its weights do not fit the network it describes ({error}); fetch it again, or train anew"
        ) from error
    network.eval()
    # In the memory layout of the images: converting the weights for each page took about a tenth of the time.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, record
