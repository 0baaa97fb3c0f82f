"""How a graph becomes a straight-line program: rules of components, a program of lines, memory, updates. See `plan`."""
