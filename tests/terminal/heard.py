"""What long work tells of itself, written down."""


class Heard:
    """A report that remembers.

    Attributes:
        told: everything, in order.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def __call__(self, what: str, done: int, total: int) -> None:
        self.told.append((what, done, total))

    def parts(self, what: str) -> int:
        """How many parts some work has, which was told of from none to all of them."""
        own = [(done, total) for name, done, total in self.told if name == what]
        done = [number for number, _ in own]
        (total,) = {number for _, number in own}
        assert done[0] == 0, "it was told of before it was begun"
        assert done == sorted(done)
        assert done[-1] == total
        return total
