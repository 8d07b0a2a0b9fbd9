from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

from inference.errors import PatrolError
from inference.letterbox import InputRecipe, letterbox
from inference.photo import Photo, PhotoError, PhotoLimits, read_photo
from tests import photos
from tests.shared import shared

SCENE = photos.scene()
ENCODINGS = photos.encodings(SCENE)
GREY = np.asarray(Image.fromarray(SCENE).convert("L"))
SIDE = 640


def difference(rgb: photos.Rgb, expected: photos.Rgb) -> float:
    """Mean absolute difference in levels of 255; over 30 between the scene and a turned or mirrored one."""
    assert rgb.shape == expected.shape
    return float(np.abs(rgb.astype(int) - expected).mean())


def refusal(data: bytes, *, limits: PhotoLimits | None = None, allow_degraded: bool = False) -> PhotoError:
    with pytest.raises(PhotoError) as caught:
        read_photo(data, target_side=SIDE, limits=limits or PhotoLimits(), allow_degraded=allow_degraded)
    return caught.value


def as_grey(rgb: photos.Rgb) -> photos.Rgb:
    return np.repeat(rgb[..., np.newaxis], 3, axis=2)


class TestEncodings:
    @pytest.mark.parametrize("name", ENCODINGS)
    def test_every_encoding_gives_the_same_upright_picture(self, name: str) -> None:
        photo = read_photo(ENCODINGS[name], target_side=SIDE)
        expected = as_grey(GREY) if name == "jpeg-grey" else SCENE
        allowed = 0.0 if name in photos.LOSSLESS else 2.5
        assert difference(photo.rgb, expected) <= allowed
        assert (photo.width, photo.height) == (320, 240)
        assert photo.format == name.partition("-")[0]
        assert photo.sha256 == sha256(ENCODINGS[name]).hexdigest()
        assert photo.warnings == ()
        assert not photo.degraded

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_pixels_are_ready_to_use(self, name: str) -> None:
        rgb = read_photo(ENCODINGS[name], target_side=SIDE).rgb
        assert rgb.dtype == np.uint8
        assert rgb.flags.c_contiguous
        assert rgb.flags.writeable

    @pytest.mark.parametrize("orientation", photos.ORIENTATIONS)
    @pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "heif"])
    def test_every_format_obeys_orientation_once(self, kind: str, orientation: int) -> None:
        photo = read_photo(photos.encode(SCENE, kind, orientation=orientation), target_side=SIDE)
        assert difference(photo.rgb, SCENE) < 2.5
        assert (photo.width, photo.height) == (320, 240)

    @pytest.mark.parametrize("orientation", photos.ORIENTATIONS)
    def test_compressed_tiff_obeys_orientation_once(self, orientation: int) -> None:
        data = photos.encode(SCENE, "tiff", orientation=orientation, compression="tiff_lzw")
        assert difference(read_photo(data, target_side=SIDE).rgb, SCENE) == 0

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_impossible_orientation_counts_as_upright(self, orientation: int) -> None:
        data = photos.encode(SCENE, "jpeg", exif=photos.exif_block(orientation=orientation))
        assert difference(read_photo(data, target_side=SIDE).rgb, SCENE) < 2.5


def _saved(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _palette_with_hole() -> bytes:
    image = Image.new("P", (40, 30), 1)
    image.putpalette([200, 0, 0, 0, 0, 200])
    image.paste(0, (0, 0, 20, 30))
    return _saved(image, transparency=0)


LEFT_RED = np.zeros((30, 40, 3), np.uint8)
LEFT_RED[:, :20] = (200, 0, 0)
HALF = np.full((30, 40), 128, np.uint8)
WHITE_LEFT_BLUE = np.full((30, 40, 3), 255, np.uint8)
WHITE_LEFT_BLUE[:, 20:] = (0, 0, 200)
HOLE = np.dstack([LEFT_RED, np.where(np.arange(40) < 20, 255, 0)[np.newaxis].repeat(30, 0).astype(np.uint8)])
RED_ON_WHITE = np.where(HOLE[..., 3:] > 0, LEFT_RED, 255).astype(np.uint8)
RAMP = np.arange(256, dtype=np.uint8)[np.newaxis, :].repeat(20, axis=0)


class TestKindsOfPixels:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            pytest.param(_saved(Image.fromarray(HOLE)), RED_ON_WHITE, id="rgba-png-over-white"),
            pytest.param(_saved(Image.fromarray(HOLE), "webp", lossless=True), RED_ON_WHITE, id="rgba-webp-over-white"),
            pytest.param(_saved(Image.fromarray(HOLE), "tiff"), RED_ON_WHITE, id="rgba-tiff-over-white"),
            pytest.param(
                _saved(Image.fromarray(np.dstack([HALF, HALF]))),
                as_grey(HALF // 2 + 128),
                id="half-transparent-grey",
            ),
            pytest.param(_palette_with_hole(), WHITE_LEFT_BLUE, id="palette-with-transparent-colour"),
            pytest.param(
                _saved(Image.fromarray(LEFT_RED), transparency=(200, 0, 0)),
                np.where(LEFT_RED.any(axis=2, keepdims=True), 255, 0).repeat(3, axis=2).astype(np.uint8),
                id="rgb-with-transparent-colour",
            ),
            pytest.param(
                _saved(Image.fromarray(RAMP > 127)),
                as_grey(np.where(RAMP > 127, 255, 0).astype(np.uint8)),
                id="1-bit",
            ),
            pytest.param(_saved(Image.fromarray(RAMP)), as_grey(RAMP), id="grey"),
            pytest.param(photos.wide(RAMP, ".png"), as_grey(RAMP), id="grey-16-bit-png"),
            pytest.param(photos.wide(RAMP, ".tiff"), as_grey(RAMP), id="grey-16-bit-tiff"),
            pytest.param(_saved(Image.fromarray(RAMP), "bmp"), as_grey(RAMP), id="grey-bmp"),
            pytest.param(_saved(Image.fromarray(LEFT_RED).convert("CMYK"), "tiff"), LEFT_RED, id="cmyk-tiff"),
        ],
    )
    def test_becomes_rgb(self, data: bytes, expected: photos.Rgb) -> None:
        rgb = read_photo(data, target_side=SIDE).rgb
        assert np.abs(rgb.astype(int) - expected).max() <= 1

    @pytest.mark.parametrize("mode", ["I", "F"])
    def test_pixels_without_a_known_white_are_refused(self, mode: str) -> None:
        error = refusal(_saved(Image.new(mode, (40, 30)), "tiff"))
        assert error.code == "unsupported-format"


class TestNotAPhoto:
    @pytest.mark.parametrize(
        ("data", "code", "words"),
        [
            (b"", "empty", "0 bytes"),
            (b"hello", "not-an-image", "b'hello'"),
            (b"BMW parked on the pavement since Tuesday", "not-an-image", "BMW"),
            (b"\n<!DOCTYPE html><html><body>502 Bad Gateway", "not-an-image", "web page"),
            (b"<HTML><body>", "not-an-image", "web page"),
            (b"%PDF-1.7\n%...", "not-an-image", "PDF"),
            (b"PK\x03\x04\x14\0\0\0", "not-an-image", "ZIP"),
            (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "not-an-image", "video"),
            (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "not-an-image", "video"),
            (b"\x1aE\xdf\xa3\x9fB\x86\x81", "not-an-image", "video"),
            (b"RIFF\x24\x60\0\0AVI LIST", "not-an-image", "video"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported-format", "SVG"),
            (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "unsupported-format", "AVIF"),
            (b"\0\0\0\x0cjP  \r\n\x87\n", "unsupported-format", "JPEG 2000"),
            (b"8BPS\0\1", "unsupported-format", "Photoshop"),
            (photos.animation("gif"), "unsupported-format", "GIF"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9", "not-an-image", "%!PS"),
            (bytes(4096), "not-an-image", "x00"),
            (b"\xff\xd8\xff", "truncated", "JPEG"),
            (b"\xff\xd8\xff" + b"a" * 99, "truncated", "JPEG"),
            (b"\xff\xd8\xff\xd9", "corrupt", "how large"),
            (b"\x89PNG\r\n\x1a\n", "truncated", "PNG"),
            (b"RIFF\x24\0\0\0WEBP", "truncated", "WEBP"),
            (b"II+\0\x08\0\0\0", "unsupported-format", "BigTIFF"),
            (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "corrupt", "TIFF"),
        ],
    )
    def test_is_refused_with_a_reason(self, data: bytes, code: str, words: str) -> None:
        error = refusal(data, allow_degraded=True)
        assert error.code == code
        assert words in str(error)

    def test_the_message_says_what_to_send_instead(self) -> None:
        assert "send a JPEG, PNG, WebP, BMP, TIFF or HEIC photo" in str(refusal(b"%PDF-1.7"))

    def test_the_error_is_one_a_user_can_mend_and_survives_pickling(self) -> None:
        error = refusal(b"")
        assert isinstance(error, PatrolError)
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
        assert (copy.code, str(copy)) == (error.code, str(error))


class TestLimits:
    def test_bytes(self) -> None:
        data = ENCODINGS["png-rgb"]
        error = refusal(data, limits=PhotoLimits(max_bytes=len(data) - 1))
        assert error.code == "too-many-bytes"
        assert f"{len(data):,}" in str(error)
        assert read_photo(data, target_side=SIDE, limits=PhotoLimits(max_bytes=len(data))).width == 320

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_pixels(self, name: str) -> None:
        error = refusal(ENCODINGS[name], limits=PhotoLimits(max_pixels=320 * 240 - 1))
        assert error.code == "too-many-pixels"
        assert "76,800" in str(error)

    @pytest.mark.parametrize(("width", "height", "passes"), [(16, 16, True), (15, 400, False), (400, 15, False)])
    @pytest.mark.parametrize("kind", ["jpeg", "png"])
    def test_sides(self, kind: str, width: int, height: int, passes: bool) -> None:
        data = photos.encode(np.ascontiguousarray(photos.scene(400, 400)[:height, :width]), kind)
        if passes:
            assert read_photo(data, target_side=SIDE).rgb.shape == (height, width, 3)
        else:
            assert refusal(data).code == "too-small"

    def test_target_side_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="target_side must be at least 1 pixel, but is 0"):
            read_photo(ENCODINGS["jpeg-grey"], target_side=0)

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_pillows_limit_for_the_whole_process_neither_warns_nor_refuses(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60_000)  # below 320 * 240: `Image.open` would warn
        if name.startswith("tiff"):  # its plugin judges by that limit on its own, so it is refused before
            error = refusal(ENCODINGS[name])
            assert (error.code, "60,000" in str(error)) == ("too-many-pixels", True)
        else:
            assert read_photo(ENCODINGS[name], target_side=SIDE).width == 320


class TestBombs:
    def test_a_bomb_is_refused_at_once(self) -> None:
        bomb = photos.bomb_png()
        assert len(bomb) < 180_000

        def seconds() -> float:
            start = time.perf_counter()
            assert refusal(bomb).code == "too-many-pixels"
            return time.perf_counter() - start

        assert min(seconds() for _ in range(5)) < 0.010

    def test_a_bomb_takes_no_memory(self, tmp_path: Path) -> None:
        (tmp_path / "bomb.png").write_bytes(photos.bomb_png())
        # A fresh process: the high-water mark of this one already includes other tests.
        script = (
            "import resource, sys, pathlib\n"
            "from inference.photo import PhotoError, read_photo\n"
            "data = pathlib.Path(sys.argv[1]).read_bytes()\n"
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "before = peak()\n"
            "try:\n    read_photo(data, target_side=640)\n"
            "except PhotoError as error:\n    sys.stdout.write(f'{error.code} {peak() - before}')\n"
        )
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-c", script, str(tmp_path / "bomb.png")]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60)
        code, grown_kib = done.stdout.split()
        assert code == "too-many-pixels"
        assert int(grown_kib) < 20 * 1024

    @pytest.mark.parametrize(
        "lying",
        [
            pytest.param(photos.declare_size(ENCODINGS["jpeg-orientation-1"], 65_500, 65_500), id="jpeg"),
            pytest.param(photos.declare_size(ENCODINGS["jpeg-progressive"], 65_500, 65_500), id="jpeg-progressive"),
            pytest.param(photos.declare_size(ENCODINGS["bmp"], 30_000, 30_000), id="bmp"),
        ],
    )
    def test_a_header_that_promises_too_much_is_believed(self, lying: bytes) -> None:
        assert refusal(lying, allow_degraded=True).code == "too-many-pixels"

    def test_endless_scans_are_refused_at_once(self) -> None:
        error = refusal(photos.jpeg_many_scans(20_000), allow_degraded=True)
        assert error.code == "corrupt"
        assert "more than 100 passes" in str(error)

    @pytest.mark.parametrize(
        ("encoder", "passing", "refused"),
        [(photos.jpeg_many_segments, 4_000, 5_000_000), (photos.png_many_blocks, 9_000, 2_000_000)],
    )
    def test_endless_parts_are_refused_before_they_cost_seconds(
        self, encoder: Callable[[int], bytes], passing: int, refused: int
    ) -> None:
        assert read_photo(encoder(passing), target_side=SIDE).width == 64
        start = time.thread_time()
        assert refusal(encoder(refused)).code == "corrupt"
        assert time.thread_time() - start < 1

    def test_endless_fill_bytes_are_walked_over_once(self) -> None:
        data = b"\xff\xd8" + b"\xff" * 5_000_000
        start = time.thread_time()
        assert refusal(data, allow_degraded=True).code == "truncated"
        assert time.thread_time() - start < 1

    def test_fill_bytes_before_a_marker_are_skipped(self) -> None:
        data = ENCODINGS["jpeg-orientation-6"]
        photo = read_photo(data[:2] + b"\xff" * 5 + data[2:], target_side=SIDE)
        assert np.array_equal(photo.rgb, read_photo(data, target_side=SIDE).rgb)

    @pytest.mark.parametrize(
        ("kind", "values", "copies", "code", "said"),
        [
            (4, 7_000_000, 1, "corrupt", "7,000,000 values in one field"),
            (7, 30_000_000, 20, "truncated", "its fields claim 600,000"),
        ],
        ids=["values by the million", "fields that share their values"],
    )
    def test_a_tiff_directory_is_judged_before_it_is_read(
        self, kind: int, values: int, copies: int, code: str, said: str
    ) -> None:
        error = refusal(photos.tiff_with_field(kind, values, copies))
        assert (error.code, said in str(error)) == (code, True)

    def test_a_tiff_with_a_large_private_field_is_read(self) -> None:
        assert read_photo(photos.tiff_with_field(7, 2_000_000), target_side=SIDE).width == 640

    @pytest.mark.parametrize("compression", [1, 2])
    def test_a_run_length_coded_bmp_is_refused_before_it_costs_seconds(self, compression: int) -> None:
        data = ENCODINGS["bmp"]
        error = refusal(data[:30] + struct.pack("<I", compression) + data[34:])
        assert error.code == "unsupported-format"
        assert "run-length" in str(error)


JPEGS = [name for name in ENCODINGS if name.startswith("jpeg") and name != "jpeg-odd-subsampling"]
CHECKED = [*JPEGS, "png-rgb", "png-rgba", "png-16bit", "png-palette", "webp-lossless", "tiff-16bit"]


class TestDamage:
    @pytest.mark.parametrize("keep", [0.2, 0.6, 0.97])
    @pytest.mark.parametrize("name", ENCODINGS)
    def test_truncated_files_are_refused(self, name: str, keep: float) -> None:
        assert refusal(photos.truncated(ENCODINGS[name], keep)).code == "truncated"

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_a_missing_last_byte_is_noticed(self, name: str) -> None:
        assert refusal(ENCODINGS[name][:-1]).code == "truncated"

    @pytest.mark.parametrize("name", CHECKED)
    def test_damage_in_the_middle_is_refused(self, name: str) -> None:
        assert refusal(photos.corrupt_middle(ENCODINGS[name])).code == "corrupt"

    @pytest.mark.parametrize("name", JPEGS)
    def test_the_readable_part_of_a_truncated_jpeg_is_returned_on_request(self, name: str) -> None:
        data = photos.truncated(ENCODINGS[name], 0.75)
        photo = read_photo(data, target_side=SIDE, allow_degraded=True)
        assert photo.warnings == ("degraded:truncated",)
        assert photo.degraded
        assert (photo.width, photo.height) == (320, 240)

    def test_the_readable_part_is_right(self) -> None:
        data = photos.truncated(ENCODINGS["jpeg-orientation-1"])
        photo = read_photo(data, target_side=SIDE, allow_degraded=True)
        assert difference(photo.rgb[:80], SCENE[:80]) < 2.5
        assert difference(photo.rgb[-20:], SCENE[-20:]) > 2.5

    @pytest.mark.parametrize("name", JPEGS)
    def test_a_corrupt_jpeg_is_returned_on_request_with_a_warning(self, name: str) -> None:
        data = photos.corrupt_middle(ENCODINGS[name])
        photo = read_photo(data, target_side=SIDE, allow_degraded=True)
        assert photo.warnings == ("degraded:corrupt-data",)
        assert photo.degraded

    @pytest.mark.parametrize("name", ["png-rgb", "webp", "bmp", "tiff", "heic", "jpeg-odd-subsampling"])
    def test_other_files_are_refused_even_so(self, name: str) -> None:
        assert refusal(photos.truncated(ENCODINGS[name]), allow_degraded=True).code == "truncated"

    def test_a_jpeg_of_which_nothing_is_readable_is_refused_even_so(self) -> None:
        data = ENCODINGS["jpeg-orientation-1"]
        scan = data.index(b"\xff\xda")
        for length in (scan + 14, scan + 54, len(data) // 12):
            assert refusal(data[:length], allow_degraded=True).code == "truncated"

    def test_the_switch_for_all_threads_is_never_touched(self) -> None:
        read_photo(photos.truncated(ENCODINGS["jpeg-grey"]), target_side=SIDE, allow_degraded=True)
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False

    @pytest.mark.parametrize("name", ENCODINGS)
    def test_random_damage_gives_a_photo_or_a_photo_error(self, name: str) -> None:
        random = np.random.default_rng(11)
        for _ in range(25):
            data = bytearray(ENCODINGS[name])
            for position in random.integers(0, min(len(data), 600), 4):  # mostly headers: the decoders' weak spot
                data[position] = random.integers(0, 256)
            try:
                photo = read_photo(bytes(data), target_side=64, allow_degraded=True)
            except PhotoError:
                continue
            assert photo.rgb.shape[2] == 3


class TestCameraRaw:
    @pytest.mark.parametrize("field", [{254: 1}, {50706: b"\1\4\0\0"}], ids=["a thumbnail first", "DNG"])
    def test_a_thumbnail_does_not_pass_for_the_photo(self, field: dict[int, object]) -> None:
        buffer = BytesIO()
        Image.fromarray(SCENE).save(buffer, "TIFF", tiffinfo=field)
        error = refusal(buffer.getvalue())
        assert (error.code, "camera raw file" in str(error)) == ("unsupported-format", True)

    def test_canons_older_raw_files(self) -> None:
        data = ENCODINGS["tiff"]
        assert refusal(b"II*\0\x10\0\0\0CR\2\0" + data[12:]).code == "unsupported-format"

    def test_a_full_picture_that_says_so_is_read(self) -> None:
        buffer = BytesIO()
        Image.fromarray(SCENE).save(buffer, "TIFF", tiffinfo={254: 0})
        assert read_photo(buffer.getvalue(), target_side=SIDE).width == 320


class TestFrames:
    @pytest.mark.parametrize("kind", ["png", "webp", "tiff", "heif"])
    def test_the_first_of_several_pictures_is_used_with_a_warning(self, kind: str) -> None:
        photo = read_photo(photos.animation(kind), target_side=SIDE)
        assert photo.warnings == ("multi-frame-first-used",)
        assert not photo.degraded
        assert difference(photo.rgb, SCENE) < 2.5

    def test_the_previews_that_phones_append_to_a_jpeg_are_no_news(self) -> None:
        data = ENCODINGS["jpeg-orientation-6"] + ENCODINGS["jpeg-grey"] + bytes(1000)
        assert read_photo(data, target_side=SIDE).warnings == ()


class TestExif:
    @pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "heif"])
    def test_time_and_place_are_read_from_every_format(self, kind: str) -> None:
        gps = {1: "N", 2: (31.0, 13.0, 48.0), 3: "E", 4: (121.0, 28.0, 12.0)}
        exif = photos.exif_block(orientation=1, taken_at="2024:05:06 07:08:09", zone="+08:00", gps=gps)
        photo = read_photo(photos.encode(SCENE, kind, exif=exif), target_side=SIDE)
        assert photo.captured_at == datetime.fromisoformat("2024-05-06T07:08:09+08:00")
        assert photo.latitude == pytest.approx(31.23)
        assert photo.longitude == pytest.approx(121.47)

    def test_a_photo_without_exif_has_none_of_it(self) -> None:
        photo = read_photo(ENCODINGS["jpeg-orientation-1"], target_side=SIDE)
        assert (photo.captured_at, photo.latitude, photo.longitude) == (None, None, None)

    @pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
    def test_damaged_exif_leaves_the_photo_readable(self, kind: str) -> None:
        exif = photos.exif_block(orientation=1, taken_at="2024:05:06 07:08:09")[:40]
        photo = read_photo(photos.encode(SCENE, kind, exif=exif), target_side=SIDE)
        assert photo.warnings == ("exif-unreadable",)
        assert not photo.degraded
        assert difference(photo.rgb, SCENE) < 2.5


class TestReducedScale:
    LARGE = photos.scene(1600, 1200)

    @pytest.mark.parametrize(
        ("target_side", "longer_side"),
        [(5000, 1600), (1600, 1600), (801, 1600), (800, 800), (401, 800), (400, 400), (201, 400), (1, 200)],
    )
    def test_the_smallest_fast_scale_that_serves_the_target(self, target_side: int, longer_side: int) -> None:
        photo = read_photo(photos.encode(self.LARGE, "jpeg"), target_side=target_side)
        assert photo.rgb.shape == (longer_side * 3 // 4, longer_side, 3)
        assert (photo.width, photo.height) == (1600, 1200)

    @pytest.mark.parametrize("orientation", photos.ORIENTATIONS)
    def test_a_reduced_turned_photo_shows_the_same(self, orientation: int) -> None:
        photo = read_photo(photos.encode(self.LARGE, "jpeg", orientation=orientation), target_side=400)
        assert (photo.width, photo.height) == (1600, 1200)
        assert difference(photo.rgb, photos.scene(400, 300)) < 4

    @pytest.mark.parametrize("encoder", [photos.jpeg_ycck, photos.jpeg_cmyk_not_inverted, photos.jpeg_odd_subsampling])
    def test_rare_kinds_are_reduced_too(self, encoder: Callable[[photos.Rgb], bytes]) -> None:
        photo = read_photo(encoder(self.LARGE), target_side=400)
        assert (photo.width, photo.height) == (1600, 1200)
        assert difference(photo.rgb, photos.scene(400, 300)) < 4

    def test_odd_sizes_round_up(self) -> None:
        photo = read_photo(photos.encode(photos.scene(1601, 1203), "jpeg"), target_side=400)
        assert photo.rgb.shape == (301, 401, 3)
        assert (photo.width, photo.height) == (1601, 1203)

    @pytest.mark.parametrize("orientation", photos.ORIENTATIONS)
    @pytest.mark.parametrize("size", [(1601, 1203), (1607, 1201), (1200, 1599)])
    def test_a_thing_lies_where_it_lies_at_full_size(self, size: tuple[int, int], orientation: int) -> None:
        stored = np.full((size[1], size[0], 3), 40, np.uint8)
        stored[-180:-60, -180:-60] = 230  # near the corner where a reduced JPEG goes beyond the edge
        stored[60:180, 60:180] = 230
        buffer = BytesIO()
        exif = photos.exif_block(orientation=orientation)
        Image.fromarray(stored).save(buffer, "JPEG", quality=95, exif=exif)
        reduced, full = (_things(read_photo(buffer.getvalue(), target_side=side)) for side in (200, 1607))
        assert np.abs(reduced - full).max() < 1

    def test_twelve_megapixels_held_sideways(self) -> None:
        data = photos.encode(photos.noisy_scene(3024, 4032), "jpeg", orientation=6, quality=92)
        photo = read_photo(data, target_side=SIDE)
        assert photo.rgb.shape == (1008, 756, 3)
        assert (photo.width, photo.height) == (3024, 4032)

    def test_other_formats_stay_at_full_size(self) -> None:
        photo = read_photo(photos.encode(self.LARGE, "png"), target_side=100)
        assert photo.rgb.shape == (1200, 1600, 3)


def _things(photo: Photo) -> NDArray[np.float32]:
    """(2, 2) centres of the two bright things of a photo, (x, y) in its full-size pixels, the upper one first."""
    recipe = InputRecipe(width=192, height=192, fill=40)
    tensor, placement = letterbox(photo.rgb, recipe, photo.width, photo.height, photo.overhang)
    light = tensor[0, 0] - 40 / 255
    rows, columns = np.mgrid[:192, :192] + 0.5
    is_upper = rows < 96
    centres = [[np.average(axis, weights=light * half) for axis in (columns, rows)] for half in (is_upper, ~is_upper)]
    return placement.to_photo(np.array([[*centre, *centre] for centre in centres], np.float32))[:, :2]


class TestHarmlessOddities:
    @pytest.mark.parametrize(
        ("mark", "offset", "value"),
        [
            pytest.param(b"JFIF\0", 5, 9, id="unknown-jfif-version"),
            pytest.param(b"\xff\xda", 12, 5, id="odd-scan-parameters"),
        ],
    )
    def test_what_does_not_touch_the_pixels_is_no_damage(self, mark: bytes, offset: int, value: int) -> None:
        data = bytearray(ENCODINGS["jpeg-orientation-1"])
        data[data.index(mark) + offset] = value
        photo = read_photo(bytes(data), target_side=SIDE)
        assert photo.warnings == ()
        assert difference(photo.rgb, SCENE) < 2.5
        assert refusal(photos.truncated(bytes(data)), allow_degraded=True).code == "truncated"


def test_many_threads_read_what_one_reads() -> None:
    files = [*ENCODINGS.values(), photos.truncated(ENCODINGS["jpeg-grey"])] * 4

    def digest(data: bytes) -> str:
        photo = read_photo(data, target_side=100, allow_degraded=True)
        return sha256(photo.rgb.tobytes()).hexdigest()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(digest, files)) == [digest(data) for data in files]


def test_libheif_is_loaded_only_for_heic() -> None:
    script = "import sys, inference.photo; sys.exit('pillow_heif' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True, timeout=60)


class TestRealPhotos:
    def test_every_patrol_photo_reads_as_a_viewer_shows_it(self) -> None:
        for path in sorted(shared("data", "amsterdam-patrol", "images").iterdir()):
            photo = read_photo(path.read_bytes(), target_side=SIDE)
            with Image.open(path) as image, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns of what it finds in makers' notes
                size = ImageOps.exif_transpose(image).size
            assert (photo.width, photo.height) == size, path.name
            assert photo.warnings == (), path.name

    def test_a_large_photo_is_read_much_faster_than_pillow_decodes_it_whole(self) -> None:
        data = self._largest()

        def seconds(read: Callable[[], object]) -> float:
            start = time.thread_time()  # of this thread: other work on the machine does not count
            read()
            return time.thread_time() - start

        def ratio() -> float:
            """Both one right after the other, so that whatever slows the machine slows both."""
            reduced = seconds(lambda: read_photo(data, target_side=SIDE))
            return seconds(lambda: np.asarray(Image.open(BytesIO(data)))) / reduced

        ratio()  # warms up
        assert median(ratio() for _ in range(9)) > 1.5

    def test_a_large_photo_keeps_its_full_size_when_reduced(self) -> None:
        data = self._largest()
        reduced = read_photo(data, target_side=SIDE)
        whole = read_photo(data, target_side=100_000)
        assert (reduced.width, reduced.height) == (whole.width, whole.height) == whole.rgb.shape[1::-1]
        assert SIDE <= max(reduced.rgb.shape) < max(whole.rgb.shape) / 2
        size = reduced.rgb.shape[1::-1]
        shrunk = np.asarray(Image.fromarray(whole.rgb).resize(size, Image.Resampling.BOX))
        assert difference(reduced.rgb, shrunk) < 3

    @staticmethod
    def _largest() -> bytes:
        def photo(path: Path) -> Photo:
            return read_photo(path.read_bytes(), target_side=1)

        paths = sorted(shared("data", "amsterdam-patrol", "images").iterdir())
        return max(paths, key=lambda path: photo(path).width * photo(path).height).read_bytes()
