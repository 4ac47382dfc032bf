"""Start this policy pack: ``pulumi preview --policy-pack policies/ipv6``."""

from policies.pulumi_pack import serve

serve("ipv6")
