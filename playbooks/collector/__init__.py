"""The log collector: ships the API server's audit log into an object store, where nobody can change it."""
