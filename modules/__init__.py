"""The domain: levels, agencies, the contract between stacks, and the components made of them."""
