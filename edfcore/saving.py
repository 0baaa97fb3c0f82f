"""A trained model in one file: its arrays as NPZ, its structure as JSON inside; no pickle, so reading it runs no code.

The file holds every node of the graph: inputs by name, parameters and constants with their values, components by their
registered name with their arguments, settings and state (running statistics).
"""

import json
from pathlib import Path

import numpy as np

from .errors import DataError
from .graph import Const, Graph, Input, Param
from .registry import REGISTRY

FORMAT = 1
LEAVES = {"Input": Input, "Param": Param, "Const": Const}


def save(graph, path):
    """Write the graph to `path` (by convention `.npz`), whole or not at all.

    Raises
    ------
    DataError : a component is not registered, or a setting is no plain value, so that no reader could rebuild it.
    """
    order = graph.order()
    number = {node: k for k, node in enumerate(order)}
    arrays, nodes = {}, []
    for k, node in enumerate(order):
        nodes.append(_describe(node, number))
        if isinstance(node, (Param, Const)):
            arrays[f"value{k}"] = graph.backend.to_host(node.value)
        state = getattr(node, "state", None)  # running statistics; of a cell of a recurrent network, its argument
        for key, array in state.items() if isinstance(state, dict) else ():
            arrays[f"state{k}.{key}"] = graph.backend.to_host(array)
    description = {"format": FORMAT, "dtype": graph.backend.dtype, "nodes": nodes}
    path = Path(path)
    fresh = path.with_name(path.name + ".tmp")
    with open(fresh, "wb") as file:
        np.savez(file, description=np.frombuffer(json.dumps(description).encode(), np.uint8), **arrays)
    fresh.replace(path)


def _describe(node, number):
    kind = type(node).__name__
    described = {"kind": kind, "name": node.name, "args": [number[a] for a in node.args]}
    if isinstance(node, Input):
        return described | {"grad": node.wants_grad}
    if not node.args:
        return described
    if REGISTRY.get(kind) is not type(node):
        raise DataError(f"save: {node.label} is not a registered component; decorate its class with @edf.register.")
    settings = {key: getattr(node, key) for key in node.settings}
    try:
        json.dumps(settings)
    except TypeError as error:
        raise DataError(f"save: a setting of {node.label} is no number, text or list of them: {error}.") from None
    return described | {"settings": settings}


def load(path):
    """The graph that `save` wrote. Its nodes are found by name: `graph["x"]`.

    Raises
    ------
    DataError : the file is missing, damaged, of a later format, or names a component that this version lacks.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        description = json.loads(arrays.pop("description").tobytes().decode())
        if description["format"] != FORMAT:
            raise DataError(f"{path} has format {description['format']}; this edfcore reads format {FORMAT}.")
        graph = Graph(description["dtype"])
        nodes = []
        for k, described in enumerate(description["nodes"]):
            nodes.append(_rebuild(graph, k, described, nodes, arrays))
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except DataError:
        raise
    except Exception as error:  # a damaged archive raises of many kinds: zlib, zipfile, json, KeyError, TypeError
        raise DataError(f"{path} is not a saved model, or is damaged ({type(error).__name__}: {error}).") from None
    return graph


def _rebuild(graph, k, described, nodes, arrays):
    kind, name, args = described["kind"], described["name"], [nodes[n] for n in described["args"]]
    if kind == "Input":
        return Input(name, grad=described["grad"], graph=graph)
    if kind == "Param":
        return Param(arrays[f"value{k}"], name, graph=graph)
    if kind == "Const":
        return Const(arrays[f"value{k}"], graph)
    if kind not in REGISTRY:
        raise DataError(f"The model uses the component {kind}, which this edfcore does not have.")
    node = REGISTRY[kind](*args, name=name, **_settings(described["settings"]))
    state = {key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"state{k}.")}
    if state:
        node.state = state
    return node


def _settings(settings):
    """Settings as they were: JSON has turned tuples into lists."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
