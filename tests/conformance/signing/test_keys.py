"""The auditor's key: in files, and in a token."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from conformance.signing import keys
from core import debian, signatures
from core.errors import KitError
from core.signatures import Trust
from tests.signers import AUDITOR, Authority, make

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


@pytest.fixture(scope="module")
def trust(authority: Authority) -> Trust:
    return signatures.read_trust(authority.file, AUDITOR)


@pytest.mark.parametrize("passphrase", ["", "mật khẩu"])
def test_a_key_in_pem_signs(authority: Authority, trust: Trust, tmp_path: Path, passphrase: str) -> None:
    """In the clear or under a passphrase."""
    files = authority.auditor.write(tmp_path, passphrase=passphrase)
    assert signatures.verify(b"x", keys.sign(b"x", keys.from_file(*files, passphrase or None)), trust)


def test_a_key_in_pkcs12_signs(authority: Authority, trust: Trust, tmp_path: Path) -> None:
    """With its certificates in the same file."""
    path = authority.auditor.write_pkcs12(tmp_path / "auditor.p12", "secret")
    assert signatures.verify(b"x", keys.sign(b"x", keys.from_file(path, None, "secret")), trust)


def test_files_that_do_not_fit_are_named(authority: Authority, tmp_path: Path) -> None:
    """A wrong passphrase, no certificates, another's certificate, no key, no file."""
    key, certificates = authority.auditor.write(tmp_path, passphrase="secret")
    p12 = authority.auditor.write_pkcs12(tmp_path / "auditor.p12", "secret")
    _, others = make("other").write(tmp_path, "other")
    for arguments, said in (
        ((key, certificates, "wrong"), "signer.key: no private key, or another passphrase"),
        ((key, certificates, None), "signer.key: no private key, or another passphrase"),
        ((p12, None, "wrong"), "auditor.p12: no private key, or another passphrase"),
        ((key, None, "secret"), "its certificates are not given"),
        ((key, others, "secret"), "is not the key of the first certificate"),
        ((key, key, "secret"), "holds no certificates in PEM"),
        ((certificates, certificates, None), "no private key"),
        ((tmp_path / "absent", certificates, None), "absent: cannot be read"),
    ):
        with pytest.raises(KitError, match=said):
            keys.from_file(*arguments)


@pytest.fixture(scope="module")
def token(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a token with two keys of the auditor in it, by SoftHSM, and return the folder of what belongs to them."""
    if not MODULE.exists():
        debian.install(["softhsm2"])
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm.conf")
    words = ["--init-token", "--free", "--label", "auditor", "--so-pin", "1234", "--pin", "1234"]
    subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)
    keys_inside = (
        ("rsa", "0a", rsa.generate_private_key(65537, 2048)),
        ("ec", "0b", ec.generate_private_key(ec.SECP256R1())),
    )
    for label, id_, own in keys_inside:
        plain = folder / f"{label}.pk8"
        plain.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        words = ["--import", str(plain), "--token", "auditor", "--label", label, "--id", id_, "--pin", "1234"]
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True)
        plain.unlink()
        make(AUDITOR, authority.root, key=own).write(folder, label)
        (folder / f"{label}.key").unlink()
    yield folder
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.mark.toolchain
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_in_a_token_signs(token: Path, trust: Trust, kind: str) -> None:
    """The key never leaves the token: the file of it is gone."""
    assert not (token / f"{kind}.key").exists()
    with keys.from_token(MODULE, "auditor", kind, token / f"{kind}.pem", "1234") as signer:
        assert signatures.verify(b"x", keys.sign(b"x", signer), trust).signer == AUDITOR


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("label", "key", "pin", "said"),
    [
        ("auditor", "rsa", "9999", "token 'auditor': cannot be opened"),
        ("absent", "rsa", "1234", "token 'absent': cannot be opened"),
        ("auditor", "absent", "1234", "the key does not sign"),
    ],
)
def test_a_token_that_does_not_open_is_named(token: Path, label: str, key: str, pin: str, said: str) -> None:
    """A wrong PIN, no such token, no such key."""
    with (
        pytest.raises(KitError, match=said),
        keys.from_token(MODULE, label, key, token / "rsa.pem", pin) as signer,
    ):
        keys.sign(b"x", signer)


@pytest.mark.toolchain
def test_a_token_with_the_key_of_another_certificate_signs_nothing_that_counts(token: Path, trust: Trust) -> None:
    """What is signed with a key that is not the certificate's does not verify."""
    with (
        pytest.raises(KitError),
        keys.from_token(MODULE, "auditor", "rsa", token / "ec.pem", "1234") as signer,
    ):
        signatures.verify(b"x", keys.sign(b"x", signer), trust)


def test_a_module_that_is_not_there_is_named(authority: Authority, tmp_path: Path) -> None:
    """The library that came with the token."""
    _, certificates = authority.auditor.write(tmp_path)
    with (
        pytest.raises(KitError, match="no such PKCS#11 module"),
        keys.from_token(tmp_path / "absent.so", "t", "k", certificates, None),
    ):
        pass
