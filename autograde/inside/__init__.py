"""What runs inside the sandbox. It imports nothing of the grader's trusted part, which itself uses `wire` and `peer`."""
