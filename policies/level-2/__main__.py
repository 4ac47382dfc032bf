"""Start this policy pack: ``pulumi preview --policy-pack policies/level-2``."""

from govcloud.policy_pack import serve

serve("level-2")
