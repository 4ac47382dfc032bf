"""Admission policies on a cluster, so that whoever goes around Pulumi meets the same rules."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from modules.components.objects import make
from modules.guards import Manifest


class AdmissionPolicies(pulumi.ComponentResource):
    """Policies of the API server, each in force as soon as the binding that follows it is made."""

    def __init__(self, documents: Sequence[Manifest], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("govcloud:modules:AdmissionPolicies", "admission", None, opts)
        policies = {
            it["metadata"]["name"]: make(it, pulumi.ResourceOptions(parent=self))
            for it in documents
            if it["kind"] == "ValidatingAdmissionPolicy"
        }
        for it in documents:
            if it["kind"] == "ValidatingAdmissionPolicyBinding":
                make(it, pulumi.ResourceOptions(parent=self, depends_on=[policies[it["spec"]["policyName"]]]))
        self.register_outputs({"policies": len(policies)})
