"""Start this policy pack: ``pulumi preview --policy-pack policies/level-4``."""

from govcloud.policy_engine import provide
from policies.pulumi_pack import serve

serve("level-4", provide)
