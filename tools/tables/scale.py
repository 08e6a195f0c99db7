"""Many devices, and racing."""

from typing import Any

from tables.markdown import median, number, percent, table


def scaling(found: dict[str, Any]) -> list[str]:
    """Devices and processes: results, bytes, imbalance and the projection."""
    size = found["problem"]
    lines = [
        f"{size['population']} candidates of {size['size']}, batches of "
        f"{size['batch']} x {size['seq']} tokens. {found['note']} Bytes are of one "
        f"device.",
        "",
        *table(_arrangements(found["runs"])),
        "",
        "Imbalance, and layers that more than one device computes:",
        "",
        *table(_balances(found["balance"])),
    ]
    return [*lines, "", *_projection(found["projection"])]


def _arrangements(runs: list[dict[str, Any]]) -> list[list[str]]:
    """One row for each number of devices and processes."""
    rows = [
        [
            "",
            "largest difference of errors",
            "of weights",
            "same ranking",
            "scoring, s",
            "scoring sends",
            "weight step sends",
            "weights and moments kept",
        ]
    ]
    for run in runs:
        scoring, step = run["scoring"], run["weight_step"]
        rows.append(
            [
                run["devices"],
                number(run["largest_difference"]["error"]),
                number(run["largest_difference"]["weights"]),
                "yes" if run["same_ranking"] else "**no**",
                number(scoring["seconds"]),
                _megabytes(scoring["bytes_per_device"]),
                _megabytes(step["bytes_per_device"]),
                _megabytes(step["learner_bytes_per_device"]),
            ]
        )
    return rows


def _balances(balance: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["population", "devices", "imbalance", "work done again"]]
    for one in balance:
        shares = median(one["imbalance"]), median(one["work_done_again"])
        rows.append([str(one["population"]), str(one["devices"]), *shares])
    return rows


def _projection(found: dict[str, Any]) -> list[str]:
    """Computed, not measured."""
    bandwidth, latency = found["bandwidth"] / 1e9, found["latency"] * 1e6
    return [
        f"Projected, not measured, from this machine's seconds per FLOP: "
        f"{found['population']:,} candidates and {found['sentences']} sentences on "
        f"{found['devices']} devices, {bandwidth:g} GB/s and {latency:g} µs a message: "
        f"{number(found['seconds'])} s, of which the host takes "
        f"{number(found['host_seconds'])} s; imbalance {percent(found['imbalance'])}, "
        f"work done again {percent(found['work_done_again'])}, efficiency "
        f"{percent(found['efficiency'])}.",
    ]


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.2f} MB" if size else "0"


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


def control(found: dict[str, Any]) -> list[str]:
    """What each way of finding the best random network loses, and takes."""
    rows = [["run", "way", "work", "points lost on fresh examples", "± s.e."]]
    for case in found["cases"]:
        name = f"{case['run']}, {case['evaluated']} of {case['networks']} networks"
        for way, facts in case["ways"].items():
            numbers = (
                percent(facts["work"]),
                number(facts["loss"]),
                number(facts["error"]),
            )
            rows.append([name, way, *numbers])
    return [
        f"{found['cuts']} cuts of the dev examples, {found['draws']} draws of each.",
        "",
        *table(rows, text_columns=2),
    ]
