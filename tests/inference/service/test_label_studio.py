from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from inference.categories import Catalogue
from inference.classify import Classifier
from inference.service.label_studio_config import read_interface
from inference.service.label_studio_webhook import read_annotation
from inference.service.problems import Problem
from tests.inference.service.conftest import Client, Open, assert_problem

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the SDK about itself
    from label_studio_sdk.label_interface import LabelInterface
    from label_studio_sdk.label_interface.objects import PredictionValue

CONFIG = """<View>
  <Image name="photo" value="$image"/>
  <RectangleLabels name="box" toName="photo">
    <Label value="垃圾满溢"/> <Label value="Exposed Garbage / litter"/> <Label value="waste_bin" alias="waste_bin"/>
    <Label value="飞线"/> <Label value="违规遮雨棚" alias="rain cover"/> <Label value="unicorn"/>
  </RectangleLabels>
  <Choices name="present" toName="photo" choice="multiple"><Choice value="垃圾问题"/><Choice value="独角兽"/></Choices>
  <Choices name="absent" toName="photo" choice="multiple"><Choice value="垃圾问题"/></Choices>
</View>"""
PREDICT = "/label-studio/predict"


def data_uri(data: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def tasks(*addresses: object) -> list[dict[str, Any]]:
    return [{"id": number, "data": {"image": address}} for number, address in enumerate(addresses, start=1)]


def asked(*addresses: object, label_config: str = CONFIG) -> dict[str, Any]:
    """A request as Label Studio sends it."""
    return {
        "tasks": tasks(*addresses),
        "model_version": "undefined",
        "project": "1.1766543210",
        "label_config": label_config,
        "params": {"login": None, "password": None, "context": None},
    }


class TestInterface:
    def test_labels_are_found_by_any_name(self, catalogue: Catalogue) -> None:
        interface = read_interface(CONFIG, catalogue)
        (box,) = interface.boxes
        assert box.labels == {
            "overflowing_bin": "垃圾满溢",
            "exposed_garbage": "Exposed Garbage / litter",
            "waste_bin": "waste_bin",
            "overhead_cable_mess": "飞线",
            "illegal_awning": "rain cover",
        }
        assert interface.key == "image"
        assert interface.unknown == ("unicorn", "独角兽")

    def test_every_category_is_found_by_its_own_names(self, catalogue: Catalogue) -> None:
        for category in catalogue.values():
            for name in (category.id, category.name_zh, category.name_en):
                labels = f'<Label value="{name.replace("&", "&amp;")}"/>'
                config = f'<View><Image name="i" value="$i"/><RectangleLabels name="b" toName="i">{labels}'
                (box,) = read_interface(config + "</RectangleLabels></View>", catalogue).boxes
                assert box.labels == {category.id: name}

    def test_choices_with_another_meaning_are_left_alone(self, catalogue: Catalogue) -> None:
        assert [each.name for each in read_interface(CONFIG, catalogue).tags] == ["present"]

    def test_a_roll_up_label_stands_for_its_children(self, catalogue: Catalogue) -> None:
        (tags,) = read_interface(CONFIG, catalogue).tags
        assert tags.label(catalogue["overflowing_bin"]) == "垃圾问题"
        assert tags.label(catalogue["illegal_awning"]) is None

    @pytest.mark.parametrize(
        ("config", "said"),
        [
            ("", "not usable XML"),
            ("<View>", "not usable XML"),
            ('<!DOCTYPE x [<!ENTITY a "aaaa">]><View>&a;</View>', "not usable XML"),
            ("<View/>", "no <Image>"),
            ('<View><Image name="i" value="photo.jpg"/></View>', "write $"),
            ('<View><Image name="i" value="$i"/></View>', "neither RectangleLabels nor Choices"),
        ],
    )
    def test_what_cannot_be_served(self, catalogue: Catalogue, config: str, said: str) -> None:
        with pytest.raises(Problem) as raised:
            read_interface(config, catalogue)
        assert said in raised.value.detail
        assert raised.value.kind.slug == "invalid-label-config"


class TestPredict:
    def test_label_studio_takes_the_results(
        self, client: Client, clear_patrol_photo: Path, classifier: Classifier
    ) -> None:
        data = clear_patrol_photo.read_bytes()
        response = client.post(PREDICT, json=asked(data_uri(data)))
        (prediction,) = response.json()["results"]
        assert "error" not in prediction
        assert prediction["result"]
        assert LabelInterface(CONFIG).validate_prediction(PredictionValue(**prediction).model_dump())
        expected = classifier.classify(data, min_score=client.runtime.settings.label_studio_min_score)
        labels = {
            "overflowing_bin": "垃圾满溢",
            "exposed_garbage": "Exposed Garbage / litter",
            "waste_bin": "waste_bin",
        }
        boxes = [each for each in prediction["result"] if each["type"] == "rectanglelabels"]
        rows = zip(expected.detections.categories, expected.detections.xyxy.tolist(), strict=True)
        wanted = [(labels[name], box) for name, box in rows if name in labels]
        assert [each["value"]["rectanglelabels"] for each in boxes] == [[label] for label, _ in wanted]
        for result, (_, (x1, _, x2, _)) in zip(boxes, wanted, strict=True):
            width = result["original_width"]
            assert result["value"]["x"] * width / 100 == pytest.approx(x1, abs=0.01)
            assert result["value"]["width"] * width / 100 == pytest.approx(x2 - x1, abs=0.01)

    def test_one_bad_task_does_not_cost_the_others(self, client: Client, jpeg: bytes) -> None:
        body = asked(data_uri(jpeg), "https://example.org/a.jpg", data_uri(b"%PDF"), None)
        good, *bad = client.post(PREDICT, json=body).json()["results"]
        assert "error" not in good
        assert [each["result"] for each in bad] == [[], [], []]
        slugs = [each["error"]["type"].rpartition(":")[2] for each in bad]
        assert slugs == ["unreachable-photo", "not-an-image", "unreachable-photo"]
        assert "fetched" in bad[0]["error"]["detail"]

    def test_if_none_can_be_judged_nothing_passes_for_empty(self, client: Client) -> None:
        response = client.post(PREDICT, json=asked("/data/upload/1/a.jpg"))
        assert "only known to Label Studio" in assert_problem(response, 422, "no-readable-photo")["detail"]

    def test_more_tasks_than_photos_in_a_request(self, open_client: Open, jpeg: bytes) -> None:
        with open_client(max_photos=2) as client:
            results = client.post(PREDICT, json=asked(*[data_uri(jpeg)] * 5)).json()["results"]
            assert len(results) == 5
            assert client.post(PREDICT, json=asked()).json() == {"results": []}

    @pytest.mark.parametrize("address", ["data:image/jpeg;base64", "data:;base64,?", "http://[", "s3://b/a.jpg", 7, ""])
    def test_addresses_that_lead_nowhere(self, client: Client, address: object) -> None:
        assert_problem(client.post(PREDICT, json=asked(address)), 422, "no-readable-photo")

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"tasks": 1}', b'{"tasks": [{"id": 1}], "label_config": ""}'])
    def test_malformed_bodies(self, client: Client, body: bytes) -> None:
        assert_problem(client.post(PREDICT, content=body), 400, "malformed-json")


class TestLocalFiles:
    @pytest.fixture
    def root(self, tmp_path: Path, jpeg: bytes) -> Path:
        root = tmp_path / "root"
        (root / "街 道").mkdir(parents=True)
        (root / "街 道" / "a.jpg").write_bytes(jpeg)
        (tmp_path / "secret.jpg").write_bytes(jpeg)
        (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
        return root

    def test_below_the_folder_and_nowhere_else(self, open_client: Open, root: Path) -> None:
        inside = "/data/local-files/?d=%E8%A1%97%20%E9%81%93/a.jpg"
        outside = ["../secret.jpg", "..%2Fsecret.jpg", f"{root.parent}/secret.jpg", "link.jpg", "", ".", "a%00.jpg"]
        with open_client(label_studio_files=root) as client:
            body = asked(inside, *(f"/data/local-files/?d={name}" for name in outside))
            good, *bad = client.post(PREDICT, json=body).json()["results"]
        assert "error" not in good
        assert all("there is no file" in each["error"]["detail"] for each in bad)

    def test_without_a_folder(self, client: Client) -> None:
        document = assert_problem(client.post(PREDICT, json=asked("/data/local-files/?d=a")), 422, "no-readable-photo")
        assert "set label_studio_files" in document["detail"]


class TestSetup:
    def test_health(self, client: Client) -> None:
        assert client.get("/label-studio/health").json()["status"] == "UP"

    def test_setup_tells_what_it_cannot_match(self, client: Client) -> None:
        body = {"project": "1.17", "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "x"}
        answer = client.post("/label-studio/setup", json=body).json()
        assert answer["unknown_labels"] == ["unicorn", "独角兽"]
        assert answer["model_version"].startswith("street-patrol-n ")

    def test_setup_with_an_interface_without_photos(self, client: Client) -> None:
        response = client.post("/label-studio/setup", json={"project": "1", "schema": "<View/>"})
        assert_problem(response, 422, "invalid-label-config")


def event(action: str = "ANNOTATION_CREATED", **annotation: Any) -> dict[str, Any]:
    box = {
        "id": "r1",
        "type": "rectanglelabels",
        "from_name": "box",
        "to_name": "photo",
        "original_width": 200,
        "original_height": 100,
        "origin": "manual",
        "value": {"x": 10, "y": 20, "width": 50, "height": 30, "rotation": 0, "rectanglelabels": ["垃圾满溢"]},
    }
    tag = {"id": "r2", "type": "choices", "from_name": "present", "value": {"choices": ["垃圾问题"]}}
    return {
        "action": action,
        "project": {"id": 3, "label_config": CONFIG},
        "task": {"id": 9, "data": {"image": "x"}},
        "annotation": {"id": 1, "result": [box, tag, {"type": "relation"}, "junk"], **annotation},
    }


class TestWebhook:
    def test_it_says_that_nothing_is_kept(self, client: Client) -> None:
        answer = client.post("/label-studio/webhook", json=event()).json()
        assert answer["stored"] is False
        assert "patrol data import" in answer["detail"]
        assert answer["categories"] == ["overflowing_bin", "garbage"]

    def test_what_a_labeller_confirms_is_feedback(self, open_client: Open, jpeg: bytes, tmp_path: Path) -> None:
        with open_client(feedback_database=f"sqlite:///{tmp_path / 'feedback.sqlite'}") as client:
            missing = client.post("/label-studio/webhook", json=event()).json()
            body = {**asked(data_uri(jpeg), data_uri(b"%PDF")), "project": "3.1766543210"}
            body["tasks"][0]["id"] = 9
            for _ in range(2):  # a labeller sees the latest pre-annotation
                assert client.post(PREDICT, json=body).status_code == 200
            kept = [client.post("/label-studio/webhook", json=event()).json() for _ in range(2)]
            records = client.get("/v1/records").json()["records"]
        assert missing["stored"] is False
        assert "not pre-annotated here" in missing["detail"]
        assert [each["stored"] for each in kept] == [True, True]
        assert [each["external_id"] for each in records] == ["label-studio-3-9"] * 2
        latest, first = records
        assert first["feedback"] is None
        assert latest["feedback"]["revision"] == 1
        assert latest["feedback"]["categories"] == ["overflowing_bin", "garbage"]
        assert latest["feedback"]["photos"][0]["boxes"] == [{"category": "overflowing_bin", "box": [20, 20, 120, 50]}]

    def test_the_models_own_boxes_are_not_drawn_ones(self, catalogue: Catalogue) -> None:
        (box, *_) = event()["annotation"]["result"]
        interface = read_interface(CONFIG, catalogue)
        for origin, drawn in (("manual", 1), ("prediction-changed", 1), ("prediction", 0), (None, 0)):
            annotation = read_annotation("t", [{**box, "origin": origin}], interface)
            assert annotation.categories == ("overflowing_bin",)
            assert len(annotation.boxes) == drawn
        turned = {**box, "value": {**box["value"], "rotation": 10}}
        assert read_annotation("t", [turned], interface).boxes == ()

    @pytest.mark.parametrize(
        "body", [event("ANNOTATION_DELETED"), {"action": "START_TRAINING"}, event(was_cancelled=True)]
    )
    def test_other_events_are_acknowledged(self, client: Client, body: dict[str, Any]) -> None:
        response = client.post("/label-studio/webhook", content=json.dumps(body))
        assert response.status_code == 200
        assert response.json()["stored"] is False
