"""The bill of materials of the programs: CycloneDX 1.6, the same document for the same programs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from importlib.metadata import version as installed_version
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from core.errors import KitError
from toolchain import archives, build, debian, images, store
from toolchain.build import Status
from toolchain.compile import MANIFEST, MODULES
from toolchain.golang import architecture
from toolchain.programs import load

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "govcloud.local")


def document() -> str:
    """Return the bill as JSON: each program, the Go modules linked into it, Debian's packages under the images.

    Archives that were fetched stand beside the programs, with their Java libraries.

    Raises KitError when a program is missing or damaged: a bill lists what is there.
    """
    programs = build.status()
    if absent := [entry.name for entry in programs if entry.state != "ready"]:
        raise KitError(f"not built: {', '.join(absent)}", "govcloud toolchain build")
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, " ".join(sorted(entry.sha256 for entry in programs))))
    kit = Component(
        name="government-cloud-kit",
        type=ComponentType.APPLICATION,
        version=installed_version("government-cloud-kit"),
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
        bom_ref="government-cloud-kit",
    )
    bom.metadata.component = kit
    libraries: dict[str, Component] = {}
    top = [_add_program(bom, entry, libraries) for entry in programs]
    top += _add_archives(bom) + _add_bases(bom)
    bom.register_dependency(kit, top)
    text: str = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return _without_time(text)


def _without_time(text: str) -> str:
    """Leave out when the bill was written: it says nothing of the programs, and makes two equal bills differ."""
    parsed = json.loads(text)
    parsed["metadata"].pop("timestamp", None)
    return json.dumps(parsed, indent=2) + "\n"


def _add_program(bom: Bom, entry: Status, libraries: dict[str, Component]) -> Component:
    family = load()[entry.family]
    program = Component(
        name=entry.name,
        type=ComponentType.APPLICATION,
        version=entry.version,
        description=family.programs[entry.name].title,
        licenses=[LicenseFactory().make_from_string(entry.licence)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=entry.sha256)],
        purl=_golang(family.module, entry.version) if family.module else None,
        bom_ref=f"program/{entry.name}",
        properties=[Property(name="govcloud:go:package", value=family.programs[entry.name].package)],
    )
    bom.components.add(program)
    bom.register_dependency(program, [_library(bom, libraries, *module) for module in _modules(entry)])
    return program


def _modules(entry: Status) -> Sequence[tuple[str, str]]:
    """Modules linked into a program, Go's standard library included."""
    folder = Path(entry.path or "").parent.parent
    go: str = json.loads((folder / MANIFEST).read_text())["go"]
    linked: list[list[str]] = json.loads((folder / MODULES).read_text())[entry.name]
    return [("std", f"go{go}"), *((path, version) for path, version in linked)]


def _library(bom: Bom, libraries: dict[str, Component], path: str, version: str) -> Component:
    ref = f"{path}@{version}"
    if ref not in libraries:
        libraries[ref] = Component(name=path, version=version, purl=_golang(path, version), bom_ref=ref)
        bom.components.add(libraries[ref])
    return libraries[ref]


def _golang(path: str, version: str) -> PackageURL:
    namespace, _, name = path.rpartition("/")
    return PackageURL("golang", namespace or None, name, version)


def _add_archives(bom: Bom) -> list[Component]:
    """Add the archives that were fetched, with the libraries that their files are named after."""
    added = []
    for entry in archives.status():
        if entry.state != "ready" or entry.path is None:
            continue
        group, name, version = archives.load()[entry.name].coordinates
        program = Component(
            name=entry.name,
            type=ComponentType.APPLICATION,
            version=version,
            description=archives.load()[entry.name].title,
            licenses=[LicenseFactory().make_from_string(entry.licence)],
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=entry.sha256)],
            purl=PackageURL("maven", group, name, version, {"type": "tar.gz"}),
            bom_ref=f"program/{entry.name}",
        )
        parts = [
            Component(name=library, version=its_version, bom_ref=f"java/{library}@{its_version}")
            for library, its_version in archives.libraries(entry.path)
        ]
        for part in (program, *parts):
            bom.components.add(part)
        bom.register_dependency(program, parts)
        added.append(program)
    return added


def _add_bases(bom: Bom) -> list[Component]:
    """Add the images that stand on Debian packages, with these packages, as far as their layers were made."""
    catalogue = images.load()
    added = []
    for name, image in catalogue.images.items():
        folder = debian.folder_of(catalogue.debian_suite, image.debian)
        if not image.debian or store.damage(folder) is not None:
            continue
        packages: dict[str, str] = json.loads((folder / debian.PACKAGES).read_text())
        reference = catalogue.reference(name)
        container = Component(
            name=reference.rpartition(":")[0],
            type=ComponentType.CONTAINER,
            version=reference.rpartition(":")[2],
            bom_ref=f"image/{name}",
        )
        parts = [_debian(package, version, catalogue.debian_suite) for package, version in packages.items()]
        for part in (container, *parts):
            bom.components.add(part)
        bom.register_dependency(container, parts)
        added.append(container)
    return added


def _debian(package: str, version: str, suite: str) -> Component:
    purl = PackageURL("deb", "debian", package, version, {"arch": architecture(), "distro": suite})
    return Component(name=package, version=version, purl=purl, bom_ref=purl.to_string())
