"""Training on many devices: values on real ranks, and a clock for parts that one does not have.

>>> from edfcore.parallel import simulate
>>> report = simulate("4 x GTX Titan, PCIe 3 shared", "alexnet", batch=256)
>>> report.setup.N, report.fits
(4, True)

`README.md` beside this file is the map. Importing this loads NumPy alone.
"""

from .clock import Program
from .cluster import Cluster, parse
from .collectives import all_reduce, execute
from .comm.base import Alone, Comm
from .comm.launch import launch
from .comm.local import run
from .data_parallel import DataParallel
from .devices import DEVICES, LINKS, Device, Link
from .errors import OutOfMemory, RankFailed, WrongDevice
from .machine import SimDevice
from .simulate import simulate
from .sweep import scaling, sweep
from .train import train
from .workloads import WORKLOADS, Layer, Workload, of_graph, workload

__all__ = [
    "Alone", "Cluster", "Comm", "DEVICES", "DataParallel", "Device", "LINKS", "Layer", "Link", "OutOfMemory", "Program",
    "RankFailed", "SimDevice", "WORKLOADS", "Workload", "WrongDevice", "all_reduce", "execute", "launch", "of_graph",
    "parse", "run", "scaling", "simulate", "sweep", "train", "workload",
]  # fmt: skip
