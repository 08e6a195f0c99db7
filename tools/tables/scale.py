"""Results shown under their own names: many devices, and racing."""

from typing import Any

from tables.markdown import NOT_MEASURED, median, number, percent, table

# Shown by every block already.
KNOWN = {"question", "command", "environment", "bars"}


def scaling(found: dict[str, Any]) -> list[str]:
    """Devices and processes: results, bytes, imbalance and the projection."""
    return plain(found)


def racing(found: dict[str, Any]) -> list[str]:
    """Evaluations saved, and what was lost by it."""
    settings = " ".join(found["settings"])
    lines = [
        f"`{found['config']}` with `{settings}`: {found['examples']} examples, "
        f"{found['deals']} divisions into blocks.",
        "",
        *table(_races(found["populations"]), text_columns=5),
    ]
    timed = [["population", "full scoring, s"]]
    names = dict.fromkeys(
        name
        for kind in found["populations"].values()
        for name in kind["timed"]["time_over_full"]
    )
    timed[0] += [f"{name}, over full" for name in names]
    timed[0].append("encoder work shared")
    for kind, facts in found["populations"].items():
        once = facts["timed"]
        over = [median(once["time_over_full"].get(name)) for name in names]
        row = [f"{once['population']} {kind}", median(once["full_seconds"]), *over]
        timed.append([*row, percent(once["encoder_work_shared"])])
    return [*lines, "", *table(timed)]


def _races(populations: dict[str, Any]) -> list[list[str]]:
    """One row for each population, score, rule and bound."""
    columns = ["population", "score", "rule", "bound", "delta"]
    numbers = ["evaluations saved", "regret", "races that kept all"]
    rows = [columns + numbers]
    for kind, facts in populations.items():
        for one in facts["simulated"]:
            rows.append(
                [
                    f"{one['population']} {kind}",
                    one["score"],
                    one["rule"],
                    one["bound"],
                    number(one["delta"]),
                    percent(one["evaluations_saved"]["median"]),
                    median(one["regret"]),
                    percent(one["races_that_kept_all"]),
                ]
            )
    return rows


def plain(found: dict[str, Any]) -> list[str]:
    """Numbers in a table of names and values; lists of objects as tables."""
    single = {k: v for k, v in found.items() if k not in KNOWN and not _is_rows(v)}
    lines = [f"- {_words(name)}: {_value(value)}" for name, value in single.items()]
    for name, value in found.items():
        if name in KNOWN or name in single:
            continue
        columns = list(dict.fromkeys(key for row in value for key in row))
        rows = [[_words(column) for column in columns]]
        rows += [[_value(row.get(c)) for c in columns] for row in value]
        lines += ["", f"{_words(name).capitalize()}:", "", *table(rows)]
    return lines


def _is_rows(value: Any) -> bool:
    """A list of objects, each of them a row."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) for item in value)
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if value is None:
        return NOT_MEASURED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, dict):
        if "median" in value:
            return median(value)
        return ", ".join(f"{_words(str(k))} {_value(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return str(value)
