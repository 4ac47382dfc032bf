"""The register: a static site of all clouds that were audited, and who holds which certificate until when."""
