"""Data parallelism over replicas that are themselves split (model parallel) or cut (pipeline): S4 slides 59 and 60."""

from math import prod

from ..errors import DataError
from .data_parallel import DataParallel
from .pipeline import Pipeline, Stage


class PipelineReplicas(DataParallel):
    """Data parallelism over replicas of a pipeline: the ranks of one stage sum their gradients.

    Parameters
    ----------
    comm : Comm, among the ranks that hold the same stage
    pipeline : Pipeline, this rank's replica
    algorithm : see DataParallel
    """

    def __init__(self, comm, pipeline, algorithm="ring"):
        super().__init__(comm, pipeline.net, pipeline.optimizer, algorithm)
        self.pipeline, stages = pipeline, pipeline.comm.empty(1, "float64")
        stages[...] = self.joins
        self.joins = float(pipeline.comm.all_reduce(stages)[0]) > 0  # a stage that is silent itself passes values on

    def differentiate(self, x, y, seed):
        return self.pipeline.differentiate(x, y, seed)

    def parameters(self):
        return self.pipeline.parameters()

    def gradients(self):
        return self.pipeline.gradients()


class Hybrid:
    """Data parallelism over replicas of a network that is itself split or cut: a mesh of dp x mp ranks.

    Ranks k mp to (k + 1) mp - 1 make replica k, so that those who talk most are neighbours; ranks with the same place
    in their replicas sum their gradients (S4 slides 59, 60).

    Parameters
    ----------
    comm : Comm
    mesh : pair (dp, mp) of int with dp mp = comm.size
    build : function of (model, data), the communicators of this rank's replica and of its place, that returns this
        rank's Network or Stage
    optimizer : function of a graph that returns an optimizer
    algorithm : how gradients are summed over replicas, see `collectives.ALL_REDUCE`
    pipeline : micro_batches and schedule of `Pipeline`, where build gives a Stage

    Raises
    ------
    DataError : the mesh does not fit the ranks.
    """

    def __init__(self, comm, mesh, build, optimizer, algorithm="ring", **pipeline):
        if not isinstance(mesh, (tuple, list)) or len(mesh) != 2 or prod(mesh) != comm.size or min(mesh) < 1:
            raise DataError(f"Hybrid: mesh is {mesh!r}; a pair is needed whose product is the {comm.size} ranks.")
        self.model, self.data = comm.split(comm.rank // mesh[1]), comm.split(comm.rank % mesh[1])
        self.net = net = build(self.model, self.data)
        if isinstance(net, Stage):
            replica = Pipeline(self.model, net, optimizer(net.graph), **pipeline)
            self._replicas = PipelineReplicas(self.data, replica, algorithm)
        else:
            self._replicas = DataParallel(self.data, net, optimizer(net.graph), algorithm)

    def step(self, x, y):
        """One step on the batch x (B, ...), y (B,), whole on every rank; returns its mean loss before the step."""
        return self._replicas.step(x, y)

    def parameters(self):
        """The values of all parameters, a list of host arrays as one device has them. All ranks call it."""
        return self._replicas.parameters()

    def gradients(self):
        """The gradients of the last step, likewise."""
        return self._replicas.gradients()
