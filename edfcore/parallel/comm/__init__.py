"""One protocol, many engines: the same program on threads, processes, MPI ranks or GPUs."""
