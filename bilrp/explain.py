"""The one-call entry: why does this model, or these two, find these two inputs alike?"""

from __future__ import annotations

import copy
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from bilrp._engine.progress import Progress
from bilrp._trace.chunks import DEFAULT_MEMORY
from bilrp._trace.recorder import frozen_eval
from bilrp.batches import explain_batch
from bilrp.calmer import calmer
from bilrp.canonizers import DEFAULT_CANONIZERS, Canonizer
from bilrp.certificate import MAX_AMPLIFICATION, attest
from bilrp.composites import Auto, Composite
from bilrp.composites.auto import STRONGER, is_open
from bilrp.estimates import CostEstimate
from bilrp.evaluation.laws import randomized_weights
from bilrp.exceptions import BilrpError, DoubtfulExplanationWarning, InputError
from bilrp.factors import SIMILARITIES, Factor, inverse_norm
from bilrp.inputs import ModelInput, Tower, bind, is_same, joined, read, require_dense
from bilrp.joint import JointRelevance
from bilrp.outputs import Relevance, estimate_outputs, explain_outputs, settled_on
from bilrp.rules import Rule
from bilrp.tasks import Task
from bilrp.tasks import summed_axis as summed_axis
from bilrp.text import sentence_transformer

SIDES = ("left", "right")
CompositeLike = str | Composite | Mapping[str, Rule] | None


class BiLRP:
    r"""Explains the similarity of two inputs under a model as relevance of pairs of their features.

    Parameters
    ----------
    model : nn.Module, or a method of one
        Maps a batch, such as images (N, C, H, W), to embeddings (N, M). It is run in evaluation mode and left as it
        was found: parameters, training mode, hooks, ``requires_grad``.
    right_tower : nn.Module, or a method of one, optional
        Embeds the second input, where that is of another kind: ``BiLRP(image_tower, text_tower)``, or
        ``BiLRP(clip.encode_image, clip.encode_text)``. Both must end in as many dimensions. Without it the second
        place may hold the composite.
    composite : str, Composite, dict or None
        Which rule where: a name of `bilrp.COMPOSITES`, a `Composite`, or ``{layer name: rule}``. Layers that a dict
        does not name get LRP-0 when linear, the winner when max pooling, pass when element-wise.
    similarity : {"dot", "cosine"}
        :math:`\phi \cdot \phi'`, or the same divided by both norms, which are held fixed.
    projection : Tensor of shape (K, M), optional
        Explains the similarity of projected embeddings; see `bilrp.features.random_projection`. For embeddings of
        thousands of dimensions, as cost grows with M.
    canonizers : sequence of callable
        Default: batch normalisation folded.
    memory : int
        Bytes that the travelling relevance may take; it chooses how many dimensions travel together. Results do not
        depend on it.
    progress : bool or callable
        Gets how many of how many outputs of a side are done; True writes a line on the standard error.

    Notes
    -----
    :math:`R_{ij} = \sum_m \mathrm{LRP}_m(x)_i \, \mathrm{LRP}_m(x')_j`, which is a composition of ordinary LRP passes:
    2 M of them, never one for each pair [Eberle2022]_. With LRP-0 in a bias-free ReLU network it equals the Hessian
    times the product of the inputs.

    References
    ----------
    .. [Eberle2022] Eberle, Büttner, Kräutli, Müller, Valleriani, Montavon. Building and interpreting deep similarity
       models. IEEE TPAMI 44(3), 2022.

    Examples
    --------
    >>> import torch
    >>> from bilrp.rules import Gamma, ZBox
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    >>> explainer = BiLRP(model, {"0": ZBox(0.0, 1.0), "3": Gamma(0.1)})
    >>> joint = explainer.explain(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8), bias="distribute")
    >>> joint.pool(4).matrix().shape
    torch.Size([2, 2, 2, 2])
    """

    def __init__(
        self,
        model: Tower,
        right_tower: Tower | CompositeLike = None,
        composite: CompositeLike = None,
        *,
        right_composite: CompositeLike = None,
        similarity: str = "dot",
        projection: Tensor | None = None,
        relevance_of: str | int | None = None,
        right_relevance_of: str | int | None = None,
        canonizers: Sequence[Canonizer] = DEFAULT_CANONIZERS,
        memory: int = DEFAULT_MEMORY,
        progress: Progress | bool = False,
    ) -> None:
        if similarity not in SIMILARITIES:
            raise InputError(f"similarity is {similarity!r}, expected 'dot' or 'cosine'")
        if isinstance(right_tower, type) or not (right_tower is None or callable(right_tower)):
            right_tower = Composite.ensure(right_tower)  # type: ignore[arg-type]  # refuses what is none
        if right_tower is None or isinstance(right_tower, (str, Composite, Mapping)):
            if right_tower is not None and composite is not None:
                raise InputError(f"got two composites, {right_tower!r} and {composite!r}, expected one and two towers")
            composite, right_tower = right_tower if composite is None else composite, None
            if right_composite is not None:
                raise InputError("right_composite is given, but no right tower: BiLRP(left_tower, right_tower, ...)")
        elif right_composite is None and not isinstance(composite, Mapping):
            right_composite = composite
        self.model = model
        self.composite = Composite.ensure(composite)
        self.right_tower = right_tower
        self.right_composite = self.composite if right_tower is None else Composite.ensure(right_composite)
        self.similarity = similarity
        self.projection = projection
        self.relevance_of = relevance_of
        self.right_relevance_of = relevance_of if right_tower is None else right_relevance_of
        self.canonizers = tuple(canonizers)
        self.memory = memory
        self.progress = progress
        self._chosen: dict[tuple[str, str], Composite] = {}  # what "auto" chose for a side, with biases left or shared

    @classmethod
    def from_sentence_transformer(cls, model: nn.Module, composite: CompositeLike = None, **settings: Any) -> BiLRP:
        """An explainer of texts from a ``SentenceTransformer``: ``explain("a cat", "a kitten")``.

        Parameters
        ----------
        model : sentence_transformers.SentenceTransformer
        composite : str, Composite, dict or None
            Layers are called ``model.…``.
        **settings
            As for `BiLRP`; the similarity is the cosine unless said otherwise.
        """
        return cls(sentence_transformer(model), composite=composite, **{"similarity": "cosine", **settings})

    def explain_texts(self, x: str, y: str, **settings: Any) -> JointRelevance:
        """The joint relevance of two texts, for encoders with a tokenizer (`bilrp.text`); settings as in `explain`.

        Tokens stay with the result: see `JointRelevance.words`, and ``top_pairs(names=True)``.
        """
        return self.explain(x, y, **settings)

    def explain(
        self,
        x: ModelInput,
        y: ModelInput,
        *,
        bias: str = "leave",
        keep_channels: bool = False,
        channel_axis: int | None = None,
        pool: int | None = None,
        tokens: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
    ) -> JointRelevance:
        """The joint relevance of one pair.

        Parameters
        ----------
        x, y : Tensor of shape (1, C, H, W) and (1, C, H', W')
            Any shape that the model takes, with a batch axis of 1. Integer inputs are token numbers: their relevance
            is that of their vectors, summed. A model of several inputs gets a tuple by place or a dict by name, such
            as ``{"input_ids": ids, "attention_mask": mask}``; one of them is explained (``relevance_of``), the others
            are held fixed. Texts are for encoders with a tokenizer (`bilrp.text`).
        bias : {"leave", "distribute"}
            Biases keep their share, which `JointRelevance.bias_share` states; or it is shared over the inputs of each
            layer in proportion to abs(z_jk).
        keep_channels : bool
            Keep the channel axis instead of summing over it.
        channel_axis : int, optional
            Which axis of the input the channels are on. Default: 1 for images, -1 for ``inputs_embeds``. Of three axes,
            a sound (1, C, T) or vectors in a sequence (1, T, D), it is what the first layer reads as features; where
            that cannot be told, an error asks. Inputs of two axes (1, F) have none.
        pool : int, optional
            The same as ``explain(x, y).pool(pool)``, several times faster for convolutional networks and large tiles:
            the relevance of tiles is found without maps of full resolution (`bilrp._engine.tiled`), as far up as it
            pays: through convolutions, pooling, sums, entry-wise operations. Of an image and a text it is the image's.
        tokens : (sequence of str or None, sequence of str or None)
            The tokens of each side, kept with the result.

        Returns
        -------
        JointRelevance

        Raises
        ------
        UnsupportedOperationError
            When relevance reaches an operation without a rule.

        Notes
        -----
        ``composite="auto"`` settles by a trial of each side, for all pairs. Where the parts of a pair cancel
        nevertheless, to less than a hundredth, stronger rules are tried for this pair alone; the certificate
        says which were taken, or why none helps. Factors that are joined by ``@`` keep the rules of their side.
        """
        settings: dict[str, Any] = {"bias": bias, "keep_channels": keep_channels, "channel_axis": channel_axis}
        sides = (x, "left", tokens[0]), (y, "right", tokens[1])
        pools = [pool if pool is None or self._has_pixels(sample, side) else None for sample, side, _ in sides]
        if pool is not None and pools == [None, None]:
            pools = [pool, pool]  # refused with the reason
        self._settle([(x, "left"), (y, "right")], bias)

        def explained(stronger: int) -> JointRelevance:
            left, right = (
                self._factor(sample, side, stronger, pool=size, tokens=names, **settings)
                for (sample, side, names), size in zip(sides, pools, strict=True)
            )
            return left @ right

        joint = self._calmed(explained, bias)
        attest(joint.certificate, joint.coverages, joint.embeddings)
        return joint

    def explain_pairs(
        self,
        x: Tensor | Sequence[ModelInput],
        y: Tensor | Sequence[ModelInput],
        *,
        bias: str = "leave",
        keep_channels: bool = False,
        channel_axis: int | None = None,
        pool: int | None = None,
    ) -> list[JointRelevance]:
        """The joint relevance of each pair (x[n], y[n]) of N and N inputs; arguments as in `explain`.

        Parameters
        ----------
        x, y : Tensor of shape (N, ...), or sequences of N inputs
            A sample that stands in several pairs, such as one query beside many candidates, is explained once.
        bias, keep_channels, channel_axis, pool
            As in `explain`.

        Returns
        -------
        list of JointRelevance
        """
        for samples in (x, y):
            if isinstance(samples, Tensor):
                require_dense(samples)
            elif isinstance(samples, str) or not isinstance(samples, Sequence):
                raise InputError(
                    f"explain_pairs: got {type(x).__name__} and {type(y).__name__}, expected two tensors (N, ...) or "
                    f"two lists of inputs. Use explain for one pair."
                )
        if (isinstance(x, Tensor) and not x.dim()) or (isinstance(y, Tensor) and not y.dim()):
            raise InputError("explain_pairs: got a single number, expected two tensors (N, ...)")
        if len(x) != len(y):
            raise InputError(f"explain_pairs: got {len(x)} and {len(y)} samples, expected as many of each")
        settings: dict[str, Any] = {"bias": bias, "keep_channels": keep_channels, "channel_axis": channel_axis}
        known: dict[tuple[str, int], list[tuple[ModelInput, Factor]]] = defaultdict(list)

        def factor(sample: ModelInput, side: str, stronger: int) -> Factor:
            seen = known["left" if self.right_tower is None else side, stronger]
            for other, explained in seen:
                if is_same(other, sample):
                    return explained
            own = pool if self.right_tower is None or self._has_pixels(sample, side) else None
            explained = self._factor(sample, side, stronger, pool=own, **settings)
            seen.append((sample, explained))
            return explained

        def pair(left: ModelInput, right: ModelInput, stronger: int) -> JointRelevance:
            return factor(left, "left", stronger) @ factor(right, "right", stronger)

        first, second = (samples.split(1) if isinstance(samples, Tensor) else samples for samples in (x, y))
        joints = [self._calmed(partial(pair, left, right), bias) for left, right in zip(first, second, strict=True)]
        for joint in joints:
            attest(joint.certificate, joint.coverages, joint.embeddings)
        return joints

    def factor(
        self,
        x: ModelInput,
        *,
        side: str = "left",
        bias: str = "leave",
        keep_channels: bool = False,
        channel_axis: int | None = None,
        pool: int | None = None,
        tokens: Sequence[str] | None = None,
    ) -> Factor:
        """One side of the explanation, for all pairs of this input: ``explainer.factor(x) @ explainer.factor(y)``.

        Parameters
        ----------
        x : Tensor, tuple or mapping
        side : {"left", "right"}
            Which tower embeds it, where there are two.
        bias, keep_channels, channel_axis, pool
            As in `explain`.
        tokens : sequence of str, optional
            Of a text, kept with the result.

        Returns
        -------
        Factor
        """
        if side not in SIDES:
            raise InputError(f"side is {side!r}, expected 'left' or 'right'")
        settings: dict[str, Any] = {"bias": bias, "keep_channels": keep_channels, "channel_axis": channel_axis}
        return self._factor(x, side, 0, pool=pool, tokens=tokens, **settings)

    def _factor(
        self,
        x: ModelInput,
        side: str,
        stronger: int,
        *,
        bias: str,
        keep_channels: bool,
        channel_axis: int | None,
        pool: int | None,
        tokens: Sequence[str] | None = None,
    ) -> Factor:
        """`factor`, by rules of ``"auto"`` that are so many levels stronger than those that it chose."""
        self._settle([(x, side)], bias)
        task = self._task(x, side, keep_channels, channel_axis, pool)
        composite = self._settled(side, bias, stronger)
        with task.understood():
            settings = {**self._settings(task, side, bias), "composite": composite}
            explained = explain_outputs(task.model, task.carrier, **settings, warn=False, progress=self.progress)
        return self._finished(explained, task, composite, bias, tokens)

    def _calmed(self, explained: Callable[[int], JointRelevance], bias: str) -> JointRelevance:
        """The explanation of a pair; by stronger rules of ``"auto"`` where the parts of its similarity cancel."""
        joint = explained(0)
        choosing = [side for side in SIDES if is_open(self._side(side)[1])]
        if choosing and joint.certificate.amplification > MAX_AMPLIFICATION:
            joint = calmer(joint, explained, lambda n: self._settled(choosing[0], bias, n).name, len(STRONGER))
        return joint

    def randomization_test(
        self, x: Tensor, y: Tensor, *, bias: str = "leave", pool: int = 1, seed: int = 0
    ) -> JointRelevance:
        """``explain(x, y)`` with the test that its certificate then states: what is left of it under other weights.

        The weights are shuffled layer by layer from the top (`bilrp.evaluation.randomized_weights`): an explanation of
        what a network has learned falls far below 1. It costs an explanation for each layer.

        Parameters
        ----------
        x, y : Tensor
        bias : {"leave", "distribute"}
        pool : int
            Explanations are compared over tiles of this size; the result is that of full resolution.
        seed : int
            Of the shuffling.

        Returns
        -------
        JointRelevance
            ``certificate.randomization`` gives the agreement (cosine) by layer, from the top down.

        Raises
        ------
        InputError
            When there are two towers.
        """
        if self.right_tower is not None or not isinstance(self.model, nn.Module):
            raise InputError("randomization_test: got two towers or a method, expected one torch.nn.Module for both.")
        joint = self.explain(x, y, bias=bias)

        def other(model: nn.Module) -> BiLRP:
            explainer = copy.copy(self)  # what "auto" chose stays
            explainer.model = model
            return explainer

        with warnings.catch_warnings():  # shuffled weights explain nothing
            warnings.simplefilter("ignore", DoubtfulExplanationWarning)
            left = randomized_weights(other, self.model, x, y, tile=pool, seed=seed)
        return replace(joint, settings={**(joint.settings or {}), "randomization": left})

    def estimate(
        self, x: ModelInput, y: ModelInput | None = None, *, bias: str = "leave", pool: int | None = None
    ) -> CostEstimate:
        """What ``explain(x, y)`` will take in time and memory; without ``y`` what ``factor(x)`` will.

        Parameters
        ----------
        x, y : Tensor, tuple or mapping
            As for `explain`.
        bias, pool
            As for `explain`.

        Returns
        -------
        CostEstimate
            From counted multiply-adds, and two of the M explanations of each side, which are timed.
        """
        sides = [(x, "left")] if y is None else [(x, "left"), (y, "right")]
        self._settle(sides, bias)
        whole: CostEstimate | None = None
        for sample, side in sides:
            task = self._task(sample, side, False, None, pool)
            with task.understood():
                one = estimate_outputs(task.model, task.carrier, **self._settings(task, side, bias))
            whole = one if whole is None else whole + one
        assert whole is not None
        return whole

    def factors(
        self,
        inputs: Iterable[ModelInput],
        *,
        side: str = "left",
        bias: str = "leave",
        keep_channels: bool = False,
        channel_axis: int | None = None,
        pool: int | None = None,
        batch_size: int = 1,
    ) -> Iterator[Factor]:
        """The factor of each of many inputs, one after the other: a stream, of which nothing is held.

        Parameters
        ----------
        inputs : iterable of Tensor, tuple or mapping
            Each one sample with its batch axis, of any size.
        side, bias, keep_channels, channel_axis, pool
            As in `factor`.
        batch_size : int
            How many neighbouring inputs of one shape go through the model together. The numbers are the same, but for
            what operations kept, which is then given for all together. Models that mix their samples are explained one
            by one whatever is given, as are tiles (``pool``) of images.

        Yields
        ------
        Factor
            In the order of the inputs. `bilrp.save_factors` writes them to a folder, `bilrp.all_pairs` joins them.
        """
        if batch_size < 1:
            raise InputError(f"batch_size is {batch_size}, expected one or more")
        settings = keep_channels, channel_axis, pool
        group: list[Task] = []
        for x in inputs:
            self._settle([(x, side)], bias)
            task = self._task(x, side, *settings)
            if group and not task.joins(group[0]):
                yield from self._together(group, side, bias)
                group = []
            group.append(task)
            if len(group) >= batch_size:
                yield from self._together(group, side, bias)
                group = []
        yield from self._together(group, side, bias)

    def _together(self, tasks: list[Task], side: str, bias: str) -> Iterator[Factor]:
        """The factors of inputs of one shape: in one pass where the model keeps them apart, one by one where not."""
        if len(tasks) > 1 and not tasks[0].tiles_alone:
            try:
                with frozen_eval(tasks[0].model, tasks[0].carrier.device):
                    first, last = (task.model(task.carrier.detach().clone()) for task in (tasks[0], tasks[-1]))
                batch = joined([task.inputs for task in tasks])
                tower, _, relevance_of = self._side(side)
                model, carrier, _ = bind(tower, batch, relevance_of)
                explained = explain_batch(
                    model,
                    carrier,
                    (first, last),
                    self._settled(side, bias),
                    bias=bias,
                    projection=self.projection,
                    reduce=tasks[0].reduce,
                    canonizers=self.canonizers,
                    memory=self.memory,
                )
            except (BilrpError, TypeError, ValueError, RuntimeError, IndexError):
                pass  # one by one they work, or fail with an error of their own
            else:
                composite = self._settled(side, bias)
                yield from (self._finished(e, task, composite, bias) for e, task in zip(explained, tasks, strict=True))
                return
        for task in tasks:
            yield self.factor(task.inputs, side=side, bias=bias, tokens=task.tokens, **task.settings)

    def _side(self, side: str) -> tuple[Tower, Composite, str | int | None]:
        if side == "left" or self.right_tower is None:
            return self.model, self.composite, self.relevance_of
        return self.right_tower, self.right_composite, self.right_relevance_of

    def _settle(self, samples: Sequence[tuple[ModelInput, str]], bias: str) -> None:
        """Let ``"auto"`` choose by the first inputs of each tower; all further ones get the same."""
        levels: dict[str, list[int]] = {}
        for x, side in samples:
            side = "left" if self.right_tower is None else side
            composite = self._side(side)[1]
            if isinstance(composite, Auto) and is_open(composite) and (side, bias) not in self._chosen:
                task = self._task(x, side, True, None, None)
                settings: dict[str, Any] = {"projection": self.projection, "canonizers": self.canonizers}
                with task.understood():
                    chosen = settled_on(task.model, task.carrier, composite, bias=bias, **settings)
                levels.setdefault(side, []).append(chosen.level or 0)
        for side, found in levels.items():
            composite = self._side(side)[1]
            assert isinstance(composite, Auto)
            self._chosen[side, bias] = composite.at(max(found))

    def _settled(self, side: str, bias: str, stronger: int = 0) -> Composite:
        composite = self._chosen.get(("left" if self.right_tower is None else side, bias), self._side(side)[1])
        if stronger and isinstance(composite, Auto) and is_open(self._side(side)[1]):
            return composite.at(min((composite.level or 0) + stronger, len(STRONGER)))
        return composite

    def _task(self, x: ModelInput, side: str, keep_channels: bool, channel_axis: int | None, pool: int | None) -> Task:
        tower, _, relevance_of = self._side(side)
        return Task.of(tower, x, relevance_of, keep_channels, channel_axis, pool)

    def _settings(self, task: Task, side: str, bias: str) -> dict[str, Any]:
        """How one input is explained."""
        return {
            "composite": self._settled(side, bias),
            "bias": bias,
            "projection": self.projection,
            "pool": task.pool if task.tiles_alone else None,
            "reduce": None if task.tiles_alone else task.reduce,
            "canonizers": self.canonizers,
            "memory": self.memory,
        }

    def _finished(
        self, explained: Relevance, task: Task, composite: Composite, bias: str, tokens: Sequence[str] | None = None
    ) -> Factor:
        settings: dict[str, Any] = {"composite": composite.name, "bias": bias, "similarity": self.similarity}
        if task.axis not in (None, 1):
            settings["channel_axis"] = task.axis
        if isinstance(provenance := getattr(task.tower, "provenance", None), str):
            settings["model"] = provenance
        scale = inverse_norm(explained.embedding, self.similarity)
        return Factor(
            explained.values * scale if self.similarity == "cosine" else explained.values,
            explained.embedding * scale,
            explained.coverage,
            task.pool or 1,
            settings,
            tokens=task.tokens if tokens is None else tuple(tokens),
        )

    def _has_pixels(self, x: ModelInput, side: str) -> bool:
        tower, _, relevance_of = self._side(side)
        carrier = bind(tower, read(tower, x)[0], relevance_of)[1]
        return carrier.is_floating_point() and carrier.dim() >= 4
