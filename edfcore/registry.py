"""Every registered component by name: gradient checks, cost model and documentation iterate over it."""

REGISTRY = {}
