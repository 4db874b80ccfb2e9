"""Two encoders of different kinds of input, and inputs of several tensors."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bilrp import BiLRP, InputError, JointRelevance
from bilrp.inputs import bind
from bilrp.rules import Gamma, ZBox
from bilrp.testing import fingerprint

IDS = torch.tensor([[4, 8, 15, 16, 0]])
MASK = torch.tensor([[1, 1, 1, 1, 0]])


def picture(seed: int = 0) -> Tensor:
    return torch.rand(1, 3, 12, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class Picture(nn.Module):
    def __init__(self, m: int = 6) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, bias=False), nn.Linear(8, m, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.head(torch.relu(self.conv(x)).mean((2, 3))), dim=-1)


class Caption(nn.Module):
    """Mean of the words that the mask leaves, as sentence encoders do."""

    def __init__(self, m: int = 6) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(30, 8), nn.Linear(8, m, bias=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, scale: float = 1.0) -> Tensor:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        hidden = torch.relu(self.words(input_ids)) * mask[..., None]
        return scale * F.normalize(self.head(hidden.sum(1) / mask.sum(1, keepdim=True)), dim=-1)


class Both(nn.Module):
    """The two towers in one module, reached by methods."""

    def __init__(self) -> None:
        super().__init__()
        self.visual, self.textual = Picture(), Caption()

    def encode_image(self, x: Tensor) -> Tensor:
        out: Tensor = self.visual(x)
        return out

    def encode_text(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        out: Tensor = self.textual(input_ids, attention_mask)
        return out

    def forward(self, x: Tensor, input_ids: Tensor) -> Tensor:
        return self.visual(x) @ self.textual(input_ids).T


@pytest.fixture
def model() -> Both:
    torch.manual_seed(0)
    return Both().double()


def joint_of(model: Both, **settings: Any) -> JointRelevance:
    made = BiLRP(model.visual, model.textual)
    return made.explain(picture(), {"input_ids": IDS, "attention_mask": MASK}, **settings)


def test_image_and_text_add_up_to_their_similarity(model: Both) -> None:
    joint = joint_of(model)
    assert joint.left.shape == (6, 12, 16) and joint.right.shape == (6, 5)
    with torch.no_grad():
        expected = model.visual(picture()) @ model.textual(IDS, MASK).T
    assert joint.similarity == pytest.approx(float(expected), rel=1e-9)
    assert joint.total() == pytest.approx(joint.similarity, rel=1e-5)
    assert float(joint.right[:, 4].abs().max()) == 0  # what the mask hides has nothing to say


def test_each_side_equals_its_encoder_alone(model: Both) -> None:
    joint = joint_of(model)
    image = BiLRP(model.visual).factor(picture())
    text = BiLRP(model.textual).factor({"input_ids": IDS, "attention_mask": MASK})
    torch.testing.assert_close(joint.left, image.values)
    torch.testing.assert_close(joint.right, text.values)
    # the mask as an input of its own equals a text without what it hides
    short = BiLRP(model.textual).factor(IDS[:, :4])
    torch.testing.assert_close(text.values[:, :4], short.values)


def test_questions_about_an_image_and_a_text(model: Both) -> None:
    joint = joint_of(model, pool=4, tokens=(None, ["a", "dog", "on", "grass", "[PAD]"]))
    whole = joint_of(model)
    table = whole.matrix()
    assert joint.left.shape == (6, 3, 4) and joint.tiles == (4, 1)
    assert joint.between((0, 4, 8, 8), "dog") == pytest.approx(float(table[4:12, :8, 1].sum()))
    assert joint.between((0, 4, 8, 8), (1, 3)) == pytest.approx(float(table[4:12, :8, 1:3].sum()))
    torch.testing.assert_close(joint.given((0, 0, 4, 4)), table[:4, :4].sum((0, 1)))
    torch.testing.assert_close(joint.swapped().given("on grass").sum(), table[..., 2:4].sum())
    assert joint.swapped().tiles == (1, 4)
    assert joint.swapped().pool(2).tiles == (1, 8)
    assert whole.pool(4).matrix().shape == joint.matrix().shape == (3, 4, 5)
    place, word, value = joint.top_pairs(1, names=True)[0]
    row, column = place
    assert word in ("a", "dog", "on", "grass")
    assert joint.top_pairs(1) == [(row, column, joint.right_tokens.index(word), value)]  # type: ignore[union-attr]
    # a region is of the side of its kind, whichever is named first
    assert joint.between("dog", (0, 4, 8, 8)) == joint.between((0, 4, 8, 8), "dog")
    torch.testing.assert_close(joint.given("on grass"), joint.swapped().given("on grass"))
    assert joint.given((2, 4)).shape == (3, 4) and joint.given((0, 0, 4, 4)).shape == (5,)
    with pytest.raises(InputError, match="a region of an image is"):
        joint.between("dog", "grass")
    with pytest.raises(InputError, match=r"a region is .* got 3 numbers"):
        joint.given((1, 2, 3))
    with pytest.raises(InputError, match=r"start <= stop <= 5"):
        joint.between((0, 0, 4, 4), (3, 9))


def test_methods_of_one_module_are_towers(model: Both) -> None:
    model.train()
    before = fingerprint(model)
    made = BiLRP(model.encode_image, model.encode_text, {"visual.conv": ZBox(0.0, 1.0)}, right_composite="epsilon")
    joint = made.explain(picture(), (IDS, MASK))
    expected = BiLRP(model.visual, model.textual, {"conv": ZBox(0.0, 1.0)}, right_composite="epsilon")
    torch.testing.assert_close(joint.left, expected.explain(picture(), (IDS, MASK)).left)
    assert fingerprint(model) == before
    assert joint.settings is not None and joint.settings["right_composite"] == "epsilon"
    names = {entry.name for entry in joint.left_coverage.entries}
    assert "visual.conv" in names


def test_a_dict_of_rules_belongs_to_one_tower(model: Both) -> None:
    made = BiLRP(model.visual, model.textual, composite={"conv": Gamma(0.1)})
    assert made.right_composite.name == "defaults"
    assert BiLRP(model.visual, "gamma").right_composite.name == "gamma"
    with pytest.raises(InputError, match="got two composites"):
        BiLRP(model.visual, "gamma", "epsilon")
    with pytest.raises(InputError, match="no right tower"):
        BiLRP(model.visual, "gamma", right_composite="epsilon")


def test_spaces_must_be_one(model: Both) -> None:
    with pytest.raises(InputError, match="embeddings have 6 and 9 dimensions"):
        BiLRP(model.visual, Caption(9).double()).explain(picture(), IDS)


@pytest.mark.parametrize(
    ("inputs", "carrier"),
    [
        ({"input_ids": IDS, "attention_mask": MASK, "token_type_ids": torch.zeros_like(IDS)}, "input_ids"),
        ({"pixel_values": picture(), "input_ids": IDS}, "pixel_values"),
        ({"inputs_embeds": torch.rand(1, 5, 4), "attention_mask": MASK}, "inputs_embeds"),
        ({"tokens": IDS, "padding_mask": MASK.bool()}, "tokens"),
        ({"position_ids": IDS, "tokens": IDS.flip(1)}, "tokens"),
        ((IDS, MASK), 0),
        ((MASK.bool(), picture()), 1),
    ],
)
def test_what_is_explained_is_found(inputs: Any, carrier: str | int) -> None:
    assert bind(Caption(), inputs)[1] is inputs[carrier]


def test_what_cannot_be_found_is_asked_for() -> None:
    two = {"first": picture(), "second": picture(1)}
    with pytest.raises(InputError, match=r"has 'first' \(1, 3, 12, 16\) float64.*relevance_of='first'"):
        bind(Caption(), two)
    assert bind(Caption(), two, "second")[1] is two["second"]
    with pytest.raises(InputError, match="relevance_of is 'third', expected one of"):
        bind(Caption(), two, "third")
    with pytest.raises(InputError, match="expected None"):
        bind(Caption(), picture(), "first")


def test_keywords_reach_the_model_as_they_are(model: Both) -> None:
    made = BiLRP(model.textual)
    inputs = {"input_ids": IDS, "attention_mask": MASK}
    torch.testing.assert_close(made.factor({**inputs, "scale": 3.0}).embedding, 3 * made.factor(inputs).embedding)


def test_a_model_of_one_dict_gets_it_whole() -> None:
    class Bundle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Caption().double()

        def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
            features["sentence_embedding"] = self.inner(**features)
            return features

    model, inputs = Bundle(), {"input_ids": IDS, "attention_mask": MASK}
    torch.testing.assert_close(BiLRP(model).factor(inputs).values, BiLRP(model.inner).factor(inputs).values)
    assert set(inputs) == {"input_ids", "attention_mask"}


def test_vectors_of_tokens_are_summed_over_their_own_axis() -> None:
    class FromVectors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 3, bias=False)

        def forward(self, inputs_embeds: Tensor, attention_mask: Tensor) -> Tensor:
            out: Tensor = (self.head(inputs_embeds) * attention_mask[..., None]).sum(1)
            return out

    vectors = torch.rand(1, 5, 4, dtype=torch.float64)
    factor = BiLRP(FromVectors().double()).factor({"inputs_embeds": vectors, "attention_mask": MASK})
    assert factor.shape == (5,)
    torch.testing.assert_close(factor.total(), factor.embedding, rtol=1e-6, atol=1e-9)


def test_wrong_inputs_say_what_to_do(model: Both) -> None:
    with pytest.raises(InputError, match=r"Picture cannot be run on.*give an encoder for each: BiLRP\(image_tower"):
        BiLRP(model.visual).explain(picture(), IDS)
    with pytest.raises(InputError, match="forward takes x, input_ids; its parts are visual, textual"):
        BiLRP(model).explain(picture(), IDS)
    with pytest.raises(InputError, match="got an input of type ndarray, expected a tensor"):
        BiLRP(model.visual).factor(picture().numpy())  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"expected a torch.nn.Module or a method of one"):
        BiLRP(lambda x: x).factor(picture())


def test_inputs_of_several_tensors_are_batched(model: Both) -> None:
    made = BiLRP(model.textual, similarity="cosine")
    masks = [MASK, torch.ones_like(MASK)]
    inputs = [{"input_ids": (IDS + n) % 30, "attention_mask": mask, "scale": 2.0} for n, mask in enumerate(masks)]
    together = list(made.factors(inputs, batch_size=2))
    for factor, sample in zip(together, inputs, strict=True):
        torch.testing.assert_close(factor.values, made.factor(sample).values, rtol=1e-9, atol=1e-12)
        assert any("in one pass" in note for note in factor.coverage.notes)
