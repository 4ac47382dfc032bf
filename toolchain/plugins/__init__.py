"""Pulumi plugins in Python for a machine that cannot have the upstream ones: language host and Kubernetes provider.

The engine starts each as a program of its own; nothing else in the kit imports them. A machine with the official Pulumi
distribution never meets them.
"""
