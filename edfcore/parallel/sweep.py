"""One question asked of many setups: how does it scale, and where does it stop paying."""

import re

from ..errors import DataError
from .cluster import alone, parse
from .report import Reports
from .simulate import simulate
from .stragglers import amdahl, gustafson

FIELDS = ("devices", "batch", "link", "strategy", "algorithm", "bucket", "micro_batches", "straggler", "optimizer")


def resized(cluster, N):
    """The same kind of cluster with N devices.

    Machines of several devices stay whole: N is a multiple of theirs, or fits into one of them.

    Raises
    ------
    DataError : N does not fill machines, or the cluster is not made of one kind of device.

    Examples
    --------
    >>> resized("4 x GTX Titan, PCIe 3 shared", 2).name
    '2 x GTX Titan, PCIe 3 shared'
    >>> resized("16 x 8 x H100, NVLink 4 switch, InfiniBand NDR", 4).name
    '4 x H100 SXM, NVLink 4 switch'
    """
    cluster = parse(cluster) if isinstance(cluster, str) else cluster
    if len(set(cluster.devices)) > 1:
        raise DataError(
            f"resized: the devices of {cluster.name} differ, so it is not clear which to add or to leave out."
        )
    if N == 1:
        return alone(cluster.devices[0])
    machines = re.match(r"(\d+) x (\d+) x (.*?), ([^,]*), ([^,]*)$", cluster.name)
    if machines:
        each, who, inner, outer = int(machines[2]), *machines.groups()[2:]
        if N <= each:
            return parse(f"{N} x {who}, {inner}")
        if N % each:
            raise DataError(f"resized: {N} devices do not fill machines of {each}.")
        return parse(f"{N // each} x {each} x {who}, {inner}, {outer}")
    found = re.match(r"\d+ x (.*)$", cluster.name)
    if not found or "," not in found[1]:
        raise DataError(f"resized: {cluster.name} does not say how several devices are joined; name a link as well.")
    return parse(f"{N} x {found[1]}")


def relinked(cluster, text):
    """The same devices, joined by another link, such as "NVLink 2 ring" (within machines, where there are any).

    Examples
    --------
    >>> relinked("4 x GTX Titan, PCIe 3 shared", "PCIe 2 ring").name
    '4 x GTX Titan, PCIe 2 ring'
    """
    name = cluster if isinstance(cluster, str) else cluster.name
    who, _, *rest = [part.strip() for part in name.split(",")] + ([""] if "," not in name else [])
    return parse(", ".join([who, text, *rest]))


def sweep(field, values, cluster, workload, strategy="data", batch=256, **options):
    """Simulate once for each value of one field.

    Parameters
    ----------
    field : "devices", "batch", "link", or another option of `simulate` in FIELDS
    values : what to try
    cluster, workload, strategy, batch, options : as for `simulate`

    Returns
    -------
    Reports, a list of Report that shows itself as a table; one whose `fits` is False needs more memory than its devices
    have, and says the time all the same

    Raises
    ------
    DataError : a field that cannot be swept, or a value that cannot be right.
    """
    if field not in FIELDS:
        raise DataError(f"sweep: {field!r} cannot be swept; one of {', '.join(FIELDS)} can.")
    reports = Reports()
    for value in values:
        chosen = {"cluster": cluster, "workload": workload, "strategy": strategy, "batch": batch}
        chosen |= {"check_memory": False} | options
        if field == "devices":
            chosen["cluster"] = resized(cluster, value)
        elif field == "link":
            chosen["cluster"] = relinked(cluster, value)
        else:
            chosen[field] = value
        reports.append(simulate(**chosen))
    return reports


def scaling(cluster, workload, Ns=(1, 2, 4, 8), batch=256, **options):
    """Speed-up over devices beside the two laws.

    Strong scaling keeps the batch, weak scaling keeps the instances of each device. Both laws take their serial
    fraction from the smallest run on several devices: Amdahl's from its speed-up, Gustafson's as the part of a step
    that is not computing. Where communication grows with the number of devices, both laws promise too much.

    Returns
    -------
    dict of lists: "devices" in order, "strong" and "weak" speed-up, "amdahl" and "gustafson", "fits" (whether the whole
    batch fits into that many devices' memory), and the two fractions used

    References
    ----------
    Amdahl 1967; Gustafson 1988.
    """
    Ns = sorted(Ns)
    found = sweep("devices", Ns, cluster, workload, batch=batch, **options)
    strong = [r.speedup for r in found]
    options = {"check_memory": False} | options
    weak = [simulate(resized(cluster, N), workload, batch=batch * N, **options) for N in Ns]
    N = next((n for n in Ns if n > 1), 1)
    k = list(Ns).index(N)
    serial = 0.0 if N == 1 else min(max((N / strong[k] - 1) / (N - 1), 0.0), 1.0)  # strong = 1 / (s + (1 - s) / N)
    bare = float(1 - weak[k].compute.mean())
    return {
        "devices": list(Ns), "strong": strong, "weak": [r.speedup for r in weak],
        "amdahl": [float(amdahl(serial, n)) for n in Ns], "gustafson": [float(gustafson(bare, n)) for n in Ns],
        "serial_fraction": serial, "scaled_serial_fraction": bare, "fits": [r.fits for r in found],
    }  # fmt: skip
