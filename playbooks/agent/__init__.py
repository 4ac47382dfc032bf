"""The node's network agent: CNI configuration, routes and NetworkPolicy, with Python's standard library alone."""
