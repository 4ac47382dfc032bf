"""Start this policy pack: ``pulumi preview --policy-pack policies/level-5``."""

from govcloud.policy_pack import serve

serve("level-5")
