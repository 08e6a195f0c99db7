"""Curves are what was logged."""

from xlnas_jax.report.rounds import candidate_rows, curve_rows, first_search_round


def test_every_number_that_was_logged_is_drawn_once(one):
    rows = curve_rows(one, "one")
    drawn = {(row["round"], row["series"]): row["value"] for row in rows}
    assert len(drawn) == len(rows)
    counts = {"round", "evaluated", "rejected_before_evaluation", "failed", "ruled_out"}
    counts.add("front")  # of points, which are drawn as such
    logged = {
        (line["round"], name): value
        for line in one.rounds
        for name, value in line.items()
        if name not in counts
    }
    assert drawn == logged


def test_candidates_of_all_rounds_add_up_to_what_the_search_counted(one):
    rows = candidate_rows(one)
    last = one.rounds[-1]
    for what, total in (
        ("scored", last["evaluated"]),
        ("rejected unscored", last["rejected_before_evaluation"]),
        ("without a finite score", sum(line.get("failed", 0) for line in one.rounds)),
    ):
        assert sum(row["count"] for row in rows if row["what"] == what) == total > 0
    assert {row["round"] for row in rows} == set(range(2, 32))  # no warm-up


def test_the_search_begins_after_the_warm_up(one):
    assert first_search_round(one) == 2
