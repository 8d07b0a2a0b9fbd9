"""Pascal VOC files as tools and people leave them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from datasets.formats import voc
from tests.datasets.labels_of import boxes_of, only, read_all
from tests.photos import encode, scene

SIZE = "<size><width>200</width><height>100</height><depth>3</depth></size>"
BOX = "<bndbox><xmin>20</xmin><ymin>10</ymin><xmax>60</xmax><ymax>80</ymax></bndbox>"
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><annotation><filename>&c;</filename></annotation>'
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    "<annotation><filename>&f;</filename></annotation>"
)


def annotation(body: str = f"<object><name>bin</name>{BOX}</object>", size: str = SIZE, name: str = "a.jpg") -> str:
    return f"<annotation><folder>x</folder><filename>{name}</filename>{size}{body}</annotation>"


def put(folder: Path, text: str | bytes, path: str = "Annotations/a.xml") -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_file_of_label_img(tmp_path: Path) -> None:
    put(
        tmp_path,
        f"""<annotation verified="yes">
\t<folder>JPEGImages</folder>
\t<filename>a.jpg</filename>
\t<path>D:\\li\\photos\\a.jpg</path>
\t<source><database>Unknown</database></source>
\t{SIZE}
\t<segmented>0</segmented>
\t<object>
\t\t<name>垃圾满溢</name><pose>Unspecified</pose><truncated>1</truncated><difficult>1</difficult>
\t\t{BOX}
\t</object>
</annotation>""",
    )
    photo = only(voc, tmp_path)
    assert (photo.name, photo.size_wh, photo.file) == ("a.jpg", (200, 100), "Annotations/a.xml")
    assert boxes_of(photo) == [("垃圾满溢", (0.1, 0.1, 0.3, 0.8))]
    assert photo.boxes[0].where == "object[1]"
    assert photo.exhaustive is None


@pytest.mark.parametrize(
    ("path", "stated", "name"),
    [
        ("Annotations/a.xml", "a.jpg", "a.jpg"),
        ("a.xml", "a.jpg", "a.jpg"),
        ("train/a.xml", "a.jpg", "train/a.jpg"),
        ("Annotations/day1/a.xml", "a.jpg", "day1/a.jpg"),
        ("Annotations/day1/a.xml", "day1/a.jpg", "day1/a.jpg"),
        ("Annotations/a.xml", "day1\\a.jpg", "day1/a.jpg"),
        ("Annotations/a.xml", "C:\\photos\\a.jpg", "C:/photos/a.jpg"),
        ("Annotations/day1/a.xml", "/home/li/a.jpg", "/home/li/a.jpg"),
        ("Annotations/a.xml", "../a.jpg", "../a.jpg"),  # refused where photos are looked up
        ("Annotations/a b.xml", "", "a b"),
    ],
)
def test_names(tmp_path: Path, path: str, stated: str, name: str) -> None:
    put(tmp_path, annotation(name=stated), path)
    assert only(voc, tmp_path).name == name


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (("-10", "10", "60", "120"), (-0.05, 0.1, 0.3, 1.2)),
        (("60", "80", "20", "10"), (0.3, 0.8, 0.1, 0.1)),  # swapped: mended and reported by the import
        ((" 20.5 ", "1e1", "60.0", "80.25"), (0.1025, 0.1, 0.3, 0.8025)),
    ],
)
def test_odd_coordinates_are_kept(
    tmp_path: Path, numbers: tuple[str, ...], expected: tuple[float, float, float, float]
) -> None:
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), numbers, strict=True))
    put(tmp_path, annotation(f"<object><name>bin</name><bndbox>{corners}</bndbox></object>"))
    assert boxes_of(only(voc, tmp_path)) == [("bin", expected)]


def test_a_turned_box_of_rolabelimg(tmp_path: Path) -> None:
    turned = "<robndbox><cx>100</cx><cy>50</cy><w>40</w><h>20</h><angle>1.5707963267948966</angle></robndbox>"
    put(tmp_path, annotation(f"<object><type>robndbox</type><name>bin</name>{turned}</object>"))
    assert boxes_of(only(voc, tmp_path)) == [("bin", (0.45, 0.3, 0.55, 0.7))]


@pytest.mark.parametrize(
    "encoded",
    [
        annotation().replace("bin", "飞线").encode("gbk"),
        b'<?xml version="1.0" encoding="GB2312"?>' + annotation().replace("bin", "飞线").encode("gbk"),
        b'<?xml version="1.0" encoding="utf-8"?>' + annotation().replace("bin", "飞线").encode("gb18030"),
        ('<?xml version="1.0" encoding="UTF-16"?>' + annotation().replace("bin", "飞线")).encode("utf-16"),
        annotation().replace("bin", "飞线").encode("utf-8-sig"),
    ],
)
def test_chinese_class_names_in_any_encoding(tmp_path: Path, encoded: bytes) -> None:
    put(tmp_path, encoded)
    photos, faults = read_all(voc, tmp_path)
    assert [box.label for photo in photos for box in photo.boxes] == ["飞线"]
    assert {fault.code for fault in faults} <= {"not-utf8"}


def test_a_western_encoding_is_believed(tmp_path: Path) -> None:
    put(
        tmp_path,
        ('<?xml version="1.0" encoding="iso-8859-1"?>' + annotation()).replace("bin", "Müll").encode("latin-1"),
    )
    assert boxes_of(only(voc, tmp_path))[0][0] == "Müll"


@pytest.mark.parametrize(
    ("text", "code", "where", "message"),
    [
        ("<annotation>\n<size>\n</annotation>", "xml-broken", "3", "mismatched tag: line 3"),
        ("<annotation>", "xml-broken", "1", "no element found"),
        ("", "xml-broken", "1", "no element found"),
        (BOMB, "xml-entities", "", "entities"),
        (EXTERNAL, "xml-entities", "", "entities"),
        (annotation(size=""), "size-missing", "size", "no photo size"),
        (annotation(size="<size><width>0</width><height>0</height></size>"), "size-missing", "size", "no photo size"),
        (annotation(f"<object>{BOX}</object>"), "box-broken", "object[1]", "a class name missing"),
        (annotation("<object><name>bin</name></object>"), "box-broken", "object[1]", "four numbers in bndbox"),
        (
            annotation(f"<object><name>b</name>{BOX.replace('20', '二十')}</object>"),
            "box-broken",
            "object[1]",
            "four",
        ),
        (
            annotation(f"<object><name>b</name>{BOX.replace('20', 'nan')}</object>"),
            "box-broken",
            "object[1]",
            "four",
        ),
    ],
)
def test_faults_name_their_place_and_spare_the_rest(
    tmp_path: Path, text: str, code: str, where: str, message: str
) -> None:
    put(tmp_path, text, "Annotations/b.xml")
    put(tmp_path, annotation(), "Annotations/c.xml")
    photos, faults = read_all(voc, tmp_path)
    assert [(fault.code, fault.file, fault.where) for fault in faults] == [(code, "Annotations/b.xml", where)]
    assert message in faults[0].message
    assert photos[-1].file == "Annotations/c.xml"


def test_a_missing_size_is_looked_up_in_the_photo_as_it_is_held(tmp_path: Path) -> None:
    put(tmp_path, encode(scene(100, 200), "jpeg", orientation=6), "JPEGImages/a.jpg")
    put(tmp_path, annotation(size=""))
    with Image.open(tmp_path / "JPEGImages" / "a.jpg") as stored:
        assert stored.size == (200, 100)
    assert only(voc, tmp_path).size_wh == (100, 200)


def test_what_only_looks_like_labels_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, annotation())
    for path in ("Annotations/._a.xml", "__MACOSX/a.xml", ".hidden/a.xml"):
        put(tmp_path, "\0\5\x16\7", path)
    put(tmp_path, "<project><item/></project>", "project.xml")
    assert only(voc, tmp_path).name == "a.jpg"
    assert not voc.recognises(tmp_path / "__MACOSX")
