"""How small and how fast is what is exported, in every form?

An encoder of multilingual-e5-small's shape, whole and cut, with new weights and a
small vocabulary: what a form costs does not depend on what was learnt. Every form is
called by its own library on the same tokens, in turn, and is held against the whole
encoder in the same form.

    python -m benchmarks.speed.forms --out benchmarks/results/forms.json
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.harness import arguments, interleaved, ratios, summary
from benchmarks.reporting import Bar, at_most, report
from xlnas_jax.config.space import SpaceConfig
from xlnas_jax.data.tokens.unigram import train_tokenizer
from xlnas_jax.export.forms.registry import FORMS, sample_texts
from xlnas_jax.export.slice import slice_subnet
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.space.cost import CostModel, HeadSize
from xlnas_jax.space.disk import DISK, Disk
from xlnas_jax.space.shape import FROM_PADDING, EncoderShape, Spec
from xlnas_jax.space.space import SearchSpace
from xlnas_jax.supernet.chain import make_space
from xlnas_jax.supernet.heads import init_head
from xlnas_jax.supernet.init import init_encoder
from xlnas_jax.supernet.params import SupernetParams

OURS = "flax"
LABELS = ("bad", "good")
# Texts and tokens of a batch: one at a time, and many.
BATCHES = ((1, 32), (32, 128))
LANGUAGES = ("de", "fr", "sw", "am", "hi", "zh", "ru", "ar", "ko", "ta")
# What is counted before a search, of the files that are written.
COUNTED_WITHIN = 0.01


class Sizes(NamedTuple):
    """Of the encoder, and what of it cut networks keep."""

    layers: int
    heads: int
    ffn: int
    cut: dict[str, tuple[int, int, int]]


# Layers, heads and inner neurons: half of the layers' FLOPs, and a quarter.
E5 = Sizes(12, 12, 1536, {"1/2": (12, 6, 768), "1/4": (6, 6, 768)})
TOY = Sizes(2, 2, 32, {"1/2": (2, 1, 16)})


def main() -> None:
    """Writes every network in every form, and calls them."""
    parser = arguments(__doc__)
    given = parser.parse_args()
    sizes, batches = (TOY, ((1, 8),)) if given.quick else (E5, BATCHES)
    repeats = min(given.repeats, 2) if given.quick else given.repeats
    with tempfile.TemporaryDirectory() as room:
        networks = make_networks(sizes)
        rows = [
            measured(name, networks, batches, repeats, Path(room)) for name in forms()
        ]
    bars = [bar for row in rows for bar in row.pop("bars")]
    report(given.out, __doc__, {"forms": rows, "bars": bars})


def forms() -> list[str]:
    """Ours, and those that are called on arrays."""
    return [OURS, *(name for name, form in FORMS.items() if form.open is not None)]


class Network(NamedTuple):
    """One network, and where it was cut from."""

    subnet: Subnet
    space: SearchSpace
    row: np.ndarray


def make_networks(sizes: Sizes) -> dict[str, Network]:
    """The whole encoder, and what is cut out of it, by name."""
    texts = sample_texts(LANGUAGES)[:-1]
    tokenizer = train_tokenizer(texts, 8_000, 128)
    offset = tokenizer.pad_id + 1
    shape = EncoderShape(
        vocab_size=tokenizer.vocab_size,
        width=32 * sizes.heads,
        num_layers=sizes.layers,
        num_heads=sizes.heads,
        head_dim=32,
        ffn=sizes.ffn,
        max_positions=512 + offset,
        num_segments=1,
        position_offset=offset,
        pad_id=tokenizer.pad_id,
        norm_epsilon=1e-12,
        family="xlm-roberta",
        spec=Spec(positions=FROM_PADDING),
    )
    heads = tuple(sorted({sizes.heads, *(cut[1] for cut in sizes.cut.values())}))
    neurons = tuple(sorted({sizes.ffn, *(cut[2] for cut in sizes.cut.values())}))
    space = make_space(
        SpaceConfig(heads=heads, ffn=neurons, min_layers=1, pooling=("cls",)), shape
    )
    encoder = init_encoder(jax.random.key(0), shape, space)
    head = init_head(jax.random.key(1), shape, len(LABELS))
    params = SupernetParams(encoder, head)
    whole = {"full": (sizes.layers, sizes.heads, sizes.ffn)}

    def network(layers: int, heads: int, ffn: int) -> Network:
        kept = [1] * layers + [0] * (sizes.layers - layers)
        values = {
            "keep": kept,
            "heads": [heads] * sizes.layers,
            "ffn": [ffn] * sizes.layers,
            "pooling": ["cls"],
        }
        row = space.canonical(np.asarray(space.from_values(values))[None])[0]
        sliced = slice_subnet(params, space, row)
        subnet = Subnet(sliced, shape, "cls", LABELS, tokenizer)
        return Network(subnet, space, row)

    return {name: network(*cut) for name, cut in {**whole, **sizes.cut}.items()}


def measured(
    name: str,
    networks: dict[str, Network],
    batches: tuple[tuple[int, int], ...],
    repeats: int,
    room: Path,
) -> dict[str, Any]:
    """Megabytes and seconds of every network in one form."""
    calls: dict[str, Callable[..., object]] = {}
    megabytes: dict[str, float] = {}
    bars: list[Bar] = []
    for label, network in networks.items():
        folder = room / f"{name}-{label.replace('/', '-')}"
        calls[label] = _written(name, network.subnet, folder)
        if name != OURS:
            megabytes[label] = _bytes_below(folder) / 1e6
            bars += _counted(name, label, network, megabytes[label])
    times = [
        _timed(calls, networks["full"].subnet, *batch, repeats) for batch in batches
    ]
    return {"form": name, "megabytes": megabytes, "batches": times, "bars": bars}


def _written(name: str, subnet: Subnet, folder: Path) -> Callable[..., object]:
    """A form on the disk, opened by its library; ours as it is."""
    if name == OURS:
        return jax.jit(lambda *arrays: subnet(*arrays))
    form = FORMS[name]
    assert form.open is not None
    form.write(subnet, folder)
    return form.open(folder, subnet)


def _counted(name: str, label: str, network: Network, found: float) -> list[Bar]:
    """How far the count before a search is from what was written."""
    if name not in ("onnx", "onnx-int8"):
        return []
    subnet = network.subnet
    disk = Disk(name, len(subnet.tokenizer.to_text().encode()))
    head = (HeadSize(len(LABELS)),)
    costs = CostModel(network.space, subnet.shape, head, length=32, disk=disk)
    counted = float(costs.counted(network.row[None])[DISK][0])
    what = f"share by which {name}, {label}, is not what was counted"
    return [at_most(what, COUNTED_WITHIN, abs(counted / found - 1))]


def _bytes_below(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def _timed(
    calls: dict[str, Callable[..., object]],
    subnet: Subnet,
    texts: int,
    tokens: int,
    repeats: int,
) -> dict[str, Any]:
    """Milliseconds of a batch, network by network, and over the whole encoder's."""
    rng = np.random.default_rng(0)
    ids = rng.integers(5, subnet.shape.vocab_size, (texts, tokens)).astype(np.int32)
    given = ids, np.zeros_like(ids), np.full(texts, tokens, np.int32)
    seconds = interleaved(
        {name: lambda call=call: call(*given) for name, call in calls.items()},
        repeats,
        warm_up=2,
    )
    return {
        "texts": texts,
        "tokens": tokens,
        "networks": {
            name: {
                "milliseconds": summary([1e3 * one for one in own]),
                "over_full": ratios(own, seconds["full"]),
            }
            for name, own in seconds.items()
        },
    }


if __name__ == "__main__":
    main()
