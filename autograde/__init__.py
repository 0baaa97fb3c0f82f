"""autograde: what nbgrader lacks. For now: the assignment as data, certification of exercises, sample classes."""
