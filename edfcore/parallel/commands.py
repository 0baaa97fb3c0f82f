"""What `edf simulate` does: text in, a dict for JSON and a text out.

`draw`, where given, draws what was found: draw(name of a figure in `figures.parallel`, data) returns a sentence on it.
"""

from ..errors import DataError
from . import asynchronous
from . import published as tables
from .cluster import alone, parse
from .collectives import ALL_REDUCE
from .devices import DEVICES, LINKS
from .report import comparison
from .simulate import STRATEGIES, simulate
from .sweep import FIELDS, scaling, sweep
from .workloads import WORKLOADS, workload

FIRST = 12  # steps of a parameter server that a figure shows


def published(name, draw=None):
    """A published table, fitted: "yadan" or "krizhevsky"."""
    found = getattr(tables, name)()
    return found.as_dict(), found.text + (f"\n\n{draw('published', found)}" if draw else "")


def known():
    """Every device, link, network, strategy and algorithm by name."""
    names = {"networks": WORKLOADS, "strategies": STRATEGIES, "algorithms": ALL_REDUCE}
    lines = ["Devices", *map(_device_line, DEVICES.values()), ""]
    lines += ["Links (bytes a second and direction, as reached in practice)", *map(_link_line, LINKS.values()), ""]
    lines += [f"{kind.capitalize():<11} {', '.join(table)}" for kind, table in names.items()]
    found = {"devices": DEVICES, "links": LINKS} | names
    return {kind: list(table) for kind, table in found.items()}, "\n".join(lines)


def _device_line(d):
    rate = f"{d.fp32 / 1e12:6.2f} TFLOP/s  {d.memory / 2**30:5.4g} GiB  {d.bandwidth / 1e9:6.0f} GB/s"
    return f"  {d.name:<20} {d.year}  {rate}"


def _link_line(x):
    return f"  {x.name:<20} {x.bandwidth / 1e9:6.2f} GB/s  {x.latency * 1e6:5.1f} us a message"


def simulated(cluster, model, mesh, bucket, swept, trace, draw=None, **options):
    """One simulation, or one for each value of a sweep."""
    options = {name: value for name, value in options.items() if name not in ("policy", "backup", "bound")}
    options |= {"bucket": bucket * 1e6, "mesh": _mesh(mesh)}
    strategy, batch = options.pop("strategy"), options.pop("batch")
    if swept:
        if trace:
            raise DataError("--trace writes one timeline; leave --sweep away.")
        field, values = _swept(swept)
        options.pop(field, None)
        if draw and field != "devices":
            raise DataError(f"--figure draws a sweep over devices, not over {field}; leave it or --sweep away.")
        reports = sweep(field, values, cluster, model, strategy, batch, **options)
        rows = [{field: value} | r.as_dict() for value, r in zip(values, reports, strict=True)]
        names = [f"{field} {value}" for value in values]
        text = comparison(reports, names)
        if draw:
            found = scaling(cluster, model, values, batch, strategy=strategy, **options)
            text += f"\n\n{draw('scaling', found)}"
        return {"sweep": field, "rows": rows}, text
    report = simulate(cluster, model, strategy, batch, **options)
    text = f"{report.setup.cluster.describe()}\n\n{report}"
    if trace:
        report.save_trace(trace)
        text += (
            f"\n\nThe timeline is in {trace}; open it at ui.perfetto.dev or chrome://tracing, which read it locally."
        )
    if draw:
        text += f"\n\n{draw('timeline', report, step=report.steps - 1 if report.steps > 1 else None)}"
    return report.as_dict(), text


def policy(cluster, model, policy, batch, steps, straggler, seed, backup, bound, draw=None, **others):
    """A parameter server on the cluster's first wire; a worker's step is one device's on its share of the batch."""
    if others["swept"] or others["trace"]:
        raise DataError("--policy prints one timeline of its own; leave --sweep and --trace away.")
    cluster, work = parse(cluster), workload(model)
    if cluster.N < 2:
        raise DataError(f"--policy: {cluster.name} is one device; a server needs workers, such as 4 x GTX Titan.")
    share = -(-batch // cluster.N)
    one = simulate(alone(cluster.devices[0]), work, batch=share, optimizer=others["optimizer"], check_memory=False)
    log = asynchronous.simulate(
        policy, cluster.N, one.seconds, work.param_bytes, cluster.bandwidth(0, 1), cluster.latency(0, 1), straggler,
        steps, seed, backup=backup if policy == "backup" else 0, bound=bound if policy == "stale" else 0,
    )  # fmt: skip
    found = {
        "cluster": cluster.name, "workload": work.name, "policy": policy, "batch_of_a_worker": share,
        "seconds": log.end, "gradients_per_second": log.throughput, "instances_per_second": log.throughput * share,
        "applied": len(log.applied), "dropped": len(log.dropped), "mean_staleness": log.mean_staleness,
        "max_staleness": log.max_staleness, "idle": log.idle, "server_busy": log.server_busy,
    }  # fmt: skip
    text = f"{cluster.describe()}\n\n{log.summary()}\n\n{log.text(100)}"
    if draw:
        text += f"\n\n{draw('policies', log, until=log.end * min(1.0, FIRST / steps))}"
    return found, text


def _mesh(text):
    if text is None:
        return None
    numbers = text.lower().replace("*", "x").split("x")
    if len(numbers) != 2 or not all(n.strip().isdecimal() for n in numbers):
        raise DataError(f"--mesh {text!r}: replicas x devices of each are needed, such as 2x2.")
    return tuple(int(n) for n in numbers)


def _swept(text):
    field, equals, values = text.partition("=")
    field = field.strip().replace("-", "_")
    if not equals or field not in FIELDS:
        raise DataError(f"--sweep {text!r}: one of {', '.join(FIELDS)} and values are needed, such as devices=1,2,4,8.")
    chosen = [v.strip() for v in values.split(";" if ";" in values else ",") if v.strip()]
    if field in ("devices", "batch", "micro_batches"):
        wrong = [v for v in chosen if not v.isdecimal() or int(v) < 1]
        if wrong or not chosen:
            raise DataError(f"--sweep {text!r}: {wrong[0] if wrong else 'nothing'} is no whole number of at least 1.")
        return field, [int(v) for v in chosen]
    if field == "bucket":
        try:
            return field, [float(v) * 1e6 for v in chosen]
        except ValueError as error:
            raise DataError(f"--sweep {text!r}: numbers of megabytes are needed.") from error
    return field, chosen
