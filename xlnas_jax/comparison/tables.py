"""What the terminal and a Markdown file show of a comparison."""

from collections.abc import Iterable, Iterator
from typing import Any

from xlnas_jax.results.few_shot.document import told, trained_part
from xlnas_jax.results.tables import PRIMARY
from xlnas_jax.terminal.text import Grid

_MINUTE, _MEGA = 60.0, 1e6


def comparison_tables(document: dict[str, Any]) -> Iterator[Grid]:
    """Of each task: means and gains by method, then all languages."""
    for name, task in document["tasks"].items():
        rows = document["summary"][name]
        prefix = "" if name == "task" else f"{name}: "
        seeds = len(document["seeds"])
        first = next(iter(rows))
        yield Grid(
            f"{prefix}Test {PRIMARY[task['primary']]} (%), mean of {seeds} "
            f"{'seed' if seeds == 1 else 'seeds'}, {document['steps']} steps",
            (
                *("method", "aux", "source", "targets", "worst", "gap"),
                *(f"gain over {first}", "95 % interval", "minutes", "peak MB"),
            ),
            [_summary_row(method, one) for method, one in rows.items()],
            notes=(
                "Intervals over seeds and test items; nothing was chosen by targets.",
                "Minutes are of tuning, compilation included.",
                *_of_few_shot(document, name),
                *_of_translate_test(document, task),
            ),
        )
        aligned = [
            _alignment_row(method, one)
            for method, one in rows.items()
            if one["alignment"] is not None
        ]
        if aligned:
            yield Grid(
                f"{prefix}How alike source and targets lie in the last layer, mean",
                (
                    *("method", "distance of means before", "after"),
                    *("debiased CKA before", "after"),
                    *("languages told apart % before", "after"),
                ),
                aligned,
                notes=(
                    "Told apart: how often a linear classifier, trained anew on half "
                    "of the sentences, names the language of the others; by chance "
                    f"{_percent(rows[first]['probe']['chance'])} %.",
                ),
            )
        columns = list(next(iter(rows.values()))["languages"])
        role_of = {c: role for role, own in task["roles"].items() for c in own}
        yield Grid(
            f"{prefix}By language (%)",
            ("language", *rows),
            [
                (
                    f"{column} ({role_of[column]})",
                    *(_percent(one["languages"][column]) for one in rows.values()),
                )
                for column in columns
            ],
        )


def _of_few_shot(document: dict[str, Any], task: str) -> tuple[str, ...]:
    """That an arm saw labels of targets, where one did."""
    found = document.get("few_shot")
    if found is None:
        return ()
    before = _percent(found["zero_shot_target_mean"][task])
    return (
        f"few_shot is no zero-shot method: after finetune it took {found['steps']} "
        f"steps of {trained_part(found)} on {told(found)}; its zero-shot target mean "
        f"was {before}.",
    )


def _of_translate_test(
    document: dict[str, Any], task: dict[str, Any]
) -> tuple[str, ...]:
    """By what an arm read test texts in translation, and how many it did not."""
    found = document.get("translate_test")
    if found is None:
        return ()
    every = [c for own in task["roles"].values() for c in own]
    left = {c: one for c, one in found["languages"].items() if c in every}
    rows, missed = (sum(one[n] for one in left.values()) for n in ("rows", "left"))
    worst = max(left, key=lambda c: left[c]["left"] / max(left[c]["rows"], 1))
    return (
        f"translate_test reads test texts in the source language, by "
        f"{found['by']}; {missed:,} of {rows:,} without a translation are read as they "
        f"are, most of them in {worst} ({left[worst]['left']:,} of "
        f"{left[worst]['rows']:,}).",
    )


def ablation_tables(document: dict[str, Any]) -> Iterator[Grid]:
    """Of each task: what is lost without every part."""
    for name, task in document["tasks"].items():
        rows = document["summary"][name]
        prefix = "" if name == "task" else f"{name}: "
        seeds = len(document["seeds"])
        yield Grid(
            f"{prefix}Test {PRIMARY[task['primary']]} (%) of what is exported, mean of "
            f"{seeds} {'seed' if seeds == 1 else 'seeds'}",
            (
                *("without", "encoder M", "source", "targets", "worst"),
                *("part is worth", "95 % interval", "what is left"),
            ),
            [
                _ablation_row(part, one, document["encoder_params"][part], left)
                for (part, one), left in zip(
                    rows.items(), document["parts"].values(), strict=True
                )
            ],
            notes=(
                "In points of the target mean; intervals over seeds and test items.",
                *document["few_shot"],
                *(f"{n}: passed over, {why}" for n, why in document["skipped"].items()),
            ),
        )


def to_markdown(grids: Iterable[Grid]) -> str:
    """The same tables for a page."""
    lines: list[str] = []
    for grid in grids:
        rule = ["---", *["---:"] * (len(grid.headings) - 1)]
        every = [list(grid.headings), rule, *map(list, grid.rows)]
        lines += [f"**{grid.title}**", ""]
        lines += ["| " + " | ".join(row) + " |" for row in every]
        lines += ["", *grid.notes, ""]
    return "\n".join(lines).rstrip() + "\n"


def _summary_row(method: str, one: dict[str, Any]) -> tuple[str, ...]:
    gain, peak = one["gain"], one["peak_bytes"]
    return (
        method,
        _percent(one["auxiliary_mean"]),
        _percent(one["source"]),
        _percent(one["target_mean"]),
        f"{_percent(one['worst_target']['value'])} {one['worst_target']['code']}",
        _percent(one["transfer_gap"]),
        "-" if gain is None else _signed(gain["difference"]),
        "-" if gain is None else f"{_signed(gain['low'])} to {_signed(gain['high'])}",
        f"{one['seconds'] / _MINUTE:.1f}",
        "-" if peak is None else f"{peak / _MEGA:.0f}",
    )


def _ablation_row(
    part: str, one: dict[str, Any], params: float, left: str
) -> tuple[str, ...]:
    gain = one["gain"]
    return (
        part if gain is not None else "nothing",
        f"{params / _MEGA:.2f}",
        _percent(one["source"]),
        _percent(one["target_mean"]),
        f"{_percent(one['worst_target']['value'])} {one['worst_target']['code']}",
        "-" if gain is None else _signed(-gain["difference"]),
        "-" if gain is None else f"{_signed(-gain['high'])} to {_signed(-gain['low'])}",
        left,
    )


def _alignment_row(method: str, one: dict[str, Any]) -> tuple[str, ...]:
    values = [one["alignment"][name] for name in ("centroid", "cka")]
    return (
        method,
        *(f"{v[when]:.3f}" for v in values for when in ("before", "after")),
        *(_percent(one["probe"][when]) for when in ("before", "after")),
    )


def _percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.1f}"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}"
