"""Start this policy pack: ``pulumi preview --policy-pack policies/baseline``."""

from policies.pulumi_pack import serve

serve("baseline")
