"""How the networks of a run do in every language, with what a language is."""

from typing import Any

from xlnas_jax.languages.codes import named, script_of
from xlnas_jax.languages.distance.typology import families_of
from xlnas_jax.languages.distance.uriel import is_installed, iso_of
from xlnas_jax.report.found import Found
from xlnas_jax.report.networks import ALONE, FRONT, SHARED, Row, network_rows
from xlnas_jax.results.document import columns_by_role
from xlnas_jax.results.tables import BASELINES, PRIMARY
from xlnas_jax.types import XlnasError

# Of more networks with test scores the picks are shown, controls, and some of the rest.
MAX_NETWORKS = 14
UNKNOWN = "–"
# A network, and its test scores by column.
Pair = tuple[Row, dict[str, Any]]


def score_rows(run: Found, first: int = 0, is_alone: bool = True) -> list[Row]:
    """The official test metric in percent, one row a language and network.

    Args:
        first: the column of the first network; the trivial baseline stands there.
        is_alone: no other run stands beside it, of which the full network and the
            picks would be enough.
    """
    document = run.front
    if document is None:
        return []
    pairs = [
        pair for pair in zip(network_rows(run), tested_of(run), strict=True) if pair[1]
    ]
    shown = _shown(pairs) if is_alone else _few(pairs)
    where = "" if is_alone else f"{run.label}: "
    rows = []
    for name, task in document["tasks"].items():
        for place, (column, role) in enumerate(columns_by_role(task)):
            language = {
                "run": run.label,
                "task": name,
                "metric": PRIMARY.get(task["primary"], task["primary"]),
                "place": place,
                "column": column,
                "role": role,
                **described(column),
            }
            trivial = task["trivial"]
            told = f"trivial: {trivial['name']}"
            given = [("", told, trivial["scores"][column])] if not first else []
            given += [
                (row["key"], where + called(row), scores[column][task["primary"]])
                for row, scores in shown
            ]
            rows += [
                {
                    **language,
                    "key": key,
                    "network": network,
                    "order": order,
                    "score": None if score is None else round(100 * score, 2),
                }
                for order, (key, network, score) in enumerate(given, first)
            ]
    return rows


def called(row: Row) -> str:
    """A network's name, with its id where another one may have that name."""
    short = row["id"][:6]
    return row["name"] if row["name"] == row["id"] else f"{row['name']} · {short}"


def tested_of(run: Found) -> list[dict[str, Any]]:
    """Test scores of networks by column, in the order of their rows; {} of some."""
    document = run.front or {}
    points = [*document["baselines"].values(), *document["points"]]
    points += document.get("finalists", {}).get("networks", [])
    return [point["languages"] for point in points]


def _few(pairs: list[Pair]) -> list[Pair]:
    """The full network and the picks."""
    full = BASELINES["full"]
    return [
        p
        for p in pairs
        if p[0]["picks"] or (p[0]["weights"] == SHARED and p[0]["name"] == full)
    ]


def _shown(pairs: list[Pair], most: int = MAX_NETWORKS) -> list[Pair]:
    """At most so many: the baselines, the picks, then the others evenly.

    Of networks that were trained alone those that were found, not their controls.
    """
    is_alone = any(row["weights"] == ALONE for row, _ in pairs)
    wanted = [p for p in pairs if p[0]["weights"] == SHARED and p[0]["kind"] != FRONT]
    others = [
        p
        for p in pairs
        if p[0]["kind"] == FRONT and (p[0]["weights"] == ALONE) == is_alone
    ]
    picks = [p for p in others if p[0]["picks"]]
    rest = [p for p in others if not p[0]["picks"]]
    room = max(0, most - len(wanted) - len(picks))
    step = max(1, -(-len(rest) // room)) if room else len(rest) + 1
    kept = {id(p) for p in (*picks, *rest[::step][:room])}
    return wanted + [p for p in others if id(p) in kept]


def described(column: str) -> Row:
    """Name, script and family of a column's language."""
    code = column.rpartition("/")[2]
    try:
        return {
            "language": named(code),
            "script": script_of(code) or UNKNOWN,
            "family": family_of(code),
        }
    except XlnasError:  # a run may hold a code that CLDR does not know any more
        return {"language": column, "script": UNKNOWN, "family": UNKNOWN}


def family_of(code: str) -> str:
    """The largest family that a language belongs to, where that is known.

    It is known where `urielplus` is installed.
    """
    if not is_installed():
        return UNKNOWN
    iso = iso_of(code)
    families = families_of(iso) if iso else ()
    return families[0].removeprefix("F_").replace("_", " ") if families else UNKNOWN
