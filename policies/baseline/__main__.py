"""Start this policy pack: ``pulumi preview --policy-pack policies/baseline``."""

from govcloud.policy_engine import provide
from policies.pulumi_pack import serve

serve("baseline", provide)
