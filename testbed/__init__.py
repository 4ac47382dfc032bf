"""Hosts, networks and clusters on one machine: Debian hosts that boot in seconds and leave nothing behind."""
