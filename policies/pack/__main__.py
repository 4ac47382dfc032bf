"""Start the policy pack: ``pulumi preview --policy-pack policies/pack``. It serves until the engine ends it."""

from pulumi_policy import PolicyPack

from policies.pulumi_pack import policies

PolicyPack("government-cloud", policies())
