"""A Pulumi provider for Kubernetes that looks to programs as the upstream one does, by server-side apply."""

VERSION = "4.34.2"
"""The upstream provider's version whose inputs, outputs and state this one has."""
