"""Downloads: whole or not at all, going on where they stopped."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from air_quality import pages, serve
from air_quality.download import fetch_file, read_page, sha256_of
from air_quality.errors import FetchError
from air_quality.job import Job
from air_quality.job import read as read_job

CONTENT = os.urandom(3_000_000)


class Faulty(serve.QuietHandler):
    """Closes the connection after ``cut`` bytes while there are ``faults`` left; notes what it was asked for."""

    faults: ClassVar[int] = 0
    cut: ClassVar[int] = 1_000_000
    ranges: ClassVar[list[str | None]] = []
    on_fault: ClassVar[Callable[[], None] | None] = None

    def do_GET(self) -> None:
        Faulty.ranges.append(self.headers.get("Range"))
        super().do_GET()

    def _copy(self, file, count):  # type: ignore[no-untyped-def]
        if Faulty.faults:
            Faulty.faults -= 1
            self.wfile.write(file.read(Faulty.cut))
            self.close_connection = True
            if Faulty.on_fault:
                Faulty.on_fault()
            return
        super()._copy(file, count)


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.zip").write_bytes(CONTENT)
    Faulty.faults, Faulty.cut, Faulty.ranges, Faulty.on_fault = 0, 1_000_000, [], None
    with serve.served(folder, Faulty) as address:
        yield f"{address}/a.zip", folder / "a.zip"


def no_pause(seconds: float) -> None:
    assert 0 < seconds < 60


def test_a_whole_file_is_fetched_in_one_go(source: tuple[str, Path], tmp_path: Path) -> None:
    got = fetch_file(source[0], tmp_path / "to" / "a.zip", pause=no_pause)
    assert got.path.read_bytes() == CONTENT
    assert (got.size, got.sha256) == (len(CONTENT), sha256_of(source[1]))
    assert Faulty.ranges == [None]


def test_a_broken_download_goes_on_where_it_stopped(source: tuple[str, Path], tmp_path: Path) -> None:
    Faulty.faults = 2
    got = fetch_file(source[0], tmp_path / "a.zip", pause=no_pause)
    assert got.path.read_bytes() == CONTENT
    assert Faulty.ranges == [None, "bytes=1000000-", "bytes=2000000-"]
    assert [path.name for path in tmp_path.glob("a.zip*")] == ["a.zip"]


def test_a_file_that_changed_meanwhile_is_fetched_anew(source: tuple[str, Path], tmp_path: Path) -> None:
    changed = bytes(2_500_000)

    def change() -> None:
        source[1].write_bytes(changed)

    Faulty.faults, Faulty.on_fault = 1, change
    got = fetch_file(source[0], tmp_path / "a.zip", pause=no_pause)
    assert got.path.read_bytes() == changed


def test_a_truncated_download_is_refused_and_the_next_run_goes_on(source: tuple[str, Path], tmp_path: Path) -> None:
    Faulty.faults, Faulty.cut = 4, 100_000
    with pytest.raises(FetchError) as caught:
        fetch_file(source[0], tmp_path / "a.zip", pause=no_pause)
    assert str(caught.value) == f"{source[0]} cannot be fetched: the connection ended after 400,000 of 3,000,000 bytes"
    assert not (tmp_path / "a.zip").exists()
    Faulty.cut = 1_000_000
    assert fetch_file(source[0], tmp_path / "a.zip", pause=no_pause).path.read_bytes() == CONTENT
    assert Faulty.ranges[-1] == "bytes=400000-"


def test_a_download_that_lacked_only_its_name_is_made_anew(source: tuple[str, Path], tmp_path: Path) -> None:
    Faulty.faults, Faulty.cut = 4, 1000
    with pytest.raises(FetchError):
        fetch_file(source[0], tmp_path / "a.zip", pause=no_pause)
    with (tmp_path / "a.zip.part").open("wb") as part:
        part.write(CONTENT)
    Faulty.faults = 0
    assert fetch_file(source[0], tmp_path / "a.zip", pause=no_pause).path.read_bytes() == CONTENT
    assert Faulty.ranges[-2:] == ["bytes=3000000-", None]


class Chunked(serve.QuietHandler):
    """Announces no size, sends pieces, and leaves in the middle of one."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nwhole\r\n" + b"ff\r\nhalf")
        self.close_connection = True


def test_a_download_without_a_size_is_refused_when_it_breaks_off(tmp_path: Path) -> None:
    with (
        serve.served(tmp_path, Chunked) as address,
        pytest.raises(FetchError, match=r"cannot be fetched: IncompleteRead"),
    ):
        fetch_file(f"{address}/a.zip", tmp_path / "a.zip", pause=no_pause)
    assert not (tmp_path / "a.zip").exists()


def test_a_missing_file_is_refused_at_once(source: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"b\.zip cannot be fetched: the server answers 404 no such file"):
        fetch_file(source[0].replace("a.zip", "b.zip"), tmp_path / "b.zip", pause=no_pause)
    assert len(Faulty.ranges) == 1


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with serve.served(tmp_path) as address:
        pass
    with pytest.raises(FetchError, match=r"cannot be read: .*Connection refused"):
        read_page(address)


def test_the_server_sends_the_part_that_is_asked_for(source: tuple[str, Path]) -> None:
    for asked, status, wanted in [("bytes=10-19", 206, CONTENT[10:20]), ("bytes=2999990-", 206, CONTENT[-10:])]:
        request = urllib.request.Request(source[0], headers={"Range": asked})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
            assert (response.status, response.read()) == (status, wanted)


@pytest.fixture
def job(jobs: dict[str, dict[str, object]]) -> Job:
    return read_job(jobs["epa_aqs_ozone_daily_summary"])


PAGE = "https://aqs.epa.gov/aqsweb/airdata/download_files.html"


def test_links_are_made_whole_and_taken_once(job: Job) -> None:
    html = """
        <A HREF="daily_44201_2024.zip">2024</a> <a href=" daily_44201_2023.zip ">2023</a>
        <a href="/aqsweb/airdata/daily_44201_2024.zip#top">again</a> <a name="x"> <a href>
        <a href="daily_42401_2024.zip">another pollutant</a> <a href="daily_44201_2024.html">a page</a>
    """
    base = "https://aqs.epa.gov/aqsweb/airdata/"
    assert pages.archive_links(html, PAGE, job) == [base + "daily_44201_2023.zip", base + "daily_44201_2024.zip"]


def test_links_to_other_sites_are_not_followed(job: Job) -> None:
    html = (
        '<a href="https://example.org/airdata/daily_44201_2024.zip"></a> <a href="file:///airdata/daily_44201_1.zip">'
    )
    with pytest.raises(FetchError, match=r"has 2 links, and none of them matches"):
        pages.archive_links(html, PAGE, job)


def test_two_archives_of_one_name_are_refused(job: Job) -> None:
    html = '<a href="a/airdata/daily_44201_2024.zip"></a> <a href="b/airdata/daily_44201_2024.zip">'
    with pytest.raises(FetchError, match="would be stored under the same name"):
        pages.archive_links(html, PAGE, job)


@pytest.mark.parametrize("end", ["..", "%2e%2e", "a%5Cb.zip", ".hidden.zip", ""])
def test_an_address_that_is_no_file_name_is_refused(end: str) -> None:
    with pytest.raises(FetchError, match="does not end in a file name"):
        pages.file_name(f"https://example.org/data/{end}")


def test_a_mirror_holds_sites_under_their_names(tmp_path: Path) -> None:
    assert pages.page_address(PAGE) == PAGE
    mirrored = "http://127.0.0.1:80/aqs.epa.gov/aqsweb/airdata/download_files.html"
    assert pages.page_address(PAGE, "http://127.0.0.1:80/") == mirrored
    assert (
        pages.page_address(PAGE, str(tmp_path)) == f"file://{tmp_path}/aqs.epa.gov/aqsweb/airdata/download_files.html"
    )
