"""Write the realm that the identity service imports when it starts: what realm.json says, with the people's secrets.

identity_realm.py FOLDER OWNER. A secret is made here where there is none, lies in a file of root's alone, and is never
printed.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import string
import sys
from pathlib import Path
from typing import Any

SETTINGS = Path("/etc/govcloud/identity")
LETTERS = string.ascii_letters + string.digits


def secret(length: int) -> str:
    """Return letters and digits at random."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def write(path: Path, text: str, owner: str = "root") -> None:
    """Write a file whole, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    shutil.chown(fresh, owner, owner)
    fresh.replace(path)


def credentials(name: str, kinds: list[str]) -> dict[str, str]:
    """Return password and, where it is asked for, the seed of the second factor (base32), making what is missing."""
    path = SETTINGS / "people" / f"{name}.yaml"
    lines = path.read_text().splitlines() if path.exists() else []
    found = dict(line.split(": ", 1) for line in lines)
    if "password" not in found or ("otp" in kinds) != ("totp" in found):
        found = {"username": name, "password": secret(24)}
        if "otp" in kinds:
            found["totp"] = base64.b32encode(secret(20).encode()).decode()
        write(path, "".join(f"{key}: {value}\n" for key, value in found.items()))
    return found


def stored(kind: str, found: dict[str, str]) -> dict[str, Any]:
    """Return a credential as a realm's file has it."""
    if kind == "password":
        return {"type": "password", "value": found["password"]}
    seed = base64.b32decode(found["totp"]).decode()
    policy = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA1"}
    return {"type": "otp", "secretData": json.dumps({"value": seed}), "credentialData": json.dumps(policy)}


def main() -> None:
    """Write the realm's file."""
    folder, owner = Path(sys.argv[1]), sys.argv[2]
    realm = json.loads((SETTINGS / "realm.json").read_text())
    for user in realm["users"]:
        kinds = [entry["type"] for entry in user["credentials"]]
        found = credentials(user["username"], kinds)
        user["credentials"] = [stored(kind, found) for kind in kinds]
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.chown(folder, owner, owner)
    write(folder / f"{realm['realm']}-realm.json", json.dumps(realm), owner)


if __name__ == "__main__":
    main()
