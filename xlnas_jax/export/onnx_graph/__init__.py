"""The exported network as an ONNX graph, every layer at its own size."""
