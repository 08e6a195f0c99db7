"""Tables of languages: what the tokenizer makes of them, and how far they are."""

from collections.abc import Mapping, Sequence

import numpy as np

from xlnas_jax.config.languages import DistanceConfig
from xlnas_jax.data.sources import read_texts
from xlnas_jax.data.tokens.coverage import fertility, plain_ids, unk_rate
from xlnas_jax.experiment.parts import TaskPart
from xlnas_jax.languages.codes import titled
from xlnas_jax.languages.distance.composite import Distances, measure
from xlnas_jax.languages.distance.texts import Pieces, between_counts, count_pieces
from xlnas_jax.languages.distance.uriel import is_installed
from xlnas_jax.languages.ranking import cover, rank
from xlnas_jax.terminal.text import Grid
from xlnas_jax.types import ConfigError

# Of every target, so many languages are named that are nearest to it.
NEAREST = 3


def make_language_table(part: TaskPart, where: str) -> Grid:
    """Role, tokens per word, unknown tokens, and sub-word distance from the source.

    The distance is the share of a language's tokens that never occur in the
    source's text: no labels, no typology, only what the tokenizer sees.
    """
    roles, tokenizer = part.roles, part.tokenizer
    known = count_pieces(pieces_of(part, roles.source))
    rows = []
    for code in roles.all:
        texts = _texts(part, code)
        ids = plain_ids(tokenizer, texts)
        distance = between_counts(known, count_pieces(ids))
        rows.append(
            (
                titled(code, part.codes[code]),
                roles.role_of(code),
                f"{fertility(tokenizer, texts, ids):.2f}",
                f"{100 * unk_rate(tokenizer, texts, ids):.1f}",
                _told(distance.value),
            )
        )
    headings = ("language", "role", "tokens per word", "<unk> %", "sub-word distance")
    title = f"{where}Languages of {part.task.kind} (texts without labels)"
    return Grid(title, headings, rows)


def make_distance_tables(
    part: TaskPart, weights: DistanceConfig, where: str
) -> list[Grid]:
    """From the source by kind, between all, and the nearest to every target.

    Where the package with the features is missing, a line says so instead.
    """
    title = f"{where}Distance between languages"
    if not is_installed():
        note = "By recorded features: pip install 'xlnas-jax[languages]'"
        return [Grid(title, ("",), [], (note,))]
    roles = part.roles
    codes = tuple(dict.fromkeys((*roles.all, *roles.unlabelled)))
    try:
        made = measure(codes, weights, {code: pieces_of(part, code) for code in codes})
    except ConfigError as error:
        return [Grid(title, ("",), [], (str(error),))]
    names = {code: titled(code, part.codes[code]) for code in codes}
    return [
        _by_kind(made, names, f"{where}Distance from {names[roles.source]}"),
        _matrix(made, names, f"{title}, of all kinds (from row to column)", roles.all),
        _nearest(part, made, names, f"{where}Nearest to each target"),
        _ranked(part, made, names, f"{where}To transfer from, and to choose on"),
    ]


def _by_kind(made: Distances, names: Mapping[str, str], title: str) -> Grid:
    """What is known of the way from the first language to each."""
    combined, confidence = made.combined()[0], made.combined_confidence()[0]
    rows = []
    for n, code in enumerate(made.languages):
        kinds = (_told(made.values[kind][0, n]) for kind in made.weights)
        rows.append((names[code], *kinds, _told(combined[n]), f"{confidence[n]:.0%}"))
    weights = ", ".join(f"{kind} {weight:g}" for kind, weight in made.weights.items())
    note = f"Weights (languages.distance): {weights}; each times what is known."
    return Grid(title, ("language", *made.weights, "all", "known"), rows, (note,))


def _matrix(
    made: Distances, names: Mapping[str, str], title: str, to: Sequence[str]
) -> Grid:
    columns = [made.languages.index(code) for code in to]
    rows = [
        (names[code], *map(_told, row[columns]))
        for code, row in zip(made.languages, made.combined(), strict=True)
    ]
    return Grid(title, ("from", *to), rows)


def _nearest(
    part: TaskPart, made: Distances, names: Mapping[str, str], title: str
) -> Grid:
    """Of those that may be learnt from or chosen on, which are nearest to targets."""
    combined, place = made.combined(), made.languages.index
    others = [code for code in made.languages if code not in part.roles.target]
    rows = []
    for target in part.roles.target:
        order = sorted(others, key=lambda c: combined[place(c), place(target)])
        found = [
            f"{code} {_told(combined[place(code), place(target)])}"
            for code in order[:NEAREST]
        ]
        rows.append((names[target], ", ".join(found)))
    return Grid(title, ("target", "nearest of the other languages"), rows)


def _ranked(
    part: TaskPart, made: Distances, names: Mapping[str, str], title: str
) -> Grid:
    """The other languages by mean distance to targets, and the order they cover in."""
    targets = part.roles.target
    others = [code for code in made.languages if code not in targets]
    place = made.languages.index
    rows, columns = list(map(place, others)), list(map(place, targets))
    table = made.combined()[np.ix_(rows, columns)]
    order = [others[n] for n in cover(table, len(others))]
    found = [
        (
            names[one.language],
            part.roles.role_of(one.language),
            _told(one.distance),
            names.get(one.nearest, "-"),
            str(order.index(one.language) + 1),
        )
        for one in rank(table, others, targets)
    ]
    headings = ("language", "role", "mean distance", "nearest target", "covers as no.")
    note = (
        "Nearest on average first. As number k a language adds most to the k - 1 "
        "before it, of nearness to all targets: what languages.choose takes."
    )
    return Grid(title, headings, found, (note,))


def _told(distance: float) -> str:
    return "-" if np.isnan(distance) else f"{distance:.2f}"


def _texts(part: TaskPart, code: str) -> tuple[str, ...]:
    """Texts of the split that a language's role looks at, without labels."""
    return read_texts(part.source, code, part.roles.split_of(code))


def pieces_of(part: TaskPart, code: str) -> Pieces:
    """Ids of the tokens of each of a language's texts."""
    return plain_ids(part.tokenizer, _texts(part, code))
