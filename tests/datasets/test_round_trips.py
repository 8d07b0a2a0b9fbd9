"""What a format writes it reads back, as far as it can carry it; and docs/label-formats.md says how far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.errors import LabelError
from datasets.formats import cvat, detect, label_studio, labelme, voc
from datasets.raw import Format, RawBox, RawPhoto
from tests.datasets.labels_of import assert_same, photos, read_all

CARRIED: Mapping[str, frozenset[str]] = {
    "voc": frozenset(),
    "cvat": frozenset({"present"}),
    "labelme": frozenset({"exhaustive", "present", "absent", "unsure", "flags", "sha256", "group"}),
    "label-studio": frozenset({"exhaustive", "present", "absent", "unsure", "flags", "sha256", "group"}),
}
FORMATS: tuple[Format, ...] = (voc, cvat, labelme, label_studio)


def carried(photo: RawPhoto, form: Format) -> RawPhoto:
    """The photo without what the format cannot say."""
    nothing = RawPhoto(photo.name)
    lost = {"exhaustive", "present", "absent", "unsure", "flags", "sha256", "group"} - CARRIED[form.NAME]
    return replace(photo, **{key: getattr(nothing, key) for key in lost})


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
@settings(max_examples=25, deadline=None)
@given(written=photos())
def test_what_is_written_is_read(form: Format, written: list[RawPhoto]) -> None:
    with TemporaryDirectory() as place:
        form.write(written, Path(place))
        read, faults = read_all(form, Path(place))
    assert not [fault for fault in faults if fault.severity != "note"]
    assert_same(read, [carried(photo, form) for photo in written])


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
@settings(max_examples=40, deadline=None)
@given(start=st.floats(0, 1), length=st.integers(0, 60), put=st.sampled_from([b"", b"\xff\xfe", b"nan", b"<", b'"']))
def test_damage_is_reported_and_never_an_accident(form: Format, start: float, length: int, put: bytes) -> None:
    photo = RawPhoto("a.jpg", (RawBox("bin", (0.1, 0.2, 0.3, 0.4)),), (64, 48), present=frozenset("p"))
    with TemporaryDirectory() as place:
        form.write([photo], Path(place))
        for path in [path for path in Path(place).rglob("*") if path.suffix in (".xml", ".json")]:
            data = path.read_bytes()
            at = int(start * len(data))
            path.write_bytes(data[:at] + put + data[at + length :])
        form.recognises(Path(place))
        read_all(form, Path(place))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
def test_a_second_round_changes_nothing(form: Format, tmp_path: Path) -> None:
    corners = (0.123457, 0.000001, 0.987654, 0.333333)  # six decimals, as the label store keeps them
    form.write([RawPhoto("a.jpg", (RawBox("bin", corners),), (4031, 3023))], tmp_path)
    (photo,), _ = read_all(form, tmp_path)
    assert tuple(round(value, 6) for value in photo.boxes[0].xyxy) == corners


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.NAME)
def test_a_format_recognises_its_own_files_and_no_other(form: Format, tmp_path: Path) -> None:
    form.write([RawPhoto("a.jpg", (RawBox("bin", (0.1, 0.1, 0.2, 0.2)),), (64, 48))], tmp_path)
    assert [each.NAME for each in detect(tmp_path)] == [form.NAME]


@pytest.mark.parametrize("form", [voc, cvat, labelme], ids=lambda form: form.NAME)
def test_pixels_need_a_size(form: Format, tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"a\.jpg.*the size of the photo is not known"):
        form.write([RawPhoto("a.jpg")], tmp_path)


@pytest.mark.parametrize("form", [voc, labelme], ids=lambda form: form.NAME)
def test_files_of_single_photos_stay_apart_and_inside(form: Format, tmp_path: Path) -> None:
    twins = [RawPhoto("s/a.jpg", size_wh=(20, 30)), RawPhoto("s/A.png", size_wh=(40, 50))]
    form.write(twins, tmp_path)
    assert_same(read_all(form, tmp_path)[0], twins)
    with pytest.raises(LabelError, match="must not lead out of its folder"):
        form.write([RawPhoto("../a.jpg", size_wh=(20, 30))], tmp_path)
