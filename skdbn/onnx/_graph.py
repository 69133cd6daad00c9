"""The nodes and constants of a graph, written down before it is known who builds the model of them."""

import copy
import itertools
from typing import NamedTuple

import numpy as np

# As in onnx.TensorProto, which is not imported here.
_NUMBER_OF_TYPE = {np.dtype(np.float32): 1, np.dtype(np.int64): 7, np.dtype(np.float64): 11}


class Node(NamedTuple):
    """One operator with the names of what it takes and gives."""

    operator: str
    inputs: list
    outputs: list
    attributes: dict


class Graph:
    """A graph in the making; its numbers are of one type, float32 or float64.

    `unique_name` turns a word into a name that no other part of the model has.
    """

    def __init__(self, dtype, unique_name=None):
        self.dtype = np.dtype(dtype)
        self.nodes, self.constants = [], {}
        numbers = itertools.count()
        self.unique_name = unique_name or (lambda word: f"{word}_{next(numbers)}")

    def in_float64(self):
        """Return the same graph for nodes whose numbers are float64."""
        graph = copy.copy(self)
        graph.dtype = np.dtype(np.float64)
        return graph

    def cast(self, name, dtype, output=None):
        """Add a conversion to float32, float64 or int64."""
        return self.add("Cast", name, output=output, to=_NUMBER_OF_TYPE[np.dtype(dtype)])

    def constant(self, value):
        """Return the name of a constant; floats take the type of the graph, whole numbers are int64."""
        array = np.asarray(value)
        return self.keep(array.astype(self.dtype if array.dtype.kind == "f" else np.int64))

    def keep(self, array):
        """Return the name of a constant of the type that it has."""
        name = self.unique_name("constant")
        self.constants[name] = array
        return name

    def add(self, operator, *inputs, output=None, **attributes):
        """Add a node and return the name of its output; all inputs that are no names become constants."""
        return self.add_split(operator, *inputs, outputs=[output], **attributes)[0]

    def add_split(self, operator, *inputs, outputs, **attributes):
        """Do the same for a node of several outputs; None stands for any name."""
        names = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        outputs = [each or self.unique_name(operator.lower()) for each in outputs]
        self.nodes.append(Node(operator, names, outputs, attributes))
        return outputs
