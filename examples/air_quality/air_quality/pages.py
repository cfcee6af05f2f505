"""The links on a page that lead to the archives a job wants.

A *mirror* holds sites under their host names, as ``wget --mirror`` leaves them: with the mirror
``http://127.0.0.1:8000``, ``https://example.org/data/`` is read from ``http://127.0.0.1:8000/example.org/data/``.
"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from air_quality.errors import FetchError
from air_quality.job import Job

SUFFIXES = {"zip": (".zip",), "tar_gz": (".tar.gz", ".tgz")}


def page_address(source_url: str, mirror: str = "") -> str:
    """Where to read ``source_url``: at its own site, or in ``mirror`` (an address or a local folder)."""
    if not mirror:
        return source_url
    site = urlsplit(source_url)
    if "://" in mirror:
        return f"{mirror.rstrip('/')}/{site.netloc}{site.path}"
    page = Path(mirror).expanduser().absolute() / site.netloc / site.path.strip("/")
    return (page / "index.html" if page.is_dir() else page).as_uri()


def archive_links(html: str, page: str, job: Job) -> list[str]:
    """Addresses of the archives that ``page`` links to and ``job`` accepts, each once, sorted.

    Links that leave the page's own site are not followed, whatever they match.

    Raises:
        FetchError: no link is left.
    """
    parser = _Links()
    parser.feed(html)
    addresses = {_without_fragment(urljoin(page, href)) for href in parser.hrefs}
    accepted = sorted(a for a in addresses if _same_site(a, page) and _accepts(job, a))
    if not accepted:
        wanted = f"matches {job.accept_regex.pattern}" if job.accept_regex else f"is a {job.file_type} archive"
        raise FetchError(f"{page} has {len(addresses)} links, and none of them {wanted}")
    _refuse_same_names(accepted)
    return accepted


def file_name(address: str) -> str:
    """The last part of an address, as a plain file name."""
    name = unquote(urlsplit(address).path).rsplit("/", 1)[-1]
    if not name or name.startswith(".") or "\\" in name or "\0" in name:
        raise FetchError(f"{address} does not end in a file name")
    return name


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs.extend(value.strip() for name, value in attrs if name == "href" and value)


def _without_fragment(address: str) -> str:
    return address.partition("#")[0]


def _same_site(address: str, page: str) -> bool:
    return urlsplit(address)[:2] == urlsplit(page)[:2]


def _accepts(job: Job, address: str) -> bool:
    if not urlsplit(address).path.lower().endswith(SUFFIXES[job.file_type]):
        return False
    return job.accept_regex is None or job.accept_regex.match(address) is not None


def _refuse_same_names(addresses: list[str]) -> None:
    seen: dict[str, str] = {}
    for address in addresses:
        other = seen.setdefault(file_name(address), address)
        if other != address:
            raise FetchError(f"{other} and {address} would be stored under the same name")
