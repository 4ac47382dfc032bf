"""Parts of an agency file beside its systems: names, people, the place where the agency runs, its sign-in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from modules.model import TITLE_ALLOWED, Model, Title, about

Cluster = Literal["shared", "own", "egc"]
Path = Annotated[str, Field(min_length=1, max_length=1000)]
Email = Annotated[str, Field(pattern=r"^[^@\s,;<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=254)]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ]{6,18}[0-9]$")]
Issuer = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:[0-9]{1,5})?(/[^\s?#]*)?$", max_length=500)]
Claim = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,200}$")]


class Names(Model):
    """The full name of an agency, as people write it, diacritics kept."""

    vi: Annotated[
        Title, about("Full name in Vietnamese", example="Ủy ban nhân dân phường Hạ Long", allowed=TITLE_ALLOWED)
    ]
    en: Annotated[
        Title, about("Full name in English", example="People's Committee of Hạ Long Ward", allowed=TITLE_ALLOWED)
    ]


class Contact(Model):
    """Who answers for something."""

    email: Annotated[
        Email,
        about(
            "E-mail address that is read every working day; better that of an office than of a person",
            example="vanphong@halong.gov.vn",
            allowed="one e-mail address, such as vanphong@halong.gov.vn",
        ),
    ]
    name: Annotated[
        Title | None,
        about("Name of the office or the person", example="Văn phòng HĐND và UBND phường", allowed=TITLE_ALLOWED),
    ] = None
    phone: Annotated[
        Phone | None,
        about(
            "Telephone number for what cannot wait",
            example="+84 203 3825 000",
            allowed="8 to 20 digits and spaces, with + before a country's code",
            source="GVC-INC-01",
        ),
    ] = None


_PERSON = {"email": "vanphong@halong.gov.vn"}


class Contacts(Model):
    """Who answers for the agency's cloud."""

    owner: Annotated[
        Contact,
        about("Who owns the systems and decides about them", example=_PERSON, source="GVC-GOV-01, GVC-GOV-04"),
    ]
    operator: Annotated[
        Contact, about("Who runs the systems from day to day", example=_PERSON, source="GVC-GOV-01, GVC-GOV-04")
    ]
    security: Annotated[
        Contact, about("Who is told of an incident, at any hour", example=_PERSON, source="GVC-INC-01, GVC-MON-03")
    ]


class Placement(Model):
    """Where the agency's systems run."""

    cluster: Annotated[
        Cluster,
        about(
            "shared: on a cluster of the central cloud, together with others; own: on a cluster of the agency alone; "
            "egc: on a commercial cloud that has been shown to meet the requirements",
            example="shared",
            source="Directive 02/CT-TTg (2022)",
            default="what the platform team's rules say for units of its kind, and shared where they say nothing; "
            "what is written here wins over the rules",
        ),
    ] = "shared"
    kubeconfig: Annotated[
        Path | None,
        about(
            "File with the address and the sign-in of the cluster, from the folder of this file; "
            "for 'own' and 'egc' only",
            example="clusters/quang-ninh.kubeconfig",
            allowed="the path of a file",
        ),
    ] = None
    egc: Annotated[
        Title | None,
        about("Name of the commercial cloud; for 'egc' only", example="example-cloud-hanoi", allowed=TITLE_ALLOWED),
    ] = None
    certificate: Annotated[
        Path | None,
        about(
            "File with the certificate of conformance of that cloud, from the folder of this file; for 'egc' only",
            example="certificates/example-cloud-hanoi.json",
            allowed="the path of a file",
            source="GVC-GOV-02",
        ),
    ] = None

    @property
    def chosen(self) -> Cluster | None:
        """The cluster that the file asks for; None where it says nothing, and the rules decide."""
        return self.cluster if "cluster" in self.model_fields_set else None


class Mfa(Model):
    """What a token holds after a sign-in with a second factor."""

    claim: Annotated[
        Claim, about("Name of the claim", example="amr", allowed="a name without spaces", source="RFC 8176")
    ] = "amr"
    value: Annotated[
        Claim,
        about("What the claim holds then, alone or among others", example="mfa", allowed="a word without spaces"),
    ] = "mfa"


class Identity(Model):
    """Where the agency's people sign in."""

    issuer: Annotated[
        Issuer,
        about(
            "Address of the identity provider, as its tokens name it (OpenID Connect)",
            example="https://sso.quangninh.gov.vn/realms/state",
            allowed="an address that begins with https://",
            source="GVC-IAM-02",
        ),
    ]
    mfa: Annotated[
        Mfa,
        about(
            "How a token shows that a second factor was used; administrators are refused without",
            example={"claim": "amr", "value": "mfa"},
            source="GVC-IAM-01",
        ),
    ] = Mfa()
