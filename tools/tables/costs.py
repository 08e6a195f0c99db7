"""What a search costs beside its work: compilation, overhead, memory."""

from typing import Any

from tables.markdown import median, number, percent, table

MEBI = 2.0**20
# Anything shorter than this is summed up.
SHOWN_SECONDS = 0.05


def compiled(found: dict[str, Any]) -> list[str]:
    """Where the time to the first score goes, and which programs a search compiles."""
    starts = found["first_score"]
    rows = [["seconds", *starts]]
    rows.append(
        ["**to the first score**", *[median(s["seconds"]) for s in starts.values()]]
    )
    names = {name: None for start in starts.values() for name in start["phases"]}
    for name in names:
        phases = [start["phases"].get(name) for start in starts.values()]
        if max(p["seconds"] for p in phases if p) >= SHOWN_SECONDS:
            rows.append([name, *[_phase(phase) for phase in phases]])
    scoring = [number(start["scoring_seconds"]) for start in starts.values()]
    rows.append(["scoring alone, once more", *scoring])
    programs = [
        f"{start['programs']}, {start['read_from_cache']} from the cache"
        for start in starts.values()
    ]
    rows.append(["programs", *programs])
    packages = ", ".join(f"{k} {v:.2f} s" for k, v in found["imports"].items())
    settings = " ".join(found["settings"])
    return [
        f"`{found['config']}` with `{settings}`: {found['counted']}.",
        "In brackets: tracing and compiling (or reading from the cache).",
        "",
        *table(rows),
        "",
        f"Imports by package: {packages}.",
        *_searches(found),
    ]


def _phase(found: dict[str, float] | None) -> str:
    if found is None:
        return ""
    compiling = found["compiling"] + found["tracing"]
    shown = number(found["seconds"])
    return f"{shown} ({number(compiling)})" if compiling >= SHOWN_SECONDS else shown


def _searches(found: dict[str, Any]) -> list[str]:
    searches = found["searches"]
    if not searches:
        return []
    phases = {
        phase: None
        for search in searches.values()
        for phase in search["compile"]["programs_by_phase"]
    }
    rows = [["form", "compiling, s", *phases]]
    for form, search in searches.items():
        counts = search["compile"]["programs_by_phase"]
        seconds = number(search["compile"]["seconds"])
        rows.append([form, seconds, *[str(counts.get(p, 0)) for p in phases]])
    lines = ["", "Programs of whole searches, by phase:", "", *table(rows)]
    for form, search in searches.items():
        first = search["slowest"][:5]
        shown = ", ".join(
            f"{p['count']} × `{p['name']}` {number(p['seconds'])} s" for p in first
        )
        lines += ["", f"Longest to compile, {form}: {shown}."]
    return lines


def overhead(found: dict[str, Any]) -> list[str]:
    """Seconds of every part of a round."""
    total = found["round_seconds"]["median"]
    rows = [["part of a round", "seconds", "share"]]
    rows.append(["all", median(found["round_seconds"]), ""])
    for name, seconds in found["part_seconds"].items():
        rows.append([name, f"{seconds:.4f}", percent(seconds / total)])
    return [f"`{found['config']}`, {found['rounds']} rounds.", "", *table(rows)]


def memory(found: dict[str, Any]) -> list[str]:
    """Compiled and resident bytes of every size, and of the weight steps."""
    rows = [["form", "candidates", "compiled", "temporaries", "resident while scoring"]]
    for form, sizes in found["scoring"].items():
        for size in sizes:
            used = size["resident_peak"] - size["resident_before"]
            rows.append(
                [
                    form,
                    str(size["population"]),
                    _mebi(size["compiled"]),
                    _mebi(size["temporaries"]),
                    _mebi(used),
                ]
            )
    calls = [["candidates in all", "resident while scoring"]]
    for one in found["candidates"]:
        used = one["resident_peak"] - one["resident_before"]
        calls.append([str(one["candidates"]), _mebi(used)])
    steps = [["weight step", "compiled", "temporaries"]]
    for name, kinds in found["training"].items():
        steps.append([name, _mebi(kinds["compiled"]), _mebi(kinds["temporaries"])])
    return [
        f"{found['shape']}, {found['tokens']} tokens, masked chunks of "
        f"{found['chunk']}; MiB.",
        "",
        *table(rows),
        "",
        *table(calls),
        "",
        *table(steps),
    ]


def _mebi(size: float) -> str:
    return f"{size / MEBI:,.1f}"
