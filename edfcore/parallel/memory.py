"""What a device must hold during a step, by category, in bytes.

    parameters     P          what the device holds of the network
    gradients      P
    optimizer      0, 1 or 2 P  (SGD, momentum, Adam)
    activations    the values of all layers of its instances, kept for the backward pass, and the input
    buffers        what communication needs besides: a bucket being summed; gathered features

in the accounting of ZeRO (Rajbhandari et al. 2020, 1910.02054, section 3), in single precision, without fragmentation
or a library's own workspace.
"""

from .errors import OutOfMemory
from .steps import buckets_of, input_entries, needs_all_features

STATE = {"sgd": 0, "momentum": 1, "adam": 2}  # arrays of the parameters' size that the optimizer keeps
CATEGORIES = ("parameters", "gradients", "optimizer", "activations", "buffers")


def mesh_memory(setup):
    """For each device of a mesh a dict category -> bytes."""
    work, mp, size = setup.workload, setup.mp, setup.workload.itemsize
    params = work.params / mp * size
    kept = sum(layer.output for layer in work.layers) / mp + work.input
    crossing = (k for k in range(len(work.layers)) if needs_all_features(work.layers, k, mp))
    gathered = sum(input_entries(work.layers, k) * (mp - 1) / mp for k in crossing)
    buckets = buckets_of(work.layers, mp, size, setup.bucket)
    largest = max((sum(work.layers[k].params for k in b) / mp * size for b in buckets), default=0)
    found = []
    for B in setup.shards():
        bucket = largest if setup.dp > 1 else 0
        amounts = (params, params, STATE[setup.optimizer] * params, B * kept * size, bucket + B * gathered * size)
        found += [dict(zip(CATEGORIES, map(int, amounts), strict=True))] * mp
    return found


def pipeline_memory(setup, stages, micro):
    """For each stage of a pipeline a dict category -> bytes: activations of the micro-batches under way."""
    work, size, P = setup.workload, setup.workload.itemsize, len(stages)
    found = []
    for k, (start, stop) in enumerate(stages):
        layers = work.layers[start:stop]
        params = sum(layer.params for layer in layers) * size
        alive = len(micro) if setup.schedule == "gpipe" else min(len(micro), P - k)
        entry = work.input if k == 0 else work.layers[start - 1].output
        kept = (sum(layer.output for layer in layers) + entry) * sum(sorted(micro)[-alive:]) * size
        buffers = 2 * max(micro) * entry * size
        amounts = (params, params, STATE[setup.optimizer] * params, kept, buffers)
        found.append(dict(zip(CATEGORIES, map(int, amounts), strict=True)))
    return found


def megabytes(nbytes):
    """As text, in units that fit.

    >>> megabytes(243_900_000)
    '244 MB'
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= size:
            return f"{nbytes / size:.3g} {unit}"
    return "1 byte" if nbytes == 1 else f"{nbytes:.0f} bytes"


def capacity(nbytes):
    """A device's memory as text, in the powers of two in which memory is sold.

    >>> capacity(6 * 2**30)
    '6 GiB (6.44 GB)'
    """
    return f"{nbytes / 2**30:.4g} GiB ({megabytes(nbytes)})"


def check_fit(setup, memory):
    """Raises OutOfMemory, with what takes the memory, where a device cannot hold its part."""
    for k, amounts in enumerate(memory):
        device, needed = setup.device(k), sum(amounts.values())
        if needed > device.memory:
            told = ", ".join(f"{name} {megabytes(n)}" for name, n in amounts.items() if n)
            raise OutOfMemory(
                f"{setup.workload.name} does not fit: device {k}, a {device.name}, has {capacity(device.memory)} and "
                f"would need {megabytes(needed)} ({told}). Take a smaller batch, more devices, or model parallelism."
            )
