"""Upstream programs from source, images made of them, and the Pulumi plugins for a machine without Internet."""
