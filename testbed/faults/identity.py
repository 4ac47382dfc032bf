"""People sign in too easily, for too long, or under names that are not theirs."""

from __future__ import annotations

from testbed.faults.control_plane import api_server
from testbed.faults.fault import Change, Fault
from testbed.faults.host_files import edited, services, unit
from testbed.faults.objects import RBAC, added

_SERVICE = unit("govcloud-identity.service")
"""Its start ends when it answers; it reads the realm anew."""
_FOLDER = "/etc/govcloud/identity"
_TRUST = "/etc/kubernetes/govcloud/authentication.yaml"
_EVERYONE = {"apiGroup": RBAC, "kind": "Group", "name": "system:authenticated"}
_NAME = "govcloud-fault-certificates"


def _realm(edit: str) -> Change:
    return edited(services, {f"{_FOLDER}/realm.json": edit}, _SERVICE)


def _trust(edit: str) -> Change:
    return api_server({_TRUST: edit})


_NO_RULE = "/in claims.amr/d"
_NO_BOUND = "/claims.exp - claims.iat/d"

SECOND_FACTOR_NOT_ASKED = Fault(
    "second-factor-not-asked",
    "a password alone is enough to sign in, also for who has a second factor, and the API server takes it",
    _realm('s/("requirement": )"CONDITIONAL"/\\1"DISABLED"/') + _trust(_NO_RULE),
)
SECOND_FACTOR_NOT_DEMANDED = Fault(
    "second-factor-not-demanded",
    "the API server lets in who has no second factor",
    _trust(_NO_RULE),
)
TOKENS_LIVE_LONG = Fault(
    "tokens-live-long",
    "tokens of people live for ten hours, and the API server takes them",
    _realm('s/("accessTokenLifespan": )[0-9]+/\\136000/') + _trust(_NO_BOUND),
)
SESSIONS_STAY_OPEN = Fault(
    "sessions-stay-open",
    "a session that nobody uses stays open for eight hours",
    _realm('s/("ssoSessionIdleTimeout": )[0-9]+/\\128800/'),
)
LOCKOUT_OFF = Fault(
    "lockout-off",
    "passwords may be guessed without end, as no account is ever locked",
    _realm('s/("bruteForceProtected": )true/\\1false/'),
)
ANY_AUDIENCE = Fault(
    "any-audience",
    "the API server takes tokens that people got for the portal",
    _trust("s/^( *)audiences: .*/\\1audiences: [kubernetes, portal]\\n\\1audienceMatchPolicy: MatchAny/"),
)
NAMES_WITHOUT_PREFIX = Fault(
    "names-without-prefix",
    "people bear the names of the identity service as they are, which may be those of other accounts",
    _trust('s/prefix: "[^"]*"/prefix: ""/'),
)
IDENTITY_IPV4_ALONE = Fault(
    "identity-ipv4-alone",
    "the identity service listens in IPv4 alone",
    edited(
        services,
        {f"{_FOLDER}/environment": "s/^JAVA_OPTS=/&-Djava.net.preferIPv4Stack=true /"},
        _SERVICE,
    ),
)
CERTIFICATES_FOR_ANYBODY = Fault(
    "certificates-for-anybody",
    "everybody with an account may ask for a client certificate, which goes round the sign-in",
    added(
        f"/apis/{RBAC}/v1/clusterroles",
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _NAME},
            "rules": [
                {
                    "apiGroups": ["certificates.k8s.io"],
                    "resources": ["certificatesigningrequests"],
                    "verbs": ["create"],
                }
            ],
        },
    )
    + added(
        f"/apis/{RBAC}/v1/clusterrolebindings",
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _NAME},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": _NAME},
            "subjects": [_EVERYONE],
        },
    ),
)
