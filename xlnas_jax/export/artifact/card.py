"""The model card: what was measured, on which languages, under which protocol."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from xlnas_jax.experiment.pieces.vocabulary import Vocabulary
from xlnas_jax.export.artifact.manifest import OF_SENTENCES
from xlnas_jax.export.forms.registry import FORMS
from xlnas_jax.export.params import count_params
from xlnas_jax.export.subnet import Subnet
from xlnas_jax.export.words import told_rows
from xlnas_jax.languages.codes import normalise
from xlnas_jax.space.constraints import shown
from xlnas_jax.space.cost import TUNED_PARAMS
from xlnas_jax.space.disk import DISK
from xlnas_jax.supernet.stages import tuned
from xlnas_jax.supernet.stages.registry import in_words

PIPELINES = {
    "classification": "text-classification",
    "tagging": "token-classification",
    "qa": "question-answering",
    "retrieval": "sentence-similarity",
}
CALLS = {
    "classification": '["a text", "another"]',
    "pairs": '["a text"], ["what stands beside it"]',
    "tagging": '["a sentence", ["or", "its", "words"]]',
    "qa": '["a question"], ["the text that holds its answer"]',
    "retrieval": '["a text", "another"]',
}
ROLES = {
    "source": "source",
    "aux_train": "auxiliary, trained on",
    "aux_heldout": "auxiliary, chose the architecture",
    "target": "target",
}


class Latency(NamedTuple):
    """Milliseconds of one batch, measured.

    Attributes:
        network_ms: of this network. full_ms: of the whole supernet.
        what: the batch, and the machine.
    """

    network_ms: float
    full_ms: float | None
    what: str


class FewShot(NamedTuple):
    """What the network learnt from labelled rows of targets, after the choice.

    Attributes:
        rows: how many of which languages, in words. steps: updates on them.
        trained: which weights learnt, in words.
        before: zero-shot metrics by language, of the network as it was before.
    """

    rows: str
    steps: int
    trained: str
    before: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Card:
    """Facts that the network itself cannot tell.

    Attributes:
        roles: languages by role, as in `front.json`.
        scores: metrics by language, measured on test data.
        trivial: what needs no network scores on the same data, by `trivial_name`,
            in the metric `primary`.
        costs: counted costs of this network. full_costs: of the whole supernet.
        cost_length: tokens of the input that FLOPs were counted for.
        latency: measured on the sliced network; absent where it was not.
        source_model: where the encoder's weights came from; empty if new.
        data: where the labelled text came from.
        augmented: which of it was made of other rows, and by whose translations.
        finetune_steps: updates of this network alone, after the search.
        finalist_steps: those before the choice, which its rivals were given too.
            may_stop: or fewer of them, where it got no better.
        method: that weights learned by.
        is_paired: examples are pairs of texts.
        vocabulary: what is kept of the pretrained one; None where it is not trimmed.
        disk_form: of which the costs hold megabytes, where they do.
        few_shot: where labelled rows of targets trained it.
        shares: of its update that each layer took while the network was trained alone;
            empty where that was no choice.
        mixed_in: the layer in which translations saw their rows meanwhile; None
            likewise.
        forms: other forms that lie beside this one, and by how much their outputs
            differ at most.
        rounding: by how much those of the model itself differ where its weights are
            written in fewer bits; None where they are not.
    """

    title: str
    roles: Mapping[str, str | Sequence[str]]
    scores: Mapping[str, Mapping[str, float]]
    trivial: Mapping[str, float]
    trivial_name: str
    primary: str
    costs: Mapping[str, int | float]
    full_costs: Mapping[str, int | float]
    cost_length: int
    data: str
    seed: int
    data_licence: str = ""
    augmented: tuple[str, ...] = ()
    source_model: str = ""
    source_licence: str = ""
    finetune_steps: int = 0
    finalist_steps: int = 0
    may_stop: bool = False
    method: str = ""
    is_paired: bool = False
    latency: Latency | None = None
    vocabulary: Vocabulary | None = None
    disk_form: str = ""
    few_shot: FewShot | None = None
    shares: Sequence[float] = ()
    mixed_in: int | None = None
    forms: Mapping[str, float] = field(default_factory=dict)
    rounding: float | None = None

    def languages(self, role: str) -> tuple[str, ...]:
        """The languages that play a role."""
        given = self.roles.get(role, ())
        return (given,) if isinstance(given, str) else tuple(given)


def render_card(card: Card, subnet: Subnet) -> str:
    """The text of `README.md`."""
    parts = (
        _front_matter(card, subnet),
        f"# {card.title}",
        _summary(subnet),
        "## Use",
        _usage(card, subnet),
        "## Scores on test data",
        _scores(card),
        "## Who was seen when",
        _protocol(card, subnet),
        "## Size",
        _size(card, subnet),
        "## Provenance and licence",
        _provenance(card),
    )
    return "\n\n".join(parts) + "\n"


def _front_matter(card: Card, subnet: Subnet) -> str:
    codes = [code for role in ROLES for code in card.languages(role)]
    return (
        f"---\nlibrary_name: xlnas-jax\npipeline_tag: {PIPELINES[subnet.task]}\n"
        f"language: {json.dumps(codes)}\n---"
    )


def _summary(subnet: Subnet) -> str:
    is_pooled = subnet.task in OF_SENTENCES
    pooling = f", {subnet.pooling} pooling" if is_pooled else ""
    return (
        f"An encoder that {_purpose(subnet)}, found by neural architecture search for "
        f"cross-lingual transfer: {len(subnet.sizes)} of {subnet.shape.num_layers} "
        f"layers{pooling}, at most {subnet.max_length} tokens at a time."
    )


def _purpose(subnet: Subnet) -> str:
    labels = ", ".join(f"`{label}`" for label in subnet.labels)
    if subnet.task == "qa":
        return "finds the answer to a question in a text that holds it"
    if subnet.task == "retrieval":
        return (
            "gives every text a vector of length 1, near to those of its translations"
        )
    if subnet.task == "tagging":
        return f"tags every word of a sentence with one of {labels}"
    return f"classifies text into {labels}"


def _usage(card: Card, subnet: Subnet) -> str:
    call = CALLS["pairs" if card.is_paired else subnet.task]
    text = (
        "```python\nimport xlnas_jax\n\n"
        'model = xlnas_jax.load("PATH_OF_THIS_DIRECTORY")\n'
        f"print(model.predict({call}))\n```"
    )
    if prefix := subnet.tokenizer.prefix:
        text += f"\n\nBefore every text `predict` puts {prefix!r}; give it without."
    if card.rounding is not None:
        text += (
            f"\n\nWeights are written in `{subnet.dtype}`, and compute in float32: "
            f"outputs differ by {card.rounding:.1e} at most from those before "
            f"rounding, of which scores below are."
        )
    for name, apart in card.forms.items():
        text += (
            f"\n\n`{name}/` is the same network for `{FORMS[name].loaded_by}`, which "
            f"loaded it when it was written: outputs differ by {apart:.1e} at most."
        )
        if name == "hf" and prefix:
            text += f" There, {prefix!r} has to be put before a text."
    if subnet.centers is not None and subnet.centers.codes:
        codes = ", ".join(subnet.centers.codes)
        text += (
            f"\n\nMeans of these languages were found on text without labels: {codes}. "
            f'Where a language is named, as in `language="{subnet.centers.codes[0]}"`, '
            f"its mean is taken away from the vectors; name it for all texts that are "
            f"compared, or for none. Scores below, and other forms, are without that."
        )
    if not subnet.own_heads:
        return text
    codes = ", ".join(subnet.own_heads)
    return (
        f"{text}\n\nThese languages have an output layer of their own: {codes}. Name "
        f'the language, as in `language="{subnet.own_heads[0]}"`, to use it; without '
        f"it, and for every other language, the shared layer answers alone."
    )


def _scores(card: Card) -> str:
    names = list(dict.fromkeys(name for one in card.scores.values() for name in one))
    if not names:
        return "Not measured."
    trivial = f"{card.trivial_name} ({card.primary})"
    before = [] if card.few_shot is None else [f"zero-shot {card.primary}"]
    rows = [_row("language", "role", *names, *before, trivial)]
    rows.append(_row("---", "---", *["---:"] * (len(names) + len(before) + 1)))
    measured = {
        role: [code for code in card.languages(role) if code in card.scores]
        for role in ROLES
    }
    for role, codes in measured.items():
        rows += [_mean_row(card, code, ROLES[role], [code], names) for code in codes]
    targets = measured["target"]
    if targets:
        rows.append(_mean_row(card, "**mean**", "targets", targets, names))
        both = [*measured["source"], *targets]
        rows.append(_mean_row(card, "**mean**", "source and targets", both, names))
    return "\n".join(rows)


def _mean_row(
    card: Card, title: str, role: str, codes: Sequence[str], names: Sequence[str]
) -> str:
    columns = [[card.scores[code].get(name) for code in codes] for name in names]
    if card.few_shot is not None:
        before = card.few_shot.before
        columns.append([before[code].get(card.primary) for code in codes])
    columns.append([card.trivial.get(code) for code in codes])
    return _row(title, role, *map(_mean, columns))


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return f"{sum(known) / len(known):.3f}" if len(known) == len(values) else "-"


def _protocol(card: Card, subnet: Subnet) -> str:
    def names(role: str) -> str:
        return ", ".join(card.languages(role)) or "none"

    alone = card.finetune_steps + card.finalist_steps
    most = "at most " if card.may_stop else ""
    tuned = f", then {most}{alone} updates of this network alone"
    if card.mixed_in is not None:
        tuned += f", in which translations saw their rows in layer {card.mixed_in}"
    lines = (
        f"Weights learned from labels of {names('source')} (source) and "
        f"{names('aux_train')} (auxiliary, trained on)"
        f"{tuned if alone else ''}.",
        *_of_texts(card),
        f"Candidates were compared by labels of {names('aux_heldout')} (auxiliary): "
        "the choice has seen these languages, though not their test data.",
        _of_targets(card, names("target")),
        *_vocabulary(card, subnet),
        f"One run, seed {card.seed}: it says nothing of the spread between seeds.",
    )
    return "\n".join(f"- {line}" for line in lines)


def _of_targets(card: Card, targets: str) -> str:
    """When labels of targets were read, and whether any of them trained."""
    few = card.few_shot
    if few is None:
        return f"Labels of {targets} (target) were read once, after the choice."
    return (
        f"Labels of {targets} (target) were read after the choice alone. Then "
        f"**{few.rows}**, of train splits, trained {few.trained} in {few.steps} "
        f"updates: scores of targets are no zero-shot ones, which stand beside them."
    )


def _of_texts(card: Card) -> list[str]:
    """What was learnt from text without labels, and whether targets' was among it."""
    texts = card.languages("unlabelled")
    if not texts:
        return []
    targets = [code for code in texts if code in card.languages("target")]
    by = f", by {card.method}" if card.method else ""
    lines = [f"Text without labels was used of {', '.join(texts)}{by}."]
    if targets:
        lines.append(
            f"Text of {', '.join(targets)} was among it, so these targets are not "
            "languages that the network never met."
        )
    return lines


def _vocabulary(card: Card, subnet: Subnet) -> Iterator[str]:
    """Whose texts decided which pieces there are, and what that did to them."""
    kept = card.vocabulary
    if kept is None:
        return
    count = kept.num_files
    files = f" and of {count} file{'s' if count > 1 else ''}" if count else ""
    seen = {normalise(code) for code in kept.languages}
    yield (
        f"The vocabulary was trimmed before the search from {kept.rows:,} to "
        f"{subnet.shape.vocab_size:,} pieces, by texts of {', '.join(kept.languages)}"
        f"{files}: train and dev splits without their labels, no test split. All "
        f"networks of the search have these pieces, the full one too."
    )
    targets = [code for code in card.languages("target") if normalise(code) in seen]
    if targets:
        yield (
            f"So texts of {', '.join(targets)} (target), though no labels, were seen "
            f"before the choice."
        )
    words = subnet.shape.words
    if words is not None:
        yield told_rows(words)
    name, growth = kept.most_grown
    if growth > 0:
        yield (
            f"Texts have more tokens than with all pieces: at most "
            f"{100 * growth:.1f} % more, of {name}, in a sample."
        )


def _size(card: Card, subnet: Subnet) -> str:
    rows = [_row("", "this network", "full network"), _row("---", "---:", "---:")]
    titles = {
        "params": "parameters",
        "encoder_params": "parameters without embeddings and head",
        "flops": f"FLOPs of an input of {card.cost_length} tokens",
        "memory_bytes": "bytes of weights and activations",
        TUNED_PARAMS: "parameters of layers that training alone changes",
    }
    if DISK in card.costs:
        titles[DISK] = f"megabytes as `{card.disk_form}`, tokenizer included"
    for name, title in titles.items():
        counts = (card.costs.get(name), card.full_costs.get(name))
        if name == TUNED_PARAMS and counts[0] is None:
            continue
        cells = ["-" if count is None else shown(count) for count in counts]
        rows.append(_row(title, *cells))
    if card.latency is not None:
        times = card.latency.network_ms, card.latency.full_ms
        cells = ["-" if ms is None else f"{ms:,.3f}" for ms in times]
        rows.append(_row(f"milliseconds of {card.latency.what}, measured", *cells))
    layers = [f"{i}. {in_words(size)}" for i, size in enumerate(subnet.sizes, 1)]
    if card.shares:
        pairs = zip(layers, card.shares, strict=True)
        layers = [f"{layer}, {tuned.in_words(share)}" for layer, share in pairs]
    held = f"{count_params(subnet.weights):,} parameters are stored, layer by layer:"
    return "\n".join(rows) + f"\n\n{held}\n\n" + "\n".join(layers)


def _provenance(card: Card) -> str:
    def licence(given: str) -> str:
        return f"licence: {given or 'unknown, ask its authors before you redistribute'}"

    origin = "Encoder weights were trained from nothing for this model."
    if card.source_model:
        origin = (
            f"Encoder weights started from {card.source_model} "
            f"({licence(card.source_licence)})."
        )
    text = f"Labelled text: {card.data} ({licence(card.data_licence)})."
    made = (f"{line}." for line in card.augmented)
    return "\n".join(f"- {line}" for line in (origin, text, *made))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
