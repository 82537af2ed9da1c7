"""Where a run took place: the code at its commit, the command, the machine and its packages."""
