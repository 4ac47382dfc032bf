"""Start this policy pack: ``pulumi preview --policy-pack policies/baseline``."""

from govcloud.policy_pack import serve

serve("baseline")
