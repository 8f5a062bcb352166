"""What all tests share, those in docstrings included."""

import pytest


@pytest.fixture(autouse=True)
def skip_examples_that_need_an_extra(request):
    """The example of to_onnx is run where its converter is installed."""
    if request.node.name == "skbackprop.onnx.to_onnx":
        pytest.importorskip("skl2onnx")
