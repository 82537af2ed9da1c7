"""The repos of a Hub: real git underneath, read by revision and path, changed by commits."""
