"""Downloads a package's source archive, and checks it, without running anything of it.

    python tools/fetch_sdist.py NAME VERSION FOLDER [--sha256 HEX]

The package index is the one that pip is configured to use. The archive's digest must be the one
that the index gives and, if named, the expected one. Prints the archive's path.
"""

import argparse
import hashlib
import html.parser
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse
import urllib.request


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("version")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--sha256", help="the expected digest")
    arguments = parser.parse_args()

    url, digest = find_archive(arguments.name, arguments.version)
    if not digest:
        sys.exit("the index gives no sha256 for the archive")
    if arguments.sha256 and arguments.sha256.lower() != digest:
        sys.exit(f"the index gives the sha256 {digest}, expected was {arguments.sha256}")
    file_name = pathlib.PurePosixPath(urllib.parse.urlsplit(url).path).name
    path = arguments.folder / file_name
    if not (path.is_file() and sha256(path) == digest):
        download(url, path, digest)
    print(path)


def find_archive(name, version):
    """The address of the archive and its sha256."""
    project = re.sub(r"[-_.]+", "-", name).lower()
    page_url = index_url().rstrip("/") + f"/{project}/"
    with urllib.request.urlopen(page_url) as response:
        links = Links()
        links.feed(response.read().decode("utf-8"))
        base = response.url
    wanted = {f"{stem}-{version}.tar.gz" for stem in (name, project, project.replace("-", "_"))}
    for link in links.found:
        url, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(base, link))
        if urllib.parse.unquote(url).rsplit("/", 1)[-1] in wanted:
            return url, fragment.removeprefix("sha256=") if "sha256=" in fragment else None
    sys.exit(f"the index has no source archive of {name} {version}")


class Links(html.parser.HTMLParser):
    """The addresses that a page links to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.extend(value for key, value in attributes if key == "href")


def index_url():
    """Where pip looks for packages."""
    if url := os.environ.get("PIP_INDEX_URL"):
        return url
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
    )
    if asked.returncode == 0 and asked.stdout.strip():
        return asked.stdout.strip()
    from pip._internal.models.index import PyPI

    return PyPI.simple_url


def download(url, path, digest):
    """Brings the file, and puts it in its place only if its digest is right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with urllib.request.urlopen(url) as response, part.open("wb") as file:
        while block := response.read(1 << 20):
            file.write(block)
    if (found := sha256(part)) != digest:
        part.unlink()
        sys.exit(f"{url}: the sha256 is {found}, expected was {digest}")
    part.replace(path)


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
