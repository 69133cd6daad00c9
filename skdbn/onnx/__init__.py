"""Fitted estimators as ONNX models, for prediction without Python.

Needs the package onnx; :func:`register_converters` needs skl2onnx as well.
"""

from skdbn.onnx._model import to_onnx
from skdbn.onnx._skl2onnx import register_converters

__all__ = ["register_converters", "to_onnx"]
