"""Conformance: the catalogue, the checks of a running cloud, verdicts with evidence, and the reports made of them."""
