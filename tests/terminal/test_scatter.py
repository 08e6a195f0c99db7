"""Points stand where their numbers say, and the axes tell the outermost ones."""

import pytest

from xlnas_jax.terminal.scatter import DOT, Scatter


def cells(scatter: Scatter, width: int = 40) -> list[tuple[int, int]]:
    """Row from above, and column, of each dot."""
    rows = [line.partition("│")[2] for line in scatter.lines(width) if "│" in line]
    return [
        (row, column)
        for row, text in enumerate(rows)
        for column, character in enumerate(text)
        if character == DOT
    ]


def test_corners_are_the_outermost_points():
    plot = Scatter("t", "flops", "error", [(1e6, 0.5), (4e6, 0.25)], height=5)
    width = 40 - len("0.25") - 2
    assert cells(plot) == [(0, 0), (4, width - 1)]
    lines = plot.lines(40)
    assert lines[1].startswith(" 0.5 │")
    assert lines[5].startswith("0.25 │")
    assert lines[-1].split() == ["1e+06", "flops", "→", "4e+06"]
    assert all(len(line) <= 40 for line in lines)


def test_the_middle_is_in_the_middle():
    points = [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5)]
    found = cells(Scatter("t", "x", "y", points, height=9), width=29)
    assert found[1] == (4, 13)


@pytest.mark.parametrize("points", [[(2.0, 3.0)], [(2.0, 3.0)] * 2])
def test_points_that_agree_are_one_dot_in_the_middle(points):
    assert cells(Scatter("t", "x", "y", points, height=9), width=29) == [(4, 13)]


def test_no_point_is_said():
    assert Scatter("t", "x", "y", []).lines(40) == ["no point yet"]
