"""How fitted models become ONNX graphs: what ``skbackprop.onnx`` is made of."""
