"""Tables of what is served: fewer pieces, shared rows, and by what it is chosen."""

from typing import Any

from tables.briefs import Brief, Found, Rows


def trimmed(found: Found) -> Brief:
    """Sizes and scores before and after pieces were left out."""
    rows: Rows = [
        ["seed", "parameters", "trimmed", "pieces", "kept", "target mean", "trimmed"]
    ]
    lost = []
    for run in found["runs"]:
        means = run["target_mean"]
        lost.append(100 * (means["whole"] - means["trimmed"]))
        rows.append(
            [
                str(run["seed"]),
                *(f"{run['params'][n] / 1e6:.1f} M" for n in ("whole", "trimmed")),
                *(f"{run['pieces'][n]:,}" for n in ("whole", "trimmed")),
                *(f"{100 * means[n]:.1f}" for n in ("whole", "trimmed")),
            ]
        )
    most = max(run["params"]["trimmed"] for run in found["runs"]) / 1e6
    verdict = (
        f"What was found at {found['place']} of the FLOPs has {most:.1f} M parameters "
        f"at most, and loses {sum(lost) / len(lost):.1f} points of its target mean."
    )
    return Brief(verdict, rows)


def shared_rows(found: Found) -> Brief:
    """Target means of one network, by which pieces have a row of their own."""
    runs, ways = found["runs"], ("alike", "random", "left_out")

    def cells(scored: list[Any]) -> str:
        """Mean over the runs; where one cannot be, none is."""
        if None in scored:
            return "-"
        return f"{100 * sum(one['target_mean'] for one in scored) / len(scored):.1f}"

    used = [run["used"] for run in runs]
    width, count = runs[0]["width"], used[0]["rows"]
    rows: Rows = [
        [
            *("% of tokens", "rows", "MB in 8 bits"),
            *("like pieces share", "any share", "rarest left out"),
        ],
        ["100", f"{count:,}", f"{count * (width + 4) / 1e6:.1f}", cells(used), "", ""],
    ]
    for shares in zip(*(run["shares"] for run in runs), strict=True):
        size = shares[0]["rows"]
        held = size * (width + 4) + 4 * count
        by_way = {way: cells([one[way] for one in shares]) for way in ways}
        rows.append(
            [
                f"{100 * shares[0]['share']:g}",
                f"{size:,}",
                f"{held / 1e6:.1f}",
                *by_way.values(),
            ]
        )
    last, lost = [run["shares"][0] for run in runs], []
    for way in ("alike", "random"):
        means = [one[way]["target_mean"] for one in last]
        full = [one["target_mean"] for one in used]
        lost.append(100 * (sum(full) - sum(means)) / len(runs))
    verdict = (
        f"Of a network at {found['place']} of the FLOPs, {last[0]['rows']:,} rows for "
        f"{count:,} pieces lose {lost[0]:.1f} points of the target mean where "
        f"like pieces share a row, and {lost[1]:.1f} where any do "
        f"({len(runs)} seeds)."
    )
    return Brief(verdict, rows)


def chosen_by(found: Found) -> Brief:
    """Points that each criterion loses against the best choice, by task."""
    cases, ways = found["cases"], list(found["lost"])
    rows: Rows = [["searches", "choices", *(f"by {way}" for way in ways)]]
    for task in dict.fromkeys(case["task"] for case in cases):
        own = [case for case in cases if case["task"] == task]
        means = [sum(case["lost"][way] for case in own) / len(own) for way in ways]
        rows.append([task, str(len(own)), *(f"{100 * mean:.1f}" for mean in means)])
    least = min(ways, key=lambda way: found["lost"][way])
    others = ", ".join(
        f"{100 * found['lost'][way]:.1f} by {way}" for way in ways if way != least
    )
    verdict = (
        f"Against the best that could be chosen on targets, {least} loses "
        f"{100 * found['lost'][least]:.1f} points of their mean over {len(cases)} "
        f"choices; {others}."
    )
    return Brief(verdict, rows)
