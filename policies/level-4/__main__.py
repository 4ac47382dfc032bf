"""Start this policy pack: ``pulumi preview --policy-pack policies/level-4``."""

from govcloud.policy_pack import serve

serve("level-4")
