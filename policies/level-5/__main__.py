"""Start this policy pack: ``pulumi preview --policy-pack policies/level-5``."""

from policies.pulumi_pack import serve

serve("level-5")
