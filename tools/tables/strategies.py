"""How strategies compare on a table, and how far a supernet is to be trusted."""

from typing import Any

from tables.markdown import number, percent, table


def strategies(found: dict[str, Any]) -> list[str]:
    """Every strategy after its last evaluation, best first."""
    rows = [
        [
            "strategy",
            "regret",
            "regret, languages not searched on",
            "hypervolume",
            "found the best",
            "evaluations to 99 %",
            "p, regret below random's",
        ]
    ]
    ordered = sorted(
        found["strategies"].items(), key=lambda item: -item[1]["volume"]["median"]
    )
    for name, one in ordered:
        reached, seeds = one["to_volume"]["seeds"], found["seeds"]
        typical = one["to_volume"]["median_evaluations"]
        until = f"{number(typical)} ({reached} of {seeds})" if reached else "-"
        p = one["regret"].get("p_against_random")
        rows.append(
            [
                name,
                _interval(one["regret"]),
                _interval(one["heldout"]),
                _share(one["volume"]),
                f"{one['found_best']} of {seeds}",
                until,
                "" if p is None else f"{p:.2g}",
            ]
        )
    return [
        f"`{found['table']}`: {found['space']:,} networks, {found['feasible']:,} "
        f"within the limit, {found['front']} on the true front. {found['evaluations']} "
        f"evaluations, {found['seeds']} seeds; medians with 95 % bootstrap intervals. "
        f"Regret is in units of {found['metric']} (the best network's is "
        f"{number(found['best'])}); hypervolume is the share of the true front's.",
        "",
        *table(rows),
    ]


def gradients(found: dict[str, Any]) -> list[str]:
    """The same for strategies that follow gradients, and what those cost."""
    prices = "; ".join(
        f"{name} takes {one['arch_steps']} gradient steps a run, the work of scoring "
        f"{number(one['evaluations_alike'])} full networks"
        for name, one in found["price"].items()
    )
    return [
        f"{prices}.",
        *[line for one in found["by"].values() for line in ("", *strategies(one))],
    ]


def whole_searches(found: dict[str, Any]) -> list[str]:
    """Every strategy's searches: medians over seeds, and in brackets each seed's."""
    rows = [
        [
            "strategy",
            "hypervolume",
            "error, auxiliary dev",
            "target mean",
            "less random search's",
            "less uniform scaling's",
            "run",
            "rejected unrun",
            "over a limit",
        ]
    ]
    ordered = sorted(
        found["strategies"].items(), key=lambda item: -item[1]["hypervolume"]["median"]
    )
    for name, one in ordered:
        rows.append(
            [
                name,
                _percents(one["hypervolume"]),
                _percents(one["score"]),
                _percents(one["target_mean"]),
                _percents(one["search less random"]),
                _percents(one["search less uniform"]),
                *[
                    f"{sum(one[key]['values']):.0f}"
                    for key in ("scored", "rejected", "over_a_limit")
                ],
            ]
        )
    return [
        f"`{found['config']}`, seeds: {found['seeds']}; {found['scored']:,} networks "
        f"run, {found['over_a_limit']} of them over a limit. In percent and points; "
        f"counts are sums over seeds.",
        "",
        *table(rows),
    ]


def _percents(one: dict[str, Any]) -> str:
    median, values = f"{100 * one['median']:.1f}", one["values"]
    each = ", ".join(f"{100 * value:.1f}" for value in values)
    return f"{median} ({each})" if len(values) > 1 else median


def _interval(one: dict[str, Any]) -> str:
    return f"{one['median']:.4f} ({one['low']:.4f}–{one['high']:.4f})"


def _share(one: dict[str, Any]) -> str:
    middle, low, high = (percent(one[name]) for name in ("median", "low", "high"))
    return f"{middle} ({low}–{high})"


def fidelity(found: dict[str, Any]) -> list[str]:
    """Agreement of rankings, beside that of size alone and of two seeds."""
    names = {
        "tau": "τ-b, supernet against alone",
        "tau_of_other_metric": "τ-b, the supernet's other column against alone",
        "tau_of_size": "τ-b, more parameters against alone",
        "tau_between_seeds": "τ-b, alone with one seed against another",
    }
    rows = [["", "loss", "error"]]
    metrics = [found["loss"], found["error"]]
    for key, name in names.items():
        rows.append([name, *[_tau(one[key]) for one in metrics]])
    for key, name in {
        "tau_within_bins": "τ-b within bins of size, supernet",
        "tau_of_size_within_bins": "τ-b within bins of size, more parameters",
        "spearman": "Spearman, supernet against alone",
        "regret": "what is lost by taking the supernet's best",
        "spread_alone": "best to worst, alone",
    }.items():
        rows.append([name, *[f"{one[key]:.3f}" for one in metrics]])
    overlap = [percent(one["top_overlap"]) for one in metrics]
    rows.append(["shared by both lists of the best five", *overlap])
    low, high = found["params"]
    return [
        f"{found['networks']} networks of {low / 1e6:.1f} to {high / 1e6:.1f} million "
        f"encoder parameters, seeds: {found['seeds']}, {found['steps']} steps each; "
        f"95 % bootstrap intervals over networks.",
        "",
        *table(rows),
    ]


def _tau(one: dict[str, float] | None) -> str:
    if one is None:
        return "-"
    return f"{one['value']:.2f} ({one['low']:.2f}–{one['high']:.2f})"
