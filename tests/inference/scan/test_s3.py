"""Photos in an S3-compatible store: a real server, real requests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

s3fs = pytest.importorskip("s3fs")
boto3 = pytest.importorskip("boto3")
pytest.importorskip("moto.server")

from inference.scan.journal import records, validate  # noqa: E402 - after the checks for the extra `s3`
from inference.scan.stores import NoSourceError  # noqa: E402
from tests.inference.scan.archive import photo  # noqa: E402
from tests.inference.scan.stub import CountingJudge, stub_scan  # noqa: E402
from tests.object_store import KEYS, s3_endpoint  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what boto and moto warn about themselves


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with photos."""
    with s3_endpoint() as address:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # of an earlier test, which know the address of its server
        client = boto3.client("s3")
        client.create_bucket(Bucket="patrol")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("z.jpg", photo(9))
        contents = {
            "2026/05/b.jpg": photo(2),
            "2026/05/路口.jpg": photo(3),
            "2026/a.jpg": photo(1),
            "2026/empty.jpg": b"",
            "2026/large.jpg": bytes(3 << 20),
            "2026/more.zip": packed.getvalue(),
            "2026/notes.txt": b"x",
            "2026/v.mp4": b"x",
            "other/c.jpg": photo(1),
        }
        for key, data in contents.items():
            client.put_object(Bucket="patrol", Key=key, Body=data)
        yield "s3://patrol"


def test_a_bucket_is_scanned_like_a_folder(bucket: str, tmp_path: Path) -> None:
    stub_scan(tmp_path / "out", f"{bucket}/2026")
    found = {one.path: one.failure.code if one.failure else "judged" for one in records(tmp_path / "out")}
    assert found == {
        "05/b.jpg": "judged",
        "05/路口.jpg": "judged",
        "a.jpg": "judged",
        "empty.jpg": "empty",
        "large.jpg": "too-many-bytes",
        "more.zip!/z.jpg": "judged",
        "v.mp4": "video-not-on-disk",
    }
    assert [*found][:3] == ["05/b.jpg", "05/路口.jpg", "a.jpg"]
    assert {one.source for one in records(tmp_path / "out")} == {f"{bucket}/2026"}
    assert stub_scan(tmp_path / "out", f"{bucket}/2026").new == 0


def test_a_copy_in_the_store_of_a_photo_on_disk_is_not_judged_again(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "disk.jpg").write_bytes(photo(1))
    judge = CountingJudge()
    stub_scan(tmp_path / "out", tmp_path / "disk.jpg", f"{bucket}/other", judge=judge)
    assert judge.asked == ["disk.jpg"]
    assert [one.same_as for one in records(tmp_path / "out")] == [None, f"{tmp_path}/disk.jpg"]


def test_a_list_may_name_urls(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"{bucket}/2026/a.jpg\n{bucket}/2026/gone.jpg\n", "utf-8")
    stub_scan(tmp_path / "out", tmp_path / "list.txt")
    assert [one.failure and one.failure.code for one in records(tmp_path / "out")] == [None, "vanished"]
    assert validate(tmp_path / "out").mistakes == ()


def test_a_bucket_that_is_not_there_is_told(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(NoSourceError, match="s3://nowhere"):
        stub_scan(tmp_path / "out", f"{bucket.replace('patrol', 'nowhere')}/2026")


def test_an_address_that_nobody_knows_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSourceError, match="gopher"):
        stub_scan(tmp_path / "out", "gopher://somewhere/a")
