"""Start this policy pack: ``pulumi preview --policy-pack policies/ipv6``."""

from govcloud.policy_pack import serve

serve("ipv6")
