"""An ONNX graph as it grows: nodes, weights, and names for what flows between them.

References:
    https://onnx.ai/onnx/operators, version 17 of them: the first with LayerNorm, and
    one that all runtimes of today know.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
# The version of the file format that came with these operators.
_FORMAT = 8
# Arrays of so few numbers are written once, however often they are asked for.
_SMALL = 16
Axes = Sequence[str | int]


class Graph:
    """Nodes in the order in which they run; every value in it has a name.

    Attributes:
        nodes, weights: what `model` makes a file of.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._small: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output; its name is returned."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def array(self, value: Any, name: str = "constant") -> str:
        """A weight, or a constant, which is the same one wherever it is small."""
        made = np.asarray(value)
        key = made.dtype.str, made.shape, made.tobytes() if made.size <= _SMALL else b""
        if made.size <= _SMALL and key in self._small:
            return self._small[key]
        full = f"{name}_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(made, order="C"), full))
        if made.size <= _SMALL:
            self._small[key] = full
        return full

    def number(self, value: float) -> str:
        """A constant of float32."""
        return self.array(np.float32(value))

    def ints(self, *values: int) -> str:
        """A list of int64, as shapes and axes are given."""
        return self.array(np.asarray(values, np.int64))

    def rename(self, value: str, name: str) -> None:
        """Gives an output of the graph the name that its users ask for."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name))

    def model(
        self,
        name: str,
        inputs: Mapping[str, Axes],
        outputs: Mapping[str, Axes],
    ) -> onnx.ModelProto:
        """The whole, checked.

        Args:
            inputs: of int64, by name; an axis with a name may have any size.
            outputs: of float32, likewise.
        """

        def declared(values: Mapping[str, Axes], dtype: int) -> list[Any]:
            return [
                helper.make_tensor_value_info(one, dtype, list(axes))
                for one, axes in values.items()
            ]

        graph = helper.make_graph(
            self.nodes,
            name,
            declared(inputs, TensorProto.INT64),
            declared(outputs, TensorProto.FLOAT),
            self.weights,
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=_FORMAT,
            producer_name="xlnas_jax",
        )
