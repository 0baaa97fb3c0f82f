"""What `edf simulate` does: text in, a dict for JSON and a text out.

`draw`, where given, draws what was found: draw(name of a figure in `figures.parallel`, data) returns a sentence on it.
"""

from dataclasses import fields
from math import inf

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
    """Every device, link, network, strategy and algorithm; in the dict with their numbers and sources."""
    names = {"networks": WORKLOADS, "strategies": STRATEGIES, "algorithms": ALL_REDUCE}
    lines = ["Devices", *map(_device_line, DEVICES.values()), ""]
    lines += ["Links (bytes a second and direction, as reached in practice)", *map(_link_line, LINKS.values()), ""]
    lines += [f"{kind.capitalize():<11} {', '.join(table)}" for kind, table in names.items()]
    lines += ["", "? : a number of this line is from memory or disputed; --list --json says which, and all sources."]
    parts = {kind: [_as_dict(x) for x in t.values()] for kind, t in (("devices", DEVICES), ("links", LINKS))}
    return parts | {kind: list(table) for kind, table in names.items()}, "\n".join(lines)


def _as_dict(part):
    """A device or a link in plain numbers and text."""
    told = {f.name: getattr(part, f.name) for f in fields(part)}
    plain = {name: dict(told[name]) for name in ("efficiency", "source") if name in told}
    return told | plain | {"unsure": sorted(part.unsure)}


def _mark(part):
    return "?" if part.unsure else " "


def _device_line(d):
    rate = f"{d.fp32 / 1e12:6.2f} TFLOP/s  {d.memory / 2**30:5.4g} GiB  {d.bandwidth / 1e9:6.0f} GB/s"
    return f"{_mark(d)} {d.name:<20} {d.year}  {rate}"


def _link_line(x):
    return f"{_mark(x)} {x.name:<20} {x.bandwidth / 1e9:6.2f} GB/s  {x.latency * 1e6:5.1f} us a message"


def simulated(cluster, model, mesh, bucket, swept, trace, draw=None, **options):
    """One simulation, or one for each value of a sweep."""
    options = {name: value for name, value in options.items() if name not in ("policy", "backup", "bound")}
    if not 0 <= bucket < inf:
        raise DataError(f"--bucket {bucket:g}: a number of megabytes of at least 0 is needed.")
    options |= {"bucket": bucket * 1e6, "mesh": _mesh(mesh)}
    strategy, batch = options.pop("strategy"), options.pop("batch")
    if swept:
        if trace:
            raise DataError("--trace writes one timeline; leave --sweep away.")
        field, values, names = _swept(swept)
        options.pop(field, None)
        if draw and field != "devices":
            raise DataError(f"--figure draws a sweep over devices, not over {field}; leave it or --sweep away.")
        reports = sweep(field, values, cluster, model, strategy, batch, **options)
        rows = [{field: value} | r.as_dict() for value, r in zip(values, reports, strict=True)]
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


def policy(cluster, model, policy, batch, steps, straggler, seed, backup, bound, efficiency, draw=None, **others):
    """A parameter server beside the first device; all devices are workers, whose step is one device's on its share.

    With backup workers the gradients of N - backup workers make a step, so that each has a larger share of the batch.
    """
    cluster, work = parse(cluster), workload(model)
    if len(set(cluster.devices)) > 1:
        raise DataError(f"--policy: the devices of {cluster.name} differ; use --straggler slow:DEVICE:FACTOR for one.")
    backup = backup if policy == "backup" else 0
    count = cluster.N - backup
    if cluster.N < 2 or count < 1:
        raise DataError(
            f"--policy {policy}: {cluster.name} leaves {max(count, 0)} workers that count; take more devices."
        )
    share = -(-batch // count)
    one = simulate(alone(cluster.devices[0]), work, batch=share, optimizer=others["optimizer"], efficiency=efficiency)
    far = min(range(1, cluster.N), key=lambda k: cluster.bandwidth(k, 0))
    rate, latency = cluster.bandwidth(far, 0), cluster.latency(far, 0)

    def run(policy, **limits):
        steps_ = steps or (20 if straggler is None else 100)
        return asynchronous.simulate(
            policy, count, one.seconds, work.param_bytes, rate, latency, straggler, steps_, seed, **limits
        )

    log = run(policy, backup=backup, bound=bound if policy == "stale" else 0)
    plain = run("synchronous")
    speedup = log.throughput / plain.throughput
    found = {
        "cluster": cluster.name, "workload": work.name, "policy": policy, "workers": cluster.N, "counted": count,
        "batch_of_a_worker": share, "bytes_per_second": rate,
        "seconds": log.end, "gradients_per_second": log.throughput, "instances_per_second": log.throughput * share,
        "applied": len(log.applied), "dropped": len(log.dropped), "mean_staleness": log.mean_staleness,
        "max_staleness": log.max_staleness, "idle": log.idle, "server_busy": log.server_busy,
        "speedup_over_synchronous": speedup,
    }  # fmt: skip
    told = (
        f"{work.name}, {share} instances for each of {cluster.N} workers; the server's wire carries {rate / 1e9:.3g} "
        f"GB/s. {log.throughput * share:,.0f} instances a second that count, {speedup:.3g} times as many as when "
        f"{count} workers wait for each other."
    )
    text = f"{cluster.describe()}\n\n{told}\n{log.summary()}\n\n{log.text(100)}"
    if draw:
        text += f"\n\n{draw('policies', log, until=log.end * min(1.0, FIRST * count / len(log.applied)))}"
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
        return field, [int(v) for v in chosen], [f"{field} {v}" for v in chosen]
    if field == "bucket":
        try:
            return field, [float(v) * 1e6 for v in chosen], [f"bucket {v} MB" for v in chosen]
        except ValueError as error:
            raise DataError(f"--sweep {text!r}: numbers of megabytes are needed.") from error
    return field, chosen, [f"{field} {v}" for v in chosen]


# Which options belong together: a name, and when it has a meaning
NEEDS = {
    "mesh": ("--strategy hybrid", lambda o: o["strategy"] == "hybrid"),
    "micro_batches": ("--strategy pipeline", lambda o: o["strategy"] == "pipeline"),
    "schedule": ("--strategy pipeline", lambda o: o["strategy"] == "pipeline"),
    "backup": ("--policy backup", lambda o: o["policy"] == "backup"),
    "bound": ("--policy stale", lambda o: o["policy"] == "stale"),
}
OF_POLICY = (
    "cluster",
    "model",
    "batch",
    "steps",
    "optimizer",
    "straggler",
    "policy",
    "backup",
    "bound",
    "seed",
    "efficiency",
)


def check_given(given, table, options):
    """Refuse options that would have no effect.

    Parameters
    ----------
    given : set of names of options that stand on the command line, by their parameters' names
    table : "yadan", "krizhevsky" or None
    options : dict, all options

    Raises
    ------
    DataError : an option that means nothing beside the others.
    """
    told = {name: "--" + {"swept": "sweep"}.get(name, name).replace("_", "-") for name in given}
    if table and given:
        raise DataError(f"{', '.join(sorted(told.values()))}: {table} is a published table, whose setup is fixed.")
    swept = (options["swept"] or "").partition("=")[0].strip()
    for name in sorted(given & NEEDS.keys()):
        needed, holds = NEEDS[name]
        if not holds(options) and not (swept == "strategy" and needed.startswith("--strategy")):
            raise DataError(f"{told[name]} has no effect without {needed}.")
    if options["policy"]:
        idle = sorted(told[name] for name in given - set(OF_POLICY))
        if idle:
            raise DataError(f"{', '.join(idle)}: no effect beside --policy, which runs a parameter server.")
    if swept == "micro_batches" and options["strategy"] != "pipeline":
        raise DataError("--sweep micro_batches=... has no effect without --strategy pipeline.")
