"""What the section of a benchmark says, from its result: a verdict, a small table."""

from typing import Any, NamedTuple

from tables import speed
from tables.markdown import between, interval, mean_points, number

Found = dict[str, Any]
Rows = list[list[str]]
# Of a table that stands for all that was measured; of bars that are all reached.
MOST_ROWS, REACHED_ROWS = 4, 1
BAR_HEADING = ["bar", "asked", "found", "reached"]


class Brief(NamedTuple):
    """What a section says: the verdict in one sentence, and a table with a heading."""

    verdict: str
    rows: Rows


def by_bars(found: Found) -> Brief:
    """What was asked for, what was missed first."""
    every = sorted(found["bars"], key=lambda bar: bar["is_reached"])
    num = sum(bar["is_reached"] for bar in every)
    shown = every[: REACHED_ROWS if num == len(every) else MOST_ROWS]
    rows = [BAR_HEADING, *map(bar_row, shown)]
    if num == len(every):
        verdict = f"All {num} bars are reached." if num > 1 else "The bar is reached."
        return Brief(verdict, rows)
    missed = "; ".join(bar["what"] for bar in every if not bar["is_reached"])
    return Brief(f"{num} of {len(every)} bars are reached, not: {missed}.", rows)


def bar_row(bar: Found) -> list[str]:
    """One bar, as `BAR_HEADING` has it."""
    sign, limit = ("≤", "at_most") if "at_most" in bar else ("≥", "at_least")
    asked = f"{sign} {number(bar[limit])}"
    reached = "yes" if bar["is_reached"] else "**no**"
    return [bar["what"], asked, number(bar["value"]), reached]


def throughput(found: Found) -> Brief:
    """The least and the most that each peer is behind."""
    rows: Rows = [["beside", "least", "most", "cases"]]
    ratios: dict[str, list[float]] = {}
    for case in found["cases"]:
        for peer, one in case["ratios"][case["best_form"]].items():
            if peer in speed.PEERS:
                ratios.setdefault(peer, []).append(one["median"])
    for peer, own in ratios.items():
        ends = (f"×{number(min(own))}", f"×{number(max(own))}")
        rows.append([peer, *ends, str(len(own))])
    every = [one for own in ratios.values() for one in own]
    verdict = (
        f"Ours is {number(min(every))} to {number(max(every))} times as fast as the "
        f"peers on the same tensors."
    )
    return Brief(verdict, rows)


def weight_step(found: Found) -> Brief:
    """Seconds of a step in both precisions, ours and PyTorch's."""
    rows: Rows = [["encoder", "precision", "seconds", "PyTorch", "ratio", "of peak"]]
    ratios: dict[str, list[float]] = {}
    for case in found["cases"]:
        ours = {s["precision"]: s for s in case["steps"] if s["step"] == "full"}
        others = {s["precision"]: s for s in case["steps"] if s["step"] != "full"}
        for precision, one in ours.items():
            ratio = one["over_torch"]["median"]
            ratios.setdefault(precision, []).append(ratio)
            rows.append(
                [
                    case["case"],
                    precision,
                    number(one["seconds"]["median"]),
                    number(others[precision]["seconds"]["median"]),
                    number(ratio),
                    number(one["share_of_peak"]["median"]),
                ]
            )
    told = "; ".join(
        f"{precision} {number(min(own))} to {number(max(own))}"
        for precision, own in ratios.items()
    )
    return Brief(f"Our time over PyTorch's: {told}; at most 1 was asked of fp32.", rows)


def forms(found: Found) -> Brief:
    """Megabytes and milliseconds of every form, whole and cut."""
    first = found["forms"][0]["batches"]
    names = list(first[0]["networks"])
    small = names[-1]
    rows: Rows = [
        [
            "form",
            *(f"{name}, MB" for name in (names[0], small)),
            *(
                f"{name}, {one['texts']} x {one['tokens']} tokens, ms"
                for one in first
                for name in (names[0], small)
            ),
        ]
    ]
    shares: list[float] = []
    for row in found["forms"]:
        sizes = [row["megabytes"].get(name) for name in (names[0], small)]
        cells = ["-" if one is None else number(one) for one in sizes]
        for one in row["batches"]:
            own = one["networks"]
            ratio = own[small]["over_full"]["median"]
            shares.append(ratio)
            cells.append(number(own[names[0]]["milliseconds"]["median"]))
            cells.append(
                f"{number(own[small]['milliseconds']['median'])} (×{number(ratio)})"
            )
        rows.append([row["form"], *cells])
    verdict = (
        f"A network of {small} of the layers' FLOPs takes {number(min(shares))} to "
        f"{number(max(shares))} of the whole encoder's time in the same form."
    )
    return Brief(verdict, rows)


def fidelity(found: Found) -> Brief:
    """Ranks of the supernet against those of networks trained alone."""
    rows: Rows = [["ranked by", "Kendall's tau-b", "within sizes", "regret"]]
    for name in ("error", "loss"):
        one = found[name]
        tau = one["tau"]
        spread = f"{number(tau['value'])} ({number(tau['low'])}–{number(tau['high'])})"
        within = number(one["tau_within_bins"])
        rows.append([name, spread, within, number(one["regret"])])
    verdict = (
        f"By error with a tau of {number(found['error']['tau']['value'])}, by loss "
        f"with {number(found['loss']['tau']['value'])}, over {found['networks']} "
        f"networks."
    )
    return Brief(verdict, rows)


def racing(found: Found) -> Brief:
    """What racing took of the time of full scoring."""
    ways = ("race, best", "race, front")
    rows: Rows = [["population", *(f"{way}, of full time" for way in ways)]]
    shares = []
    for name, one in found["populations"].items():
        took = [one["timed"]["time_over_full"][way]["median"] for way in ways]
        shares += took
        rows.append([name, *map(number, took)])
    verdict = (
        f"On {found['examples']} examples it takes {number(min(shares))} to "
        f"{number(max(shares))} of the time of scoring all to the end."
    )
    return Brief(verdict, rows)


def planted_gates(found: Found) -> Brief:
    """Loss on targets by learned gates and by every arm, and which are beaten."""
    arms = found["arms"]
    rows: Rows = [["gates", "loss on targets", "learned is lower", "p"]]
    for name, one in arms.items():
        won = [f"{one['won']} of {one['of']}", number(one["p"])] if "p" in one else []
        rows.append([name, number(one["loss"]["mean"]), *(won or ["", ""])])
    means = "; ".join(f"{row[0]} {row[1]}" for row in rows[1:])
    below = found["first_below_second"]["seeds"]
    lost = [bar["what"] for bar in found["bars"] if not bar["is_reached"]]
    missed = f", not: {'; '.join(lost)}" if lost else ""
    num = len(found["bars"])
    verdict = (
        f"The gate of the layer that must stand still is the lower one in {below} of "
        f"{found['seeds']} seeds; mean loss on targets: {means}. {num - len(lost)} of "
        f"{num} bars are reached{missed}."
    )
    return Brief(verdict, rows)


def few_labels(found: Found) -> Brief:
    """Points that a choice loses, by labels and by divergence of as many sentences."""
    lost = {
        (one["by"], one.get("languages"), one.get("sentences")): 100 * one["lost"]
        for one in found["lost"]
    }
    labels, same = "labels", "divergence, same sentences"
    pairs = sorted({key[1:] for key in lost if key[0] == labels})
    most = pairs[-1][0]
    rows: Rows = [["languages", "sentences of each", "labels", "divergence"]]
    ends = {min(n for _, n in pairs), max(n for _, n in pairs)}
    for count, number_of in pairs:
        if count in (1, most) and number_of in ends:
            both = (f"{lost[way, count, number_of]:.1f}" for way in (labels, same))
            rows.append([str(count), str(number_of), *both])
    alone = {way: lost[way, None, None] for way in ("nothing", "source labels")}
    verdict = (
        f"Points of the target mean that are lost by choosing among "
        f"{found['networks']} trained networks of one size: {alone['nothing']:.1f} "
        f"blindly, {alone['source labels']:.1f} by the source's labels, "
        f"{lost['divergence, all text', None, None]:.1f} by divergence on all text."
    )
    return Brief(verdict, rows)


def without_labels(found: Found) -> Brief:
    """What each network keeps of the full encoder, in heard and in other languages."""
    rows: Rows = [["network", "of the encoder", "text was seen", "never seen"]]
    names = dict.fromkeys(name for run in found["runs"] for name in run["networks"])
    for name in names:
        own = [r["networks"][name] for r in found["runs"] if name in r["networks"]]
        means = [
            100 * sum(one["mean"][group] for one in own) / len(own)
            for group in ("seen", "unseen")
        ]
        share = sum(one["share_of_encoder"] for one in own) / len(own)
        rows.append([name, f"{share:.0%}", *(f"{mean:.1f}" for mean in means)])
    seen, unseen = (bar["value"] for bar in found["bars"][:2])
    first = found["runs"][0]["languages"]
    verdict = (
        f"P@1 among all test sentences, mean of both directions: what was picked loses "
        f"{seen:.1f} points in {len(first['seen'])} languages whose text it learnt "
        f"from, and {unseen:.1f} in {len(first['unseen'])} that it never saw."
    )
    return Brief(verdict, rows)


def distillation(found: Found) -> Brief:
    """Scores by way of training, and what all text gains over labels."""
    runs = found["runs"]
    ways = list(runs[0]["structures"][0]["target_mean"])
    rows: Rows = [["network", *ways, "gained", "95 %"]]
    gained = []
    for place, first in enumerate(runs[0]["structures"]):
        own = [run["structures"][place] for run in runs]
        means = [
            100 * sum(one["target_mean"][way] for one in own) / len(own) for way in ways
        ]
        gains = [one["gain"] for one in own]
        gained.append(mean_points(gains))
        rows.append(
            [
                first["structure"],
                *(f"{mean:.1f}" for mean in means),
                f"{gained[-1]:+.1f}",
                between(interval(gains)),
            ]
        )
    verdict = (
        f"Target means after {found['steps']} steps alone, {len(runs)} seeds: "
        f"distillation on all text is {min(gained):+.1f} to {max(gained):+.1f} points "
        f"from labels alone."
    )
    return Brief(verdict, rows)


def adaptive(found: Found) -> Brief:
    """Evaluations until enough, in every space, and what the adaptive one saves."""
    searches = found["searches"]
    spaces = list(next(iter(searches.values()))["evaluations"])
    rows: Rows = [["strategy", *spaces, "less than whole", "95 %"]]
    for name, one in searches.items():
        less = one["adaptive_less"]["whole"]
        rows.append(
            [
                name,
                *(f"{one['evaluations'][space]:.1f}" for space in spaces),
                f"{less['mean']:+.1f}",
                between((less["low"], less["high"])),
            ]
        )
    controls = {
        space: sum(one["adaptive_less"][space]["high"] < 0 for one in searches.values())
        for space in spaces[1:]
    }
    told = ", ".join(f"{space} {count}" for space, count in controls.items())
    verdict = (
        f"Evaluations to {found['enough']:.0%} of the best, {found['seeds']} seeds a "
        f"language; of {len(searches)} comparisons each the adaptive space takes fewer "
        f"for certain than: {told}."
    )
    return Brief(verdict, rows)


def aligned(found: Found) -> Brief:
    """What goes with transfer: alignment by layer and measure, and distance."""
    own = found["correlations"]
    by_layer, distances = own["score_by_layer"], own["distances"]
    signals = {
        f"alignment, layer {n}": by_layer[n]
        for n in sorted({0, len(by_layer) // 2, len(by_layer) - 1})
    }
    signals |= {"distance, all kinds": distances["all"]}
    signals |= {
        f"distance, {kind}": distances[kind]
        for kind in ("genetic", "syntactic", "subwords")
        if kind in distances
    }
    rows: Rows = [["signal", "Spearman with accuracy", "95 %", "languages"]]
    for name, one in signals.items():
        if one["value"] is not None:
            spread = f"{one['low']:+.2f} to {one['high']:+.2f}"
            rows.append([name, f"{one['value']:+.2f}", spread, str(one["languages"])])
    best, far = own["measures"]["score"], distances["all"]
    verdict = (
        f"Over {len(found['languages'])} languages, before any training: alignment "
        f"does (rank correlation {best['value']:+.2f} in the most aligned layer), "
        f"distance of all kinds together {far['value']:+.2f}."
    )
    return Brief(verdict, rows)


def mixed(found: Found) -> Brief:
    """What texts learnt beside their translations are, alone and seeing these."""
    arms, less = found["arms"], found["beside_translate_train"]
    rows: Rows = [["learnt by", "texts", "means apart", "CKA", "accuracy"]]
    for name, kind, texts in (
        ("translate_train", "", "alone"),
        ("mixup", "", "alone"),
        ("mixup", "_of_pairs", "side by side"),
        ("consistency alone", "", "alone"),
    ):
        values = [
            sum(one[f"{what}{kind}"] for one in arms[name].values()) / len(arms[name])
            for what in ("centroid_distance", "cka", "accuracy")
        ]
        apart, alike, right = values
        rows.append([name, texts, f"{apart:.2f}", f"{alike:.2f}", f"{right:.1f}"])

    def told(name: str, what: str) -> str:
        one = less[name][what]
        return f"{one['mean']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"

    verdict = (
        f"CKA with the source beside translate-train's, {found['seeds']} seeds, of an "
        f"encoder that was never pretrained: {told('mixup', 'cka_of_pairs')} of texts "
        f"beside their translations, but {told('mixup', 'cka')} of texts alone; "
        f"{told('consistency alone', 'cka')} of these where nothing is mixed, and both "
        f"are only told alike."
    )
    return Brief(verdict, rows)
