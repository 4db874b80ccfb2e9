"""Is every network explained, or does it say so? A zoo of architectures with `composite="auto"`, random weights.

    python benchmarks/bilrp_zoo.py --torchvision                 # the 80 classification networks of torchvision.models
    python benchmarks/bilrp_zoo.py --timm --hf --only "*vit*"    # families of timm, architectures of transformers
    python benchmarks/bilrp_zoo.py --torchvision --json zoo.json # a row a network, written as they come

Weights are random (seeded), so nothing is fetched; batch norms are calibrated by one pass over a batch of structured
pictures, as a network with untouched statistics is no test of anything. For each network the similarity of two pictures
(or token rows) is explained over four dimensions of the embedding (random mixtures, where it has more). Read

conserved   |sum of the relevance - similarity| / |similarity| with bias="distribute"
bias        the share that biases and stabilizers keep with bias="leave"
amp         sum of |R_ij| over |similarity|: 1 where nothing cancels, beyond 100 noise
verdict     explained: conserved to 1e-3 (or an honest refusal to distribute: "undistributed"), amp at most 100
            refused: an error that names a remedy, and the remedy was tried ("remedy works" or "remedy fails")
            warned: beyond the limits, with a warning; silent: beyond them without one; crash: another error
            too slow: given up after --limit seconds

Every network is built and explained in a process of its own: a crash or a want of memory ends one row, not the run.
torchvision, timm and transformers are needed for their parts alone.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import json
import multiprocessing
import os
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable
from fnmatch import fnmatchcase
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import bilrp
from bilrp import BiLRP, BilrpError, Composite, rules

CONSERVED = 1e-3
AMPLIFIED = 100.0
N_OUTPUTS = 4
SEED = 20220301

TORCHVISION_SIZES = {
    **dict.fromkeys(("alexnet", "googlenet", "inception_v3", "squeezenet1_0", "squeezenet1_1"), 96),
    "maxvit_t": 224,  # its windows of 7 x 7 tile no smaller picture
    "vit_h_14": 70,  # five patches of 14 a side
}
TIMM_REVIEWED = """
resnet50d@96 resnetv2_50@96 convnextv2_atto@96 convnext_atto@96 eva02_tiny_patch14_224@224 mixer_s32_224@224
vit_tiny_patch16_224@224 deit_tiny_distilled_patch16_224@224 beit_base_patch16_224@224 levit_128s@224
coatnet_nano_rw_224@224 nfnet_l0@96 dm_nfnet_f0@96 efficientformer_l1@224 mobilevit_xxs@96 mobilevitv2_050@96
poolformer_s12@96 volo_d1_224@224 xcit_nano_12_p16_224@96 cait_xxs24_224@224 davit_tiny@96 focalnet_tiny_srf@96
hiera_tiny_224@224 vit_base_patch16_siglip_224@224 mambaout_femto@96 ghostnet_100@96 hrnet_w18_small@96
res2net50_26w_4s@96 skresnet18@96 resnest14d@96 repvgg_a0@96 fastvit_t8@96 edgenext_xx_small@96 tiny_vit_5m_224@96
gcvit_xxtiny@224 mvitv2_tiny@96 pvt_v2_b0@96 twins_pcpvt_small@96 convmixer_768_32@96 gmlp_ti16_224@224
resmlp_12_224@224 crossvit_tiny_240@240 nest_tiny@224 pit_ti_224@224 tnt_s_patch16_224@224 visformer_tiny@224
nextvit_small@96 inception_next_tiny@96 caformer_s18@96 rdnet_tiny@96 starnet_s1@96 mobilenetv4_conv_small@96
efficientvit_b0@96 efficientvit_m0@96 repghostnet_050@96 tresnet_m@96 selecsls42@96 dla34@96 dpn48b@96 vovnet39a@96
cspresnet50@96 xception41@96 swinv2_cr_tiny_224@224 sequencer2d_s@96 halonet26t@256 lambda_resnet26t@96
botnet26t_256@256 bat_resnext26ts@256 gernet_s@96 tf_efficientnet_lite0@96 mixnet_s@96 hardcorenas_a@96
vitamin_small_224@224 flexivit_small@240 efficientnetv2_rw_t@96 convit_tiny@224 coat_tiny@224 eca_resnet33ts@96
senet154@96 inception_resnet_v2@96 swiftformer_xs@96 shvit_s1@96 csatv2@96 lcnet_050@96
vit_small_plus_patch16_dinov3@96 vit_small_patch14_reg4_dinov2@112
"""
TIMM_FURTHER = """
convnext_zepto_rms@96 convnext_nano_ols@96 cspdarknet53@96 darknet53@96 deit3_small_patch16_224@224 densenet121@96
efficientnet_es@96 fbnetc_100@96 fbnetv3_b@96 spnasnet_100@96 tinynet_e@96 gcresnet50t@96 ghostnetv2_100@96
ghostnetv3_050@96 hgnet_tiny@96 hgnetv2_b0@96 inception_v4@96 legacy_seresnet18@96 legacy_xception@96
levit_conv_128s@224 mobileone_s0@96 mobilenetv1_100@96 mobilenetv3_small_050@96 mobilenetv4_hybrid_medium@96
eca_nfnet_l0@96 nf_regnet_b0@96 regnetz_c16@96 regnety_002@96 repvit_m0_9@96 resnetaa50@96 resnetblur18@96
resnetrs50@96 resnext26ts@96 rexnet_100@96 rexnetr_200@96 seresnet18@96 sehalonet33ts@256 semnasnet_050@96
skresnext50_32x4d@96 swin_tiny_patch4_window7_224@224 swinv2_tiny_window8_256@256 maxvit_rmlp_pico_rw_256@256
maxxvit_rmlp_nano_rw_256@256 coatnext_nano_rw_224@224 tf_mixnet_s@96 twins_svt_small@96 vgg11_bn@64
vit_relpos_small_patch16_224@224 vit_srelpos_small_patch16_224@224 ese_vovnet19b_slim@96 xception65p@96
xcit_tiny_12_p8_224@96 efficientformerv2_s0@224 fasternet_t0@96 convformer_s18@96 poolformerv2_s12@96
hieradet_small@96 vit_xsmall_patch16_clip_224@224 gmixer_12_224@224 resnet10t@96 ecaresnet26t@96 crossvit_9_240@240
vit_tiny_r_s16_p8_224@224 vit_small_patch16_18x2_224@224 vit_small_patch16_rope_224@224 efficientvit_b1@96
resnest26d@96 dla46_c@96 cs3darknet_s@96 cspresnext50@96 mobilenet_edgetpu_100@96 efficientnet_blur_b0@96
resnetv2_50d_gn@96 resnetv2_50x1_bit@96 regnetv_040@96 swin_s3_tiny_224@224 test_vit3@160 test_nfnet@160
test_mambaout@160 inception_next_atto@96
"""


# --- networks and inputs -------------------------------------------------------------------------------------------


def pictures(n: int, channels: int, height: int, width: int, seed: int) -> Tensor:
    """Structured pictures: soft light, bars and discs, mean 0 and deviation 1; (n, channels, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, channels, 4, 4, generator=generator)
    picture = nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    for image in picture:
        for _ in range(6):
            cx, cy, size, angle = torch.rand(4, generator=generator).tolist()
            colour = 1.5 * torch.randn(channels, 1, generator=generator)
            turned = (columns - cx) * torch.cos(torch.tensor(3 * angle)) + (rows - cy) * torch.sin(
                torch.tensor(3 * angle)
            )
            disc = (columns - cx) ** 2 + (rows - cy) ** 2 < (0.3 * size) ** 2
            bar = turned.abs() < 0.02 + 0.05 * size
            image[:, disc if angle < 0.5 else bar] = colour
    picture = picture + 0.1 * torch.randn(picture.shape, generator=generator)
    return (picture - picture.mean()) / picture.std()


def awake(model: nn.Module) -> nn.Module:
    """Weights that begin at zero (last norms of blocks, some heads) set to what training could have made of them."""
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and not bool(weight.any()):
            with torch.no_grad():
                weight.normal_(std=0.02) if weight.dim() > 1 else weight.fill_(1.0)
    return model


@torch.no_grad()
def calibrated(model: nn.Module, batch: Tensor) -> nn.Module:
    """The running statistics of all batch norms set to those of one batch."""
    norms = [module for module in model.eval().modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if norms:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.training = True
        model(batch)
    return model.eval()


class Picked(nn.Module):
    """A model of transformers as a network from ids, pixels or sound to one vector: the mean over places."""

    def __init__(self, model: nn.Module, pick: Callable[[nn.Module, Tensor], Tensor], normalize: bool = False) -> None:
        super().__init__()
        self.enc = model
        self.pick = pick
        self.normalize = normalize

    def forward(self, x: Tensor) -> Tensor:
        y = self.pick(self.enc, x)
        y = y.mean(1) if y.dim() == 3 else y
        return nn.functional.normalize(y) if self.normalize else y


def build_torchvision(name: str) -> tuple[nn.Module, list[Tensor], str]:
    models: Any = importlib.import_module("torchvision.models")
    size = TORCHVISION_SIZES.get(name, 64)
    settings: dict[str, Any] = {"weights": None}
    if name in {"googlenet", "inception_v3"}:
        settings |= {"init_weights": True, "aux_logits": False}
    if name.startswith("vit_"):
        settings["image_size"] = size
    model = models.get_model(name, **settings)
    if name.startswith("vit_"):
        model.heads = nn.Identity()  # a head that begins at zero has nothing to say
    return model, [pictures(1, 3, size, size, SEED + i) for i in (1, 2)], f"{size} px"


def build_timm(name: str) -> tuple[nn.Module, list[Tensor], str]:
    timm: Any = importlib.import_module("timm")
    model_name, size = name.split("@")
    settings: dict[str, Any] = {"pretrained": False, "num_classes": 0}
    try:
        model = timm.create_model(model_name, **settings, img_size=int(size))
    except TypeError:  # a family that takes any size
        model = timm.create_model(model_name, **settings)
    return model, [pictures(1, 3, int(size), int(size), SEED + i) for i in (1, 2)], f"{size} px"


def _hidden(model: nn.Module, x: Tensor) -> Tensor:
    out: Tensor = model(x).last_hidden_state
    return out


def _masked(model: nn.Module, x: Tensor) -> Tensor:
    out: Tensor = model(input_ids=x, attention_mask=torch.ones_like(x)).last_hidden_state
    return out


def _pooled(model: nn.Module, x: Tensor) -> Tensor:
    out: Tensor = model(x).pooler_output
    return out


def _projected(model: nn.Module, x: Tensor) -> Tensor:
    out = model(x)
    embeds: Tensor = out.image_embeds if hasattr(out, "image_embeds") else out.text_embeds
    return embeds


TEXT = {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
DECODER = {**TEXT, "num_key_value_heads": 2, "head_dim": 8}
SIGHT = {**TEXT, "image_size": 64, "patch_size": 16}
T5 = {"vocab_size": 96, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
HF: dict[str, tuple[str, str, dict[str, Any], Callable[..., Tensor]]] = {
    "BERT sdpa": ("BertConfig", "BertModel", {**TEXT, "attn_implementation": "sdpa"}, _masked),
    "BERT eager": ("BertConfig", "BertModel", {**TEXT, "attn_implementation": "eager"}, _masked),
    "BERT normalized": ("BertConfig", "BertModel", TEXT, _masked),
    "RoBERTa": ("RobertaConfig", "RobertaModel", TEXT, _masked),
    "XLM-R": ("XLMRobertaConfig", "XLMRobertaModel", TEXT, _masked),
    "DistilBERT": (
        "DistilBertConfig",
        "DistilBertModel",
        {"vocab_size": 96, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
        _masked,
    ),
    "MPNet": ("MPNetConfig", "MPNetModel", TEXT, _masked),
    "ALBERT": ("AlbertConfig", "AlbertModel", {**TEXT, "embedding_size": 16}, _masked),
    "ELECTRA": ("ElectraConfig", "ElectraModel", {**TEXT, "embedding_size": 16}, _masked),
    "DeBERTa-v2": (
        "DebertaV2Config",
        "DebertaV2Model",
        {**TEXT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]},
        _masked,
    ),
    "NomicBERT": ("NomicBertConfig", "NomicBertModel", TEXT, _masked),
    "ModernBERT": (
        "ModernBertConfig",
        "ModernBertModel",
        {**TEXT, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
        _masked,
    ),
    "T5 encoder": ("T5Config", "T5EncoderModel", T5, _masked),
    "GPT-2": ("GPT2Config", "GPT2Model", {"vocab_size": 96, "n_embd": 32, "n_layer": 2, "n_head": 4}, _masked),
    "Llama": ("LlamaConfig", "LlamaModel", DECODER, _masked),
    "Qwen2": ("Qwen2Config", "Qwen2Model", DECODER, _masked),
    "Qwen3": ("Qwen3Config", "Qwen3Model", DECODER, _masked),
    "Mistral": ("MistralConfig", "MistralModel", DECODER, _masked),
    "Gemma3": ("Gemma3TextConfig", "Gemma3TextModel", DECODER, _masked),
    "CLIP text": (
        "CLIPTextConfig",
        "CLIPTextModelWithProjection",
        {**TEXT, "projection_dim": 16, "eos_token_id": 95},
        _projected,
    ),
    "SigLIP text": ("SiglipTextConfig", "SiglipTextModel", {**TEXT, "projection_size": 32}, _pooled),
    "LongFormer": ("LongformerConfig", "LongformerModel", {**TEXT, "attention_window": 4}, _masked),
    "FNet": ("FNetConfig", "FNetModel", TEXT, _hidden),
    "Mamba": ("MambaConfig", "MambaModel", {"vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2}, _hidden),
    "ViT": ("ViTConfig", "ViTModel", SIGHT, _hidden),
    "DINOv2-reg": ("Dinov2WithRegistersConfig", "Dinov2WithRegistersModel", SIGHT, _hidden),
    "CLIP vision+proj": (
        "CLIPVisionConfig",
        "CLIPVisionModelWithProjection",
        {**SIGHT, "projection_dim": 16},
        _projected,
    ),
    "SigLIP vision": ("SiglipVisionConfig", "SiglipVisionModel", SIGHT, _pooled),
    "wav2vec2": (
        "Wav2Vec2Config",
        "Wav2Vec2Model",
        {**TEXT, "conv_dim": (16, 16), "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_feat_extract_layers": 2}
        | {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
        _hidden,
    ),
    "Whisper encoder": (
        "WhisperConfig",
        "WhisperModel",
        {"d_model": 32, "encoder_layers": 2, "encoder_attention_heads": 4, "encoder_ffn_dim": 64}
        | {"decoder_layers": 1, "decoder_attention_heads": 4, "max_source_positions": 50, "num_mel_bins": 16},
        lambda model, x: model.encoder(x).last_hidden_state,  # type: ignore[operator, union-attr]
    ),
}


def build_hf(name: str) -> tuple[nn.Module, list[Tensor], str]:
    transformers: Any = importlib.import_module("transformers")
    config_class, model_class, settings, pick = HF[name]
    settings = dict(settings)
    attention = {key: settings.pop(key) for key in ("attn_implementation",) if key in settings}
    config = getattr(transformers, config_class)(**settings)
    if attention:
        config._attn_implementation = attention["attn_implementation"]
    model = Picked(getattr(transformers, model_class)(config), pick, normalize="normalized" in name)
    generator = torch.Generator().manual_seed(SEED)
    if settings.get("image_size"):
        return model, [pictures(1, 3, 64, 64, SEED + i) for i in (1, 2)], "64 px"
    if name == "wav2vec2":
        return model, [torch.randn(1, 800, generator=generator) for _ in range(2)], "800 samples"
    if name == "Whisper encoder":
        return model, [torch.randn(1, 16, 100, generator=generator) for _ in range(2)], "100 frames"
    ids = [torch.randint(4, 95, (1, 12), generator=generator) for _ in range(2)]
    for row in ids:
        row[0, -1] = 95
    return model, ids, "12 tokens"


BUILDERS = {"torchvision": build_torchvision, "timm": build_timm, "hf": build_hf}


# --- one network ---------------------------------------------------------------------------------------------------


def amplification(left: Tensor, right: Tensor, similarity: float) -> float:
    """The sum of |R_ij| over |similarity|; of very large tables every so many rows."""
    first, second = (factor.flatten(1).double() for factor in (left, right))
    step = max(1, first.shape[1] * second.shape[1] // 2**26)
    chunks = first[:, ::step].split(max(1, 2**22 // second.shape[1]), dim=1)
    return step * sum(float((chunk.T @ second).abs().sum()) for chunk in chunks) / max(abs(similarity), 1e-30)


def remedy_in(message: str) -> tuple[str, rules.Rule] | None:
    """The rule that a refusal recommends by name, if it does: ``{'layer:softmax': Gate(0)}``."""
    match = re.search(r"\{'([^']+)': ([A-Z]\w+)\(([^)]*)\)", message)
    if match is None or match[2] not in rules.RULES:
        return None
    arguments = [float(part) if "." in part else int(part) for part in match[3].split(",") if part.strip()]
    return match[1], rules.RULES[match[2]](*arguments)


def explained(
    model: nn.Module, x: Tensor, y: Tensor, projection: Tensor | None, composite: Any, bias: str
) -> tuple[Any, list[str]]:
    """A joint relevance and the warnings that came with it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        joint = BiLRP(model, composite, projection=projection).explain(x, y, bias=bias)
    doubts = [str(w.message) for w in caught if w.category.__name__ == "DoubtfulExplanationWarning"]
    return joint, doubts


def judged(model: nn.Module, x: Tensor, y: Tensor, projection: Tensor | None, composite: Any) -> dict[str, Any]:
    """The row of one network: verdict and figures."""
    row: dict[str, Any] = {}
    doubts: list[str] = []
    joint = None
    try:
        joint, doubts = explained(model, x, y, projection, composite, "distribute")
        row["conserved"] = abs(joint.total() - joint.similarity) / max(abs(joint.similarity), 1e-30)
    except BilrpError as error:
        if type(error).__name__ not in {"NotConservedError", "NonFiniteError"}:
            raise
        row["undistributed"] = str(error)
    kept, more = explained(model, x, y, projection, composite, "leave")
    doubts += more
    whole = joint or kept
    row["bias"] = kept.bias_share
    row["amp"] = amplification(whole.left, whole.right, whole.similarity)
    chosen = [note for note in whole.left_coverage.notes if note.startswith("auto: ")]
    row["composite"] = chosen[0] if chosen else str(dict(whole.settings or {}).get("composite"))
    row["warned"] = doubts
    good = row["amp"] <= AMPLIFIED and (joint is None or row["conserved"] <= CONSERVED)  # NaN is not good
    row["verdict"] = ("explained" if joint else "undistributed") if good else "warned" if doubts else "silent"
    return row


def row_of(family: str, name: str, composite: str) -> dict[str, Any]:
    """Build one network and judge it; an error becomes its verdict."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|timm|transformers).*")
    row: dict[str, Any] = {"family": family, "name": name}
    try:
        model, (x, y), row["input"] = BUILDERS[family](name)
        model = awake(model).requires_grad_(False)
        model = calibrated(model, pictures(8, *x.shape[1:], seed=SEED) if x.dim() == 4 else x)
        with torch.no_grad():
            size = model(x).flatten(1).shape[1]
    except Exception as error:  # the zoo's own fault: say so, go on
        return row | {"verdict": "not built", "error": f"{type(error).__name__}: {error}"[:600]}
    mixtures = torch.randn(N_OUTPUTS, size, generator=torch.Generator().manual_seed(SEED)) / size**0.5
    projection = mixtures if size > N_OUTPUTS else None
    return row | outcome(model, x, y, projection, composite)


def outcome(model: nn.Module, x: Tensor, y: Tensor, projection: Tensor | None, composite: Any) -> dict[str, Any]:
    """The verdict on a network with its seconds; where it is refused, also what the named remedy gave."""
    started = time.perf_counter()
    try:
        row = judged(model, x, y, projection, composite)
    except BilrpError as error:
        row = {"verdict": "refused", "error": f"{type(error).__name__}: {error}"[:900]}
        row["remedy"] = tried(model, x, y, projection, composite, str(error))
    except Exception as error:
        row = {"verdict": "crash", "error": f"{type(error).__name__}: {error}"[:600]}
    return row | {"seconds": round(time.perf_counter() - started, 1)}


def tried(model: nn.Module, x: Tensor, y: Tensor, projection: Tensor | None, composite: str, message: str) -> str:
    """What comes of following the advice of refusals, up to 60 of them in turn."""
    entries: list[tuple[Any, rules.Rule]] = []
    for _ in range(60):
        advice = remedy_in(message)
        if advice is None:
            return f"no remedy in: {message[:300]}"
        if advice[0] in [name for name, _ in entries]:
            return f"remedy fails: {advice} was followed, and came again"
        entries.append(advice)
        amended = copy.copy(Composite.ensure(composite))
        amended.entries = (*Composite(entries).entries, *amended.entries)
        try:
            row = judged(model, x, y, projection, amended)
        except BilrpError as error:
            message = str(error)
            continue
        except Exception as error:
            return f"remedy crashes: {type(error).__name__}: {error}"[:300]
        works = "works" if row["verdict"] in {"explained", "undistributed", "warned"} else "fails"
        return f"remedy {works} ({len(entries)} rules): {row['verdict']}, amp {row['amp']:.3g}, bias {row['bias']:.2f}"
    return "remedy fails: 60 were followed"


# --- the run -------------------------------------------------------------------------------------------------------


def _child(family: str, name: str, composite: str, end: Connection) -> None:
    end.send(row_of(family, name, composite))
    end.close()


def apart(family: str, name: str, composite: str, limit: float) -> dict[str, Any]:
    """The row of one network, made in a process of its own within ``limit`` seconds."""
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(family, name, composite, theirs), daemon=True)
    process.start()
    theirs.close()
    row: dict[str, Any] = {"family": family, "name": name}
    try:
        row = ours.recv() if ours.poll(limit) else row | {"verdict": "too slow", "error": f"more than {limit:.0f} s"}
    except EOFError:
        process.join()
        row |= {"verdict": "crash", "error": f"the process ended with {process.exitcode} (want of memory?)"}
    process.kill()
    process.join()
    return row


def names_of(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Which networks were asked for."""
    names: list[tuple[str, str]] = []
    if arguments.torchvision:
        models: Any = importlib.import_module("torchvision.models")
        names += [("torchvision", name) for name in models.list_models(module=models)]
    if arguments.timm:
        importlib.import_module("timm")
        names += [("timm", name) for name in (TIMM_REVIEWED + TIMM_FURTHER).split()]
    if arguments.hf:
        os.environ["HF_HUB_OFFLINE"] = "1"
        importlib.import_module("transformers")
        names += [("hf", name) for name in HF]
    return [item for item in names if any(fnmatchcase(item[1], pattern) for pattern in arguments.only or ["*"])]


def line(row: dict[str, Any]) -> str:
    figures = [
        f"{row[key]:9.2g}" if isinstance(row.get(key), float) else " " * 9 for key in ("conserved", "bias", "amp")
    ]
    remark = row.get("remedy") or row.get("error") or row.get("composite", "")
    return (
        f"{row['name']:36} {row['verdict']:13} {' '.join(figures)} {row.get('seconds', 0):7.1f} "
        f"{row.get('input', ''):>10}  {remark[:160]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for family in BUILDERS:
        parser.add_argument(f"--{family}", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="PATTERN", help="names with * and ?")
    parser.add_argument("--composite", default="auto", help="a name of bilrp.COMPOSITES")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one network")
    parser.add_argument("--json", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    names = names_of(arguments)
    if not names:
        parser.error("nothing to do: give --torchvision, --timm or --hf, and an --only that fits")
    Composite.ensure(arguments.composite)
    print(
        f"bilrp {bilrp.__version__}, torch {torch.__version__}, composite {arguments.composite}, {len(names)} networks"
    )
    print(f"{'network':36} {'verdict':13} {'conserved':>9} {'bias':>9} {'amp':>9} {'seconds':>7} {'input':>10}  remark")
    rows = []
    for family, name in names:
        rows.append(apart(family, name, arguments.composite, arguments.limit))
        print(line(rows[-1]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1))
    for family in dict.fromkeys(family for family, _ in names):
        verdicts = Counter(row["verdict"] for row in rows if row["family"] == family)
        n_good = verdicts["explained"] + verdicts["undistributed"]
        parts = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common())
        print(f"{family}: {n_good} of {verdicts.total()} explained ({n_good / verdicts.total():.0%}): {parts}")


if __name__ == "__main__":
    main()
