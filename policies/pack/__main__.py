"""Start the policy pack: ``pulumi preview --policy-pack policies/pack``. It serves until the engine ends it."""

from pulumi_policy import PolicyPack

from govcloud import policy_engine
from policies import pulumi_once
from policies.pulumi_pack import policies

policy_engine.provide()
pulumi_once.install()
PolicyPack("government-cloud", policies())
