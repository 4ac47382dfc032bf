"""What turns a Debian host into a hardened node of a dual-stack cluster, and the runner around it."""
