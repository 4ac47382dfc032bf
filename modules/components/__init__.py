"""Component resources: the manifests of the domain as things that Pulumi makes, in the order that is safe."""
