"""What runs inside the sandbox. It imports nothing of the grader's trusted part; of this folder, the trusted part uses `wire`."""
