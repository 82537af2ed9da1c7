"""HTTP on a socket: the server, its connections, and the faults that are asked for."""
