"""What the log says of each round's archive, and what is worth a remark."""

from xlnas_jax.objectives.pareto import Archive
from xlnas_jax.objectives.signals import Box, front_of, read_archive
from xlnas_jax.space.cost import CostModel


class Watch:
    """What to log of each round's archive, beside the one before.

    Args:
        archive: as it stands before the first of these rounds.
    """

    def __init__(self, box: Box, costs: CostModel, archive: Archive) -> None:
        self._box = box
        self._costs = costs
        self._last = read_archive(archive, box, costs)["hypervolume"]
        self._said: set[str] = set()

    def read(self, archive: Archive) -> dict[str, float]:
        """`read_archive`, and what was gained since the archive before."""
        found = read_archive(archive, self._box, self._costs)
        volume, last = found["hypervolume"], self._last
        self._last = volume
        return {**found, "hypervolume_gain": volume - last}

    def front(self, archive: Archive) -> list[list[float]]:
        """Objectives of what nothing in the archive beats, in their order."""
        return front_of(archive).tolist()

    def remarks(self, outside: int, failed: int) -> list[str]:
        """What the user should know, the first time that there is any."""
        given = ", ".join(
            f"{o.name} {value:,g}"
            for o, value in zip(self._box.objectives, self._box.reference, strict=True)
        )
        texts = {}
        if outside:
            texts["outside"] = (
                f"{outside} networks of the archive are worse than the reference "
                f"({given}) in some objective and count nothing in the hypervolume; "
                f"see search.reference"
            )
        if failed:
            texts["failed"] = (
                f"the scores of {failed} candidates are not finite; they enter neither "
                f"the archive nor what the controller learns"
            )
        new = {kind: text for kind, text in texts.items() if kind not in self._said}
        self._said |= set(new)
        return list(new.values())
