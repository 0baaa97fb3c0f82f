"""What runs inside the sandbox. It imports nothing of the trusted part, which uses `wire` and `peer` of it."""
