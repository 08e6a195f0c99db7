"""As `transformers` loads it: the family's own class, missing heads and neurons zero.

All layers of such a class are of one size. A head of zeros adds nothing, since its
values are zero, and so does a neuron without weights; where norms stand before the
halves of a layer, so does a half of zeros. What is written computes the same, though it
takes the memory and the time of the largest layer. Exact but for rounding.

References:
    Wolf et al., "Transformers", 2020. https://aclanthology.org/2020.emnlp-demos.6
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors.numpy import save_file

from xlnas_jax.data.tokens.tokenizer import Tokenizer
from xlnas_jax.export.forms.base import Call, Form, Outputs
from xlnas_jax.export.params import SubnetParams
from xlnas_jax.export.rounding import DTYPES, narrowed
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.shape import AFTER, EncoderShape
from xlnas_jax.supernet.families.base import Family
from xlnas_jax.supernet.families.layout import Rule, axis_sizes, to_stored
from xlnas_jax.supernet.families.registry import of_layers
from xlnas_jax.supernet.params import LayerParams
from xlnas_jax.supernet.pieces.positions import BARE, LOCAL
from xlnas_jax.supernet.stages import lora
from xlnas_jax.supernet.stages.feed_forward import FFN
from xlnas_jax.supernet.stages.registry import GROUPED, PRETRAINED, stages_with
from xlnas_jax.supernet.units import blank

# Of each task: the class, by what its name begins with, and where its head stands.
_CLASSES = {
    "classification": "ForSequenceClassification",
    "tagging": "ForTokenClassification",
    "qa": "ForQuestionAnswering",
    "retrieval": "Model",
}
# As tokenizers give them: ids, which of them are no padding, and of which text.
IDS, MASK, SEGMENTS = "input_ids", "attention_mask", "token_type_ids"


def refuse(subnet: Subnet) -> str | None:
    """What such a class cannot hold."""
    kept = merged(subnet.weights)
    if subnet.own_heads:
        return "a language has an output layer of its own"
    family = family_of(subnet)
    if subnet.task == "classification" and subnet.pooling not in family.poolings:
        return (
            f"texts are classified by {' or '.join(family.poolings)} pooling there, "
            f"and by {subnet.pooling} pooling here"
        )
    if subnet.task in ("tagging", "qa") and subnet.task not in family.token_heads:
        return (
            f"the family {family.name} has no class for {subnet.task} whose output "
            f"layer reads what the encoder gives, as the one here does"
        )
    if not kept.sizes:
        return "it has no layer"
    is_behind = subnet.shape.spec.norm_place == AFTER
    for number, size in enumerate(map(dict, kept.sizes), 1):
        stages = stages_with(size)
        if stages not in (PRETRAINED, GROUPED):
            return f"layer {number} has more than attention and feed-forward parts"
        if is_behind and any(stage.is_absent(size) for stage in stages):
            return f"layer {number} lacks one of its halves, with the norm after it"
    return None


def merged(weights: SubnetParams) -> SubnetParams:
    """The same network with updates of low rank in the kernels they are added to."""
    sizes = tuple(
        tuple((name, value) for name, value in size if name != lora.LORA)
        for size in weights.sizes
    )
    layers = tuple(map(lora.merged, weights.layers))
    return dataclasses.replace(weights, layers=layers, sizes=sizes)


def family_of(subnet: Subnet) -> Family:
    """The family whose classes compute what the network computes."""
    return of_layers(subnet.shape.family)


def write(subnet: Subnet, folder: Path) -> None:
    """`config.json`, weights, and the tokenizer."""
    folder.mkdir(parents=True)
    sizes = full_sizes(subnet)
    write_json(folder / "config.json", class_config(subnet, sizes))
    found = narrowed(tensors(subnet, sizes), subnet.dtype)
    save_file(found, folder / "model.safetensors", metadata={"format": "pt"})
    write_tokenizer(subnet, folder)


def tensors(subnet: Subnet, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Every tensor by its name in a checkpoint.

    Args:
        sizes: of every axis, those of heads and neurons the same in all layers.
    """
    family, weights = (
        family_of(subnet),
        jax.tree.map(np.asarray, merged(subnet.weights)),
    )
    encoder = "" if subnet.task == "retrieval" else family.prefix
    found: dict[str, list[np.ndarray]] = {}

    def put(rule: Rule, tree: Any, layer: int = 0) -> None:
        if layer >= rule.first:
            name, tensor = stored_leaf(rule, tree, sizes, encoder, layer)
            found.setdefault(name, []).append(tensor)

    for rule in family.embeddings:
        put(rule, weights.embeddings)
    for rule in family.final:
        put(rule, weights.final_norm)
    for number, layer in enumerate(written_layers(weights)):
        for rule in family.layer:
            put(rule, layer, number)
    for rule in _head_rules(subnet, family):
        part = rule.target.split(".")[0]
        put(rule, getattr(weights.head, part))
    return joined(found)


def joined(found: Mapping[str, Sequence[np.ndarray]]) -> dict[str, np.ndarray]:
    """Tensors by name; of one that is several maps they stand one after another."""
    return {name: np.concatenate(parts) for name, parts in found.items()}


def written_layers(weights: SubnetParams) -> tuple[LayerParams, ...]:
    """The layers, behind one of zeros where a class must have it.

    Some families' first layer has no norm before its attention; where it is not kept,
    the next one does.
    """
    first, *_ = weights.layers
    if first.marks is None or first.marks[BARE] > 0.5:
        return weights.layers
    return blank(first), *weights.layers


def stored_leaf(
    rule: Rule, tree: Any, sizes: Mapping[str, int], encoder: str, layer: int = 0
) -> tuple[str, np.ndarray]:
    """A tensor's name in a checkpoint, and its numbers as they are stored there.

    Args:
        tree: what the first field of the rule's target names.
        sizes: of every axis; what a leaf lacks of one is zeros, and all of it where a
            layer is without its half.
        encoder: what the names of the encoder's tensors begin with.
    """
    leaf = tree
    for field in rule.target.split(".")[1:]:
        leaf = None if leaf is None else getattr(leaf, field)
    axes = rule.layout.split("->")[1].split()
    if leaf is None:
        leaf = np.zeros([sizes[axis] for axis in axes], np.float32)
    lacks = [
        (0, sizes[axis] - size) for axis, size in zip(axes, leaf.shape, strict=True)
    ]
    stored = to_stored(np.pad(leaf, lacks), rule.layout, sizes)
    name = rule.source.format(encoder=encoder, layer=layer)
    return name, np.ascontiguousarray(stored, np.float32)


def _head_rules(subnet: Subnet, family: Family) -> tuple[Rule, ...]:
    if subnet.task == "classification":
        return family.head
    return family.token_heads.get(subnet.task, ())


def full_sizes(subnet: Subnet) -> dict[str, int]:
    """Of every axis; as many neurons as the largest layer has."""
    neurons = max((dict(size)[FFN] for size in subnet.weights.sizes), default=0)
    outputs = 2 if subnet.task == "qa" else len(subnet.labels)
    return {**axis_sizes(subnet.shape), "neuron": neurons, "label": outputs}


def class_config(subnet: Subnet, sizes: Mapping[str, int]) -> dict[str, Any]:
    """Entries of `config.json`, by which the class and its sizes are known."""
    kind, family = _CLASSES[subnet.task], family_of(subnet)
    layers = written_layers(subnet.weights)
    is_local = [
        one.marks is not None and bool(one.marks[LOCAL] > 0.5) for one in layers
    ]
    found = config_of(subnet.shape, kind, is_local, sizes["neuron"])
    found["dtype"] = DTYPES[subnet.dtype].name
    if subnet.task == "classification":
        pooling = family.poolings.get(subnet.pooling)
        found |= family.class_entries
        found |= {"classifier_pooling": pooling} if pooling else {}
    if subnet.labels:
        found["id2label"] = {str(n): label for n, label in enumerate(subnet.labels)}
        found["label2id"] = {label: n for n, label in enumerate(subnet.labels)}
    return found


def config_of(
    shape: EncoderShape, kind: str, is_local: Sequence[bool], neurons: int
) -> dict[str, Any]:
    """The entries of `config.json` that every class of an encoder has.

    Args:
        kind: how the name of the class ends.
        is_local: of every layer, whether it sees its neighbours alone.
        neurons: of every layer.
    """
    family = of_layers(shape.family)
    sizes = {
        "hidden_size": shape.width,
        "num_hidden_layers": len(is_local),
        "num_attention_heads": shape.num_heads,
        "intermediate_size": neurons,
        "vocab_size": shape.vocab_size,
        "max_position_embeddings": shape.max_positions,
        "type_vocab_size": shape.num_segments,
        "pad_token_id": shape.pad_id,
        "layer_norm_eps": shape.norm_epsilon,
    }
    own = {family.key(name): value for name, value in sizes.items()}
    return {
        **family.fixed,
        "architectures": [family.classes + kind],
        "model_type": family.name,
        **{name: value for name, value in own.items() if name},
        **family.entries(shape, is_local),
        "dtype": "float32",
    }


def write_tokenizer(subnet: Subnet, folder: Path) -> None:
    """The tokenizer of a network, as `save_tokenizer` writes it."""
    save_tokenizer(subnet.tokenizer, subnet.shape.reads_segments, folder)


def save_tokenizer(
    tokenizer: Tokenizer, reads_segments: bool, folder: Path, mask_id: int | None = None
) -> None:
    """`tokenizer.json`, and what `AutoTokenizer` asks beside it.

    Args:
        mask_id: of the token that stands for a masked one, if there is one.
    """
    (folder / "tokenizer.json").write_text(tokenizer.to_text(), "utf-8")
    names = ["input_ids", "token_type_ids", "attention_mask"]
    if not reads_segments:
        names.remove("token_type_ids")
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokenizer.max_length,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        "model_input_names": names,
        **special_tokens(tokenizer, mask_id),
    }
    write_json(folder / "tokenizer_config.json", settings)


def special_tokens(tokenizer: Tokenizer, mask_id: int | None) -> dict[str, str]:
    """The tokens that padding, unknown text and the ends of a text have."""
    ids = {"pad_token": tokenizer.pad_id}
    if tokenizer.unk_id is not None:
        ids["unk_token"] = tokenizer.unk_id
    if mask_id is not None:
        ids["mask_token"] = mask_id
    ends = tokenizer.backend.encode("").ids
    if len(ends) == 2:
        ids |= {"cls_token": ends[0], "sep_token": ends[1]}
    return {name: str(tokenizer.backend.id_to_token(id)) for name, id in ids.items()}


def write_json(file: Path, content: Any) -> None:
    """Readable, with a newline at the end."""
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def open_folder(folder: Path, subnet: Subnet) -> Call:
    """The family's class on arrays, computing in the dtype that its weights have.

    Of vectors the pooling is ours.
    """
    import torch
    import transformers

    kind = "AutoModel" + _CLASSES[subnet.task].removeprefix("Model")
    model = getattr(transformers, kind).from_pretrained(folder).eval()

    def call(tokens: Any, segments: Any, length: Any) -> np.ndarray:
        arrays = class_inputs(subnet, tokens, segments, length)
        inputs = {name: torch.from_numpy(one) for name, one in arrays.items()}
        with torch.no_grad():
            return _outputs(subnet, model(**inputs), arrays[MASK].astype(bool))

    return call


def class_inputs(
    subnet: Subnet, tokens: Any, segments: Any, length: Any
) -> dict[str, np.ndarray]:
    """Arrays as tokenizers of `transformers` give them, by name."""
    # A row that fills a batch up has no token; of nothing there is no mean.
    count = np.maximum(np.asarray(length), 1)
    is_real = np.arange(tokens.shape[1])[None] < count[:, None]
    arrays: dict[str, Any] = {IDS: tokens, MASK: is_real, SEGMENTS: segments}
    return {name: np.asarray(arrays[name], np.int64) for name in input_names(subnet)}


def input_names(subnet: Subnet) -> tuple[str, ...]:
    """What an encoder of its family takes, in order."""
    return (IDS, MASK, SEGMENTS) if subnet.shape.reads_segments else (IDS, MASK)


def _outputs(subnet: Subnet, given: Any, is_real: np.ndarray) -> np.ndarray:
    """What a class returned, as `Subnet.__call__` gives it."""
    if subnet.task in ("classification", "tagging"):
        return given.logits.float().numpy()
    if subnet.task == "qa":
        ends = given.start_logits, given.end_logits
        return np.stack([end.float().numpy() for end in ends], axis=-1)
    pools = {"mean": lambda x: x.mean(0), "max": lambda x: x.max(0)}
    pool = pools.get(subnet.pooling, lambda x: x[0])
    every = zip(given.last_hidden_state.float().numpy(), is_real, strict=True)
    found = np.stack([pool(hidden[mask]) for hidden, mask in every])
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def run(folder: Path, subnet: Subnet, texts: Sequence[str], size: int) -> Outputs:
    """The same of texts, by the class's own tokenizer."""
    return run_texts(open_folder(folder, subnet), folder, subnet, texts, size)


def run_texts(
    call: Call, folder: Path, subnet: Subnet, texts: Sequence[str], size: int
) -> Outputs:
    """What a network in a folder gives of texts, so many of them at a time.

    Tokens are those of the tokenizer that `transformers` reads there.
    """
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found: Outputs = []
    for start in range(0, len(texts), size):
        chunk = [subnet.tokenizer.prefix + text for text in texts[start : start + size]]
        inputs = tokenizer(
            chunk,
            padding=True,
            truncation=True,
            max_length=subnet.max_length,
            return_tensors="np",
        )
        tokens = np.asarray(inputs["input_ids"])
        segments = np.asarray(inputs.get("token_type_ids", np.zeros_like(tokens)))
        length = np.asarray(inputs["attention_mask"]).sum(1)
        rows = call(tokens, segments, length)
        # What reads tokens says nothing of padding.
        counts = length if rows.ndim > 2 else [None] * len(rows)
        found += [row[:count] for row, count in zip(rows, counts, strict=True)]
    return found


FORM = Form(
    name="hf",
    loaded_by="transformers",
    modules=("torch", "transformers"),
    advice="pip install 'xlnas-jax[hf]'",
    refuse=refuse,
    write=write,
    run=run,
    open=open_folder,
)
