"""Signing what an audit wrote: the certificate of conformance, and one manifest over all files of the run."""
