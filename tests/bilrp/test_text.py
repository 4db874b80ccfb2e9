"""Texts: tokens kept, sub-words merged, spans found; encoders with a tokenizer explained in one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP, Coverage, InputError, JointRelevance
from bilrp.text import POOLINGS, sentence_model, two_towers
from bilrp.tokens import is_special, merged_spans, token_slice, word_spans

WORDS = ["[PAD]", "[CLS]", "[SEP]", "the", "cat", "kit", "##ten", "sleeps", "is", "asleep", ".", "dog", "##s"]


class FakeTokenizer:
    """Splits at blanks, and the words of its list into sub-words."""

    model_max_length = 9

    def __call__(self, text: str, **settings: Any) -> dict[str, Tensor]:
        pieces = ["[CLS]"]
        for word in text.split():
            pieces += {"kitten": ["kit", "##ten"], "dogs": ["dog", "##s"]}.get(word, [word])
        if settings.get("truncation"):
            pieces = pieces[: settings["max_length"] - 1]
        ids = torch.tensor([[WORDS.index(piece) for piece in [*pieces, "[SEP]"]]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [WORDS[i] for i in ids]


class Hidden(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.layer = nn.Embedding(len(WORDS), 8), nn.Linear(8, 4, bias=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        hidden = self.layer(self.table(input_ids))
        return {"last_hidden_state": hidden, "pooler_output": hidden[:, 0]}


class Picture(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 4, bias=False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        out: Tensor = self.head(torch.relu(self.conv(pixel_values)).mean((2, 3)))
        return out


class Clip(nn.Module):
    """The methods that models of images and texts have in transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.vision, self.text = Picture(), Hidden()

    def get_image_features(self, pixel_values: Tensor) -> Tensor:
        out: Tensor = self.vision(pixel_values)
        return out

    def get_text_features(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        pooled = self.text(input_ids, attention_mask)["last_hidden_state"].mean(1)
        return {"pooler_output": pooled}


class FakeProcessor:
    tokenizer = FakeTokenizer()

    def __call__(self, images: Any, **settings: Any) -> dict[str, Tensor]:
        return {"pixel_values": torch.full((1, 3, 8, 8), float(images), dtype=torch.float64)}


@pytest.fixture
def encoder() -> nn.Module:
    torch.manual_seed(0)
    return sentence_model(Hidden().double(), FakeTokenizer())


def test_two_texts_in_one_line(encoder: nn.Module) -> None:
    joint = BiLRP(encoder, similarity="cosine").explain_texts("the kitten sleeps .", "the cat is asleep .")
    assert joint.left_tokens == ("[CLS]", "the", "kit", "##ten", "sleeps", ".", "[SEP]")
    assert joint.right.shape == (4, 7)
    with torch.no_grad():
        phi, other = (encoder(**encoder.read(t)[0]) for t in ("the kitten sleeps .", "the cat is asleep ."))
    assert joint.similarity == pytest.approx(float(torch.cosine_similarity(phi, other)))
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-6)
    words = joint.words()
    assert words.left_tokens == ("[CLS]", "the", "kitten", "sleeps", ".", "[SEP]")
    torch.testing.assert_close(words.matrix()[2], joint.matrix()[2:4].sum(0))
    assert words.total() == pytest.approx(joint.total())
    left, right, value = words.top_pairs(1, names=True)[0]
    assert value == pytest.approx(float(words.matrix().max()))
    assert (left, right) in {(a, b) for a in words.left_tokens or () for b in words.right_tokens or ()}


def test_spans_by_their_words(encoder: nn.Module) -> None:
    joint = BiLRP(encoder).explain("the kitten sleeps .", "the cat is asleep .")
    table = joint.matrix()
    assert joint.between("kitten", "is asleep") == pytest.approx(float(table[2:4, 3:5].sum()))
    torch.testing.assert_close(joint.given("The Kitten"), table[1:4].sum(0))
    torch.testing.assert_close(joint.given((1, 4)), joint.given(slice(1, 4)))
    torch.testing.assert_close(joint.given(4), table[4])
    torch.testing.assert_close(joint.words().given("kitten").sum(), joint.given("kitten").sum())
    with pytest.raises(InputError, match=r"'dog' do not stand in: \[CLS\] the kitten sleeps"):
        joint.given("dog")
    with pytest.raises(InputError, match=r"'the' stand at \(1, 2\), \(3, 4\)"):
        BiLRP(encoder).explain("the cat the dog", "the cat").given("the")
    with pytest.raises(InputError, match="no tokens: give"):
        JointRelevance(joint.left, joint.right, *[joint.left[:, 0]] * 2, Coverage(()), Coverage(())).given("the")


def test_special_tokens_are_said(encoder: nn.Module) -> None:
    joint = BiLRP(encoder).explain("the cat", "the kitten")
    table = joint.matrix()
    content = float(table[1:-1, 1:-1].sum())
    assert joint.special_share == pytest.approx(1 - content / joint.total())
    dropped = joint.words(special="drop")
    assert dropped.right_tokens == ("the", "kitten") and dropped.total() == pytest.approx(content)
    assert dropped.settings is not None
    assert dropped.settings["dropped_special"] == pytest.approx(joint.special_share)
    with pytest.raises(InputError, match="special is 'hide'"):
        joint.words(special="hide")


def test_pooling_means_words_and_spans_for_texts(encoder: nn.Module) -> None:
    joint = BiLRP(encoder).explain("the kitten sleeps", "the cat")
    with pytest.raises(InputError, match=r"Tokens are put together by words\(\) or merge_spans"):
        joint.pool(2)
    merged = joint.merge_spans(left=[(1, 4)])
    assert merged.left_tokens == ("[CLS]", "the kit ##ten", "sleeps", "[SEP]")
    torch.testing.assert_close(merged.matrix()[1], joint.matrix()[1:4].sum(0))
    with pytest.raises(InputError, match="without overlap"):
        joint.merge_spans(left=[(1, 4), (3, 5)])


def test_a_factor_of_a_text_has_its_tokens(encoder: nn.Module) -> None:
    explainer = BiLRP(encoder)
    f, g = explainer.factors(["the kitten", "the cat sleeps ."])
    assert f.tokens == ("[CLS]", "the", "kit", "##ten", "[SEP]")
    assert f.words(special="drop").tokens == ("the", "kitten")
    torch.testing.assert_close((f @ g).matrix(), explainer.explain("the kitten", "the cat sleeps .").matrix())
    assert (f @ g).right_tokens == g.tokens


def test_a_text_that_is_too_long_is_cut_and_said(encoder: nn.Module) -> None:
    with pytest.warns(UserWarning, match="a text of 12 tokens is cut to 9"):
        factor = BiLRP(encoder).factor("the cat sleeps " * 3 + "the")
    assert factor.shape == (9,) and factor.tokens is not None and factor.tokens[-1] == "[SEP]"


@pytest.mark.parametrize("name", [*POOLINGS, "pooler"])
def test_poolings(name: str) -> None:
    torch.manual_seed(1)
    model = Hidden().double()
    encoder = sentence_model(model, FakeTokenizer(), name)
    inputs = {"input_ids": torch.tensor([[0, 1, 3, 4, 2, 0]]), "attention_mask": torch.tensor([[0, 1, 1, 1, 1, 0]])}
    hidden = model(**inputs)["last_hidden_state"][0]
    expected = {
        "mean": hidden[1:5].mean(0),
        "cls": hidden[1],
        "last": hidden[4],
        "max": hidden[1:5].amax(0),
        "pooler": hidden[0],
    }[name]
    torch.testing.assert_close(encoder(**inputs)[0], expected)
    factor = BiLRP(encoder).factor(inputs)
    torch.testing.assert_close(factor.total(), factor.embedding, rtol=1e-6, atol=1e-9)
    if name != "pooler":
        assert float(factor.values[:, [0, 5]].abs().max()) == 0


def test_an_image_and_a_text_of_one_model() -> None:
    torch.manual_seed(0)
    explainer = BiLRP(*two_towers(Clip().double(), FakeProcessor()), similarity="cosine")
    joint = explainer.explain(0.5, "the kitten", pool=4)  # type: ignore[arg-type]
    assert joint.left.shape == (4, 2, 2) and joint.right_tokens == ("[CLS]", "the", "kit", "##ten", "[SEP]")
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-5)
    assert joint.between((0, 0, 4, 8), "kitten") == pytest.approx(float(joint.matrix()[:, 0, 2:4].sum()))
    with pytest.raises(InputError, match="Picture has no get_image_features"):
        two_towers(Picture(), FakeProcessor())


def test_what_cannot_be_read_is_refused(encoder: nn.Module) -> None:
    with pytest.raises(InputError, match=r"Hidden has no tokenizer\. Use bilrp"):
        BiLRP(Hidden()).explain_texts("the cat", "the cat")
    with pytest.raises(InputError, match="got int, expected a text"):
        BiLRP(encoder).factor(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="pooling is 'sum', expected one of mean, cls"):
        sentence_model(Hidden(), FakeTokenizer(), "sum")
    with pytest.raises(InputError, match="Hidden has no tokenizer: expected a SentenceTransformer"):
        BiLRP.from_sentence_transformer(Hidden())


def test_pairs_of_texts_explain_each_text_once(encoder: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    plain = bilrp.explain.explain_outputs
    monkeypatch.setattr(bilrp.explain, "explain_outputs", lambda *a, **k: passes.append(1) or plain(*a, **k))
    query, others = "the cat", ["the kitten", "the dog", "the cat"]
    joints = BiLRP(encoder).explain_pairs([query] * 3, others)
    assert len(passes) == 3
    for joint, other in zip(joints, others, strict=True):
        torch.testing.assert_close(joint.matrix(), BiLRP(encoder).explain(query, other).matrix())


def test_settings_reach_the_tokenizer() -> None:
    settings: dict[str, Any] = {}

    class Watched(FakeTokenizer):
        def __call__(self, text: str, **given: Any) -> dict[str, Tensor]:
            settings.update(given)
            return super().__call__(text)

    sentence_model(Hidden(), Watched(), padding="max_length").read("the cat")
    assert settings == {"return_tensors": "pt", "padding": "max_length"}


def test_hidden_states_without_pooling_are_refused_with_the_way_out() -> None:
    class Output:
        last_hidden_state = torch.zeros(1, 3, 4)

    class Plain(nn.Module):
        def forward(self, input_ids: Tensor) -> Output:
            return Output()

    with pytest.raises(InputError, match=r"say how they become one embedding, bilrp.text.sentence_model\("):
        BiLRP(Plain()).factor({"input_ids": torch.tensor([[1, 3, 2]])})


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["[CLS]", "em", "##bed", "##ding", "##s", "!", "[SEP]"], ["[CLS]", "embeddings", "!", "[SEP]"]),
        (["Hello", ",", "Ġwor", "ld", "Ġcaf", "Ã©"], ["Hello", ",", "world", "café"]),
        (["<s>", "ĠA", "Ġnew", "Ċ", "line", "</s>"], ["<s>", "A", "new", "line", "</s>"]),
        (["<|startoftext|>", "a</w>", "play", "ing</w>", ".</w>", "<|endoftext|>"], None),
        (["▁The", "▁kit", "ten", ".", "</s>"], ["The", "kitten", ".", "</s>"]),
        (["plain", "words"], ["plain", "words"]),
        (["##ing", "it"], ["ing", "it"]),
        ([], []),
    ],
)
def test_words_of_each_tokenizer(tokens: list[str], words: list[str] | None) -> None:
    expected = ["<|startoftext|>", "a", "playing", ".", "<|endoftext|>"] if words is None else words
    assert [word for word, _, _ in word_spans(tokens)] == expected


def test_special_tokens_are_known() -> None:
    special = ["[CLS]", "[SEP]", "[PAD]", "<s>", "</s>", "<pad>", "<|endoftext|>", "<bos>"]
    assert all(is_special(token) for token in special)
    assert not any(is_special(token) for token in ["[UNK]", "<unk>", "[MASK]", "cat", "<", "[", "[1]", "Ġ<", "a>b"])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["##a", "b", "[SEP]", ".", "▁c", "Ġd", "e</w>", "f"]), max_size=12))
def test_every_token_is_in_one_word(tokens: list[str]) -> None:
    spans = word_spans(tokens)
    assert [i for _, start, stop in spans for i in range(start, stop)] == list(range(len(tokens)))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 12), st.data())
def test_merged_spans_keep_the_sum(n: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, n), max_size=6)))
    spans = list(pairwise(cuts))[::2]
    maps = torch.rand(3, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    merged, tokens = merged_spans(maps, spans, [str(i) for i in range(n)])
    torch.testing.assert_close(merged.sum(1), maps.sum(1))
    assert tokens is not None and " ".join(tokens).split() == [str(i) for i in range(n)]


@pytest.mark.parametrize("bad", [(3, 2), (-1, 2), (0, 9), (1, 2, 3), slice(0, 4, 2), 1.5])
def test_spans_that_are_none_are_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="span"):
        token_slice(bad, None, 5)


def test_slices_count_from_the_end_as_in_python() -> None:
    assert token_slice(slice(-2, None), None, 5) == slice(3, 5)
    assert token_slice(range(1, 3), None, 5) == slice(1, 3)
    assert token_slice(np.int64(2), None, 5) == slice(2, 3)  # type: ignore[arg-type]


def test_poolings_are_functions() -> None:
    def mine(hidden: Tensor, mask: Tensor) -> Tensor:
        return hidden[:, 1]

    function: Callable[[Tensor, Tensor], Tensor] = mine
    torch.manual_seed(0)
    factor = BiLRP(sentence_model(Hidden().double(), FakeTokenizer(), function)).factor("the cat")
    assert float(factor.values[:, 1].abs().sum()) > 0 and float(factor.values[:, [0, 2, 3]].abs().sum()) == 0


def test_the_blocks_of_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "bilrp" / "pairs-texts-and-two-encoders.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 5
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    picture = torch.rand(4, 3, 8, 8, dtype=torch.float64)
    layers = nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4, bias=False)
    given: dict[str, Any] = {
        "model": nn.Sequential(*layers).double(),
        "images": picture.split(1),
        "image": picture[:1],
        "transformer": Hidden().double(),
        "tokenizer": FakeTokenizer(),
        "image_tower": Picture().double(),
        "text_tower": sentence_model(Hidden().double(), FakeTokenizer()),
        "words": ["[CLS]", "the", "cat", "[SEP]"],
        "head": nn.Linear(8, 1).double(),
    }
    given |= {"ids": torch.tensor([[1, 3, 4, 2]]), "mask": torch.ones(1, 4, dtype=torch.int64)}
    for block in blocks:
        exec(compile(block, str(page), "exec"), given)
    assert given["groups"].means.shape == (2, 2, 2, 2, 2)
    assert given["joint"].matrix().shape == (2, 2, 4)
