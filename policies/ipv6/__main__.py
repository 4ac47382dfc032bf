"""Start this policy pack: ``pulumi preview --policy-pack policies/ipv6``."""

from govcloud.policy_engine import provide
from policies.pulumi_pack import serve

serve("ipv6", provide)
