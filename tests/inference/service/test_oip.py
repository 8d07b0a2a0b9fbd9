from __future__ import annotations

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from inference.letterbox import letterboxed
from inference.photo import read_photo
from tests import photos
from tests.inference.service.conftest import Client

MODEL = "street-patrol-n"
INFER = f"/v2/models/{MODEL}/infer"
RAW = f"/v2/models/{MODEL}-tensor/infer"


def error_of(response: httpx.Response, status: int) -> str:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert set(document) == {"error"}
    return str(document["error"])


def as_json(*files: bytes, **members: Any) -> dict[str, Any]:
    data = [base64.b64encode(file).decode() for file in files]
    tensor = {"name": "photos", "shape": [len(files)], "datatype": "BYTES", "data": data}
    return {"inputs": [tensor], **members}


def as_binary(*files: bytes, shape: list[int] | None = None, **members: Any) -> tuple[bytes, dict[str, str]]:
    """A body with binary data, and its headers."""
    buffer = b"".join(struct.pack("<I", len(file)) + file for file in files)
    parameters = {"binary_data_size": len(buffer)}
    tensor = {"name": "photos", "shape": shape or [len(files)], "datatype": "BYTES", "parameters": parameters}
    header = json.dumps({"inputs": [tensor], **members}).encode()
    return header + buffer, {"Inference-Header-Content-Length": str(len(header))}


def values(response: httpx.Response) -> dict[str, Any]:
    """Output values by name, of an answer in JSON."""
    assert response.status_code == 200, response.text
    return {output["name"]: output["data"] for output in response.json()["outputs"]}


@pytest.fixture(scope="module")
def image(client: Client, jpeg: bytes) -> np.ndarray[Any, Any]:
    """The scene as the model's input."""
    recipe = client.runtime.classifier.package.description.input
    return letterboxed(read_photo(jpeg, target_side=recipe.longest_side), recipe)[0]


@pytest.fixture(scope="module")
def triton(server_url: str) -> Iterator[Any]:
    """The client of NVIDIA's server, connected to a real server of ours."""
    http = pytest.importorskip("tritonclient.http")
    with http.InferenceServerClient(server_url.removeprefix("http://"), network_timeout=60) as opened:
        yield opened


class TestDescriptions:
    def test_the_server(self, client: Client) -> None:
        server = client.get("/v2").json()
        assert server["name"] == "street-patrol"
        assert server["extensions"] == ["binary_tensor_data"]
        assert client.get("/v2/health/live").json() == {"live": True}
        assert client.get("/v2/health/ready").json() == {"ready": True}

    def test_the_models(self, client: Client) -> None:
        version = client.runtime.classifier.package.description.version
        for name, tensor in ((MODEL, "photos"), (f"{MODEL}-tensor", "images")):
            described = client.get(f"/v2/models/{name}").json()
            assert described == client.get(f"/v2/models/{name}/versions/{version}").json()
            assert described["versions"] == [version]
            assert [each["name"] for each in described["inputs"]] == [tensor]
            assert client.get(f"/v2/models/{name}/versions/{version}/ready").json()["ready"] is True
            assert client.get(f"/v2/models/{name}/ready").json() == {"name": name, "ready": True}

    @pytest.mark.parametrize("path", ["other", "other/ready", f"{MODEL}/versions/7", f"{MODEL}/versions/7/ready"])
    def test_what_there_is_not(self, client: Client, path: str) -> None:
        assert MODEL in error_of(client.get(f"/v2/models/{path}"), 404)
        if "/" not in path:
            error_of(client.post(f"/v2/models/{path}/infer", json=as_json(b"")), 404)


class TestPhotos:
    def test_the_answer_is_that_of_classify(self, client: Client, jpeg: bytes) -> None:
        body = as_json(jpeg, parameters={"scheme": "open311", "min_score": 0.01, "external_id": "7"}, id="q1")
        response = client.post(INFER, json=body)
        found = values(response)
        assert response.json()["id"] == "q1"
        answer = json.loads(found["answer"][0])
        classified = client.classify(jpeg, scheme="open311", min_score="0.01", external_id="7").json()
        for document in (answer, classified):
            del document["request_id"], document["photos"][0]["filename"]
        assert answer == classified
        assert len(found["boxes"]) == 4 * len(found["scores"]) == 4 * len(found["categories"])

    def test_boxes_know_their_photo(self, client: Client, jpeg: bytes) -> None:
        found = values(client.post(INFER, json=as_json(jpeg, b"%PDF", jpeg, parameters={"min_score": 0.001})))
        answer = json.loads(found["answer"][0])
        counts = [len(photo["detections"]) for photo in answer["photos"]]
        assert found["photo_indexes"] == [0] * counts[0] + [2] * counts[2]
        assert answer["photos"][1]["error"]["type"].endswith("not-an-image")

    def test_binary_and_json_say_the_same(self, client: Client, jpeg: bytes) -> None:
        body, headers = as_binary(jpeg, jpeg, shape=[2, 1], parameters={"min_score": 0.01})
        binary = values(client.post(INFER, content=body, headers=headers))
        plain = values(client.post(INFER, json=as_json(jpeg, jpeg, parameters={"min_score": 0.01})))
        for name in ("boxes", "scores", "categories", "photo_indexes"):
            assert binary[name] == plain[name]

    def test_only_what_was_asked_for(self, client: Client, jpeg: bytes) -> None:
        outputs = [{"name": "scores", "parameters": {"binary_data": True}}, {"name": "answer"}]
        response = client.post(INFER, json=as_json(jpeg, outputs=outputs))
        length = int(response.headers["inference-header-content-length"])
        scores, answer = json.loads(response.content[:length])["outputs"]
        assert (scores["name"], answer["name"]) == ("scores", "answer")
        assert scores["parameters"]["binary_data_size"] == len(response.content) - length
        assert json.loads(answer["data"][0])["photos"]


class TestTensors:
    def test_raw_output(self, client: Client, image: np.ndarray[Any, Any]) -> None:
        tensor = {"name": "images", "shape": list(image.shape), "datatype": "FP32", "data": image.ravel().tolist()}
        found = values(client.post(RAW, json={"inputs": [tensor]}))
        expected = client.runtime.classifier.engine.run(image)
        assert np.allclose(np.float32(found["candidates"]), expected.candidates.ravel(), atol=1e-5)
        shapes = {each["name"]: each["shape"] for each in client.get(f"/v2/models/{MODEL}-tensor").json()["outputs"]}
        assert shapes["candidates"] == [1, *expected.candidates.shape]

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"shape": [1, 3, 4, 4]}, "must have shape [1, 3, 448, 448], but got [1, 3, 4, 4]"),
            ({"datatype": "FP64"}, "must be FP32, but is FP64"),
            ({"name": "photos"}, "this model has one, 'images'"),
            ({"data": [1.0]}, "has 1 values, but its shape"),
            ({"data": ["x"]}, "not a number"),
            ({"data": [1e400]}, "has 1 values"),
            ({"data": [[1.0], [1.0, 2.0]]}, "rows of different lengths"),
            ({"data": [2.0] * (3 * 448 * 448)}, "outside 0 to 1"),
            ({"data": None, "parameters": {"binary_data_size": 0}}, "has 0 bytes for 602,112 FP32 values"),
        ],
    )
    def test_what_does_not_fit(self, client: Client, change: dict[str, Any], said: str) -> None:
        tensor = {"name": "images", "shape": [1, 3, 448, 448], "datatype": "FP32", "data": [], **change}
        assert said in error_of(client.post(RAW, content=json.dumps({"inputs": [tensor]})), 422)


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "status", "said"),
        [
            (b"", 400, "not valid JSON"),
            (b"[]", 400, "body"),
            (b"[" * 100_000, 400, "not valid JSON"),
            (b'{"inputs": [' + b"1," * 3000 + b"1]}", 400, "commas"),
            (b'{"inputs": []}', 400, "inputs"),
            (b'{"inputs": [{"name": "photos"}]}', 400, "inputs.0.shape"),
            (b'{"inputs": [{"name": "photos", "shape": [-1], "datatype": "BYTES"}]}', 400, "shape.0"),
            (json.dumps(as_json()).encode(), 422, "no photo"),
            (json.dumps(as_json(*[b"x"] * 17)).encode(), 422, "17 photos"),
            (json.dumps(as_json(b"x")).encode(), 422, "No photo of the request could be read"),
            (json.dumps(as_json(b"x", outputs=[{"name": "nothing"}])).encode(), 422, ""),
            (json.dumps(as_json(b"x", parameters={"scheme": "gbt"})).encode(), 422, "gbt47678.5-2026"),
            (json.dumps(as_json(b"x", parameters={"min_score": 7})).encode(), 422, "min_score"),
            (b'{"inputs": [{"name": "photos", "shape": [1], "datatype": "BYTES", "data": ["?"]}]}', 422, "base64"),
            (b'{"inputs": [{"name": "photos", "shape": [1], "datatype": "BYTES", "data": [7]}]}', 422, "int"),
            (b'{"inputs": [{"name": "photos", "shape": [2], "datatype": "BYTES", "data": [""]}]}', 422, "makes 2"),
        ],
    )
    def test_bodies(self, client: Client, body: bytes, status: int, said: str) -> None:
        assert said in error_of(client.post(INFER, content=body), status)

    def test_an_unknown_output_lists_the_known(self, client: Client, jpeg: bytes) -> None:
        response = client.post(INFER, json=as_json(jpeg, outputs=[{"name": "nothing"}]))
        assert "boxes, scores, categories" in error_of(response, 422)

    @pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 400, "99999999", "²"])
    def test_header_lengths(self, client: Client, jpeg: bytes, length: str) -> None:
        body, _ = as_binary(jpeg)
        response = client.post(INFER, content=body, headers={"Inference-Header-Content-Length": length.encode()})
        assert "Inference-Header-Content-Length" in error_of(response, 422)

    def test_binary_data_that_does_not_add_up(self, client: Client, jpeg: bytes) -> None:
        body, headers = as_binary(jpeg)
        for wrong in (body[:-1], body + b"x"):
            error_of(client.post(INFER, content=wrong, headers=headers), 422)
        broken = body[: -len(jpeg) - 4] + struct.pack("<I", 1 << 31) + body[-len(jpeg) :]
        assert "would end at byte" in error_of(client.post(INFER, content=broken, headers=headers), 422)


class TestCompression:
    @pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
    def test_both_ways(self, client: Client, jpeg: bytes, name: str, pack: Any) -> None:
        body = pack(json.dumps(as_json(jpeg)).encode())
        response = client.post(INFER, content=body, headers={"Content-Encoding": name, "Accept-Encoding": name})
        assert response.headers["content-encoding"] == name
        assert values(response)["answer"]

    def test_unfolding_is_bounded(self, client: Client) -> None:
        body = gzip.compress(bytes(client.runtime.settings.max_body_bytes + 1))
        response = client.post(INFER, content=body, headers={"Content-Encoding": "gzip"})
        assert "unfolds to more" in error_of(response, 413)

    @pytest.mark.parametrize(
        ("encoding", "body", "status"),
        [
            ("br", b"x", 415),
            ("gzip", b"x", 400),
            ("gzip", gzip.compress(b"{}")[:-4], 400),
            ("gzip", gzip.compress(b"{}") + b"more", 400),
            ("deflate", b"", 400),
        ],
    )
    def test_refusals(self, client: Client, encoding: str, body: bytes, status: int) -> None:
        error_of(client.post(INFER, content=body, headers={"Content-Encoding": encoding}), status)

    @pytest.mark.parametrize("accept", ["identity", "gzip;q=0", "br"])
    def test_not_unless_it_is_asked_for(self, client: Client, jpeg: bytes, accept: str) -> None:
        response = client.post(INFER, json=as_json(jpeg), headers={"Accept-Encoding": accept})
        assert "content-encoding" not in response.headers


class TestTritonClient:
    def test_it_finds_the_model(self, triton: Any) -> None:
        assert triton.is_server_live()
        assert triton.is_server_ready()
        assert triton.is_model_ready(MODEL)
        assert not triton.is_model_ready("other")
        (version,) = triton.get_model_metadata(MODEL)["versions"]
        assert triton.is_model_ready(MODEL, version)
        assert triton.get_server_metadata()["name"] == "street-patrol"

    @pytest.mark.parametrize("binary", [True, False])
    @pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
    def test_photos(self, triton: Any, jpeg: bytes, binary: bool, compression: str | None) -> None:
        from tritonclient import http

        files = [jpeg, photos.encode(photos.scene(200, 300), "png")]
        given = files if binary else [base64.b64encode(file) for file in files]
        photo_input = http.InferInput("photos", [2], "BYTES")
        photo_input.set_data_from_numpy(np.array(given, dtype=np.object_), binary_data=binary)
        names = ["boxes", "scores", "categories", "photo_indexes", "answer"]
        result = triton.infer(
            MODEL,
            [photo_input],
            outputs=[http.InferRequestedOutput(name, binary_data=binary) for name in names],
            parameters={"min_score": 0.001},
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )
        boxes, scores = result.as_numpy("boxes"), result.as_numpy("scores")
        answer = json.loads(result.as_numpy("answer")[0])
        rows = [(photo["index"], found) for photo in answer["photos"] for found in photo["detections"]]
        assert boxes.dtype == np.float32
        assert boxes.shape == (len(rows), 4)
        assert np.allclose(boxes, [found["box"] for _, found in rows])
        assert np.allclose(scores, [found["score"] for _, found in rows])
        assert result.as_numpy("photo_indexes").tolist() == [index for index, _ in rows]
        names_found = [name.decode() if isinstance(name, bytes) else name for name in result.as_numpy("categories")]
        assert names_found == [found["category"] for _, found in rows]

    def test_all_outputs_when_none_is_named(self, triton: Any, jpeg: bytes) -> None:
        from tritonclient import http

        photo_input = http.InferInput("photos", [1], "BYTES")
        photo_input.set_data_from_numpy(np.array([jpeg], dtype=np.object_))
        result = triton.infer(MODEL, [photo_input], request_id="q7")
        assert result.get_response()["id"] == "q7"
        assert json.loads(result.as_numpy("answer")[0])["photos"][0]["width"] == 320

    def test_the_bare_model(self, triton: Any) -> None:
        from tritonclient import http

        metadata = triton.get_model_metadata(f"{MODEL}-tensor")
        image_input = http.InferInput("images", metadata["inputs"][0]["shape"], "FP32")
        image_input.set_data_from_numpy(np.full(metadata["inputs"][0]["shape"], 0.5, np.float32))
        result = triton.infer(f"{MODEL}-tensor", [image_input])
        for output in metadata["outputs"]:
            assert list(result.as_numpy(output["name"]).shape) == output["shape"]

    def test_errors_are_told(self, triton: Any, clear_patrol_photo: Path) -> None:
        from tritonclient import http
        from tritonclient.utils import InferenceServerException

        photo_input = http.InferInput("photos", [1], "BYTES")
        photo_input.set_data_from_numpy(np.array([b"%PDF-1.7"], dtype=np.object_))
        with pytest.raises(InferenceServerException, match="PDF document"):
            triton.infer(MODEL, [photo_input])
        photo_input.set_data_from_numpy(np.array([clear_patrol_photo.read_bytes()], dtype=np.object_))
        assert json.loads(triton.infer(MODEL, [photo_input]).as_numpy("answer")[0])["suggestions"]
