"""Photos are kept where they should be, and really go when their days are over."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from inference.categories import Catalogue
from inference.feedback.confirm import confirm
from inference.feedback.database import Database
from inference.feedback.kept_photos import Stores, discard, fetch, file_name, keep, overdue
from inference.feedback.photo_store import PhotoStoreError
from inference.feedback.records import one_record
from inference.feedback.retention import purge
from inference.feedback.said import Said
from inference.feedback.store import add_records
from tests.inference.feedback.making import NOON, audit
from tests.object_store import KEYS, s3_endpoint

CONTENT = b"\xff\xd8\xff a photo"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
DAY = timedelta(days=1)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address in a store that speaks S3."""
    s3fs = pytest.importorskip("s3fs")
    boto3 = pytest.importorskip("boto3")
    with s3_endpoint() as address:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        boto3.client("s3").create_bucket(Bucket="kept")
        yield "s3://kept/photos"
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "kept")
    found: str = request.getfixturevalue("bucket")
    return found


@pytest.mark.filterwarnings("ignore")  # what boto and moto warn about themselves
def test_a_photo_is_kept_for_its_days_and_no_longer(database: Database, place: str) -> None:
    stores = Stores()
    keep(database, stores, place, SHA256, CONTENT, NOON)
    found = fetch(database, stores, SHA256)
    assert found is not None
    assert (found.name, found.content, found.media_type) == (f"{SHA256}.jpg", CONTENT, "image/jpeg")
    assert purge(database, stores, NOON, None).photos == 0
    assert purge(database, stores, NOON + DAY, None).photos == 1
    assert fetch(database, stores, SHA256) is None
    assert stores.at(place).read(found.name) is None
    assert overdue(database, NOON + 100 * DAY, 10) == []


def test_a_photo_received_again_is_kept_from_then_on(database: Database, tmp_path: Path) -> None:
    stores, place = Stores(), str(tmp_path / "kept")
    keep(database, stores, place, SHA256, CONTENT, NOON)
    (due,) = overdue(database, NOON + DAY, 10)
    keep(database, stores, place, SHA256, CONTENT, NOON + 2 * DAY)
    assert not discard(database, stores, due)  # it was due when we looked
    assert purge(database, stores, NOON + DAY, None).photos == 0
    assert fetch(database, stores, SHA256) is not None
    assert purge(database, stores, NOON + 3 * DAY, None).photos == 1
    assert not [path for path in Path(place).rglob("*") if path.is_file()]


def test_a_photo_that_cannot_be_deleted_is_tried_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores, place = Stores(), str(tmp_path / "kept")
    keep(database, stores, place, SHA256, CONTENT, NOON)

    def refuse(_: object, name: str) -> None:
        raise PhotoStoreError(f"{name}: cannot be deleted (the store is gone)")

    with monkeypatch.context() as patch:
        patch.setattr("inference.feedback.photo_store.FolderStore.delete", refuse)
        failed = purge(database, stores, NOON + DAY, None)
    assert (failed.photos, len(failed.failures)) == (0, 1)
    assert purge(database, stores, NOON + DAY, None).photos == 1


def test_files_are_for_their_owner_and_a_crash_leaves_a_trace(database: Database, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    place.write_text("in the way")
    with pytest.raises(PhotoStoreError, match="cannot be written"):
        keep(database, Stores(), str(place), SHA256, CONTENT, NOON)
    assert len(overdue(database, NOON + DAY, 10)) == 1  # the row is there before the file: nothing is forgotten
    assert fetch(database, Stores(), SHA256) is None
    place.unlink()
    keep(database, Stores(), str(place), SHA256, CONTENT, NOON)
    path = place / SHA256[:2] / file_name(SHA256, CONTENT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_records_go_with_their_feedback(database: Database, catalogue: Catalogue) -> None:
    add_records(database, [audit("old"), audit("new", received_at=NOON + DAY)])
    for request_id in ("old", "new"):
        confirm(database, Said(request_id=request_id, categories=[]), catalogue)
    assert purge(database, Stores(), None, NOON + DAY).records == 1
    assert one_record(database, "old") is None
    seen = one_record(database, "new")
    assert seen is not None
    assert seen.feedback is not None


def test_nothing_of_a_deleted_record_stays_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite"
    database = Database.open(f"sqlite:///{path}")
    add_records(database, [audit("r", external_id="SECRET-CASE-4711")])
    purge(database, Stores(), None, NOON + DAY)
    remains = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    database.close()
    assert b"SECRET-CASE-4711" not in remains
