"""Examples of answers, shown in the API's description beside the address that gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from inference.service.openapi import CLASSIFY_ANSWER

_MODEL: Final = {"name": "street-patrol-n", "version": "0.1.0", "data_version": "2ae0b1697fbd"}
_SERVICE: Final = {
    "service_code": "exposed_garbage",
    "service_name": "暴露垃圾(含打包垃圾、散落垃圾)",
    "description": "exposed garbage / litter",
    "metadata": False,
    "type": "realtime",
    "keywords": "暴露垃圾,散落垃圾",
    "group": "环卫",
}
_METADATA: Final = {
    "name": "street-patrol-n",
    "versions": ["0.1.0"],
    "platform": "street-patrol",
    "inputs": [{"name": "photos", "datatype": "BYTES", "shape": [-1]}],
    "outputs": [
        {"name": "boxes", "datatype": "FP32", "shape": [-1, 4]},
        {"name": "scores", "datatype": "FP32", "shape": [-1]},
        {"name": "categories", "datatype": "BYTES", "shape": [-1]},
        {"name": "photo_indexes", "datatype": "INT32", "shape": [-1]},
        {"name": "answer", "datatype": "BYTES", "shape": [1]},
    ],
}
_INFERRED: Final = {
    "model_name": "street-patrol-n",
    "model_version": "0.1.0",
    "outputs": [
        {"name": "boxes", "datatype": "FP32", "shape": [1, 4], "data": [519.5, 1403.5, 1590.8, 2449.3]},
        {"name": "scores", "datatype": "FP32", "shape": [1], "data": [0.7421]},
        {"name": "categories", "datatype": "BYTES", "shape": [1], "data": ["exposed_garbage"]},
        {"name": "photo_indexes", "datatype": "INT32", "shape": [1], "data": [0]},
        {"name": "answer", "datatype": "BYTES", "shape": [1], "data": ['{"request_id": "0b9f4a6e…", …}']},
    ],
}
_MODEL_READY: Final = {"name": "street-patrol-n", "ready": True}

ANSWERS: Final[Mapping[tuple[str, str], Any]] = {
    ("get", "/livez"): {"status": "live"},
    ("get", "/readyz"): {"status": "ready", "model": _MODEL, "provider": "cpu", "refused": [], "threads": 4},
    ("post", "/v1/classify"): CLASSIFY_ANSWER,
    ("get", "/v1/categories"): {
        "model": _MODEL,
        "scheme": "gbt47678.5-2026",
        "schemes": ["gbt47678.5-2026", "legacy-a", "legacy-b", "open311"],
        "categories": [
            {
                "id": "exposed_garbage",
                "name_zh": "暴露垃圾(含打包垃圾、散落垃圾)",
                "name_en": "exposed garbage / litter",
                "role": "problem",
                "tier": "A",
                "parent": "garbage",
                "department": "环卫",
                "synonyms": ["暴露垃圾", "散落垃圾"],
                "codes": [{"scheme": "gbt47678.5-2026", "code": "06010", "name": "暴露垃圾"}],
                "model": {
                    "trained": True,
                    "left_out": None,
                    "decision": "prefill",
                    "suggest_from": 0.4,
                    "prefill_from": 0.8,
                    "demoted": None,
                },
            }
        ],
    },
    ("get", "/open311/v2/services.json"): [_SERVICE],
    ("get", "/open311/v2/services/{service_code}.json"): {
        "service_code": "garbage",
        "attributes": [
            {
                "variable": True,
                "code": "kind",
                "datatype": "singlevaluelist",
                "required": False,
                "datatype_description": None,
                "order": 1,
                "description": "具体类别 Which of these it is",
                "values": [
                    {"key": "overflowing_bin", "name": "垃圾满溢"},
                    {"key": "exposed_garbage", "name": "暴露垃圾(含打包垃圾、散落垃圾)"},
                ],
            }
        ],
    },
    ("post", "/open311/v2/suggest.json"): {
        "request_id": "0b9f4a6e8c1d4f7ab2d35c6e7f809112",
        "verdict": "issue",
        "services": [{**_SERVICE, "probability": 0.9312, "decision": "prefill", "photo_indexes": [0]}],
        "photos": [{"index": 0, "filename": "a.jpg", "verdict": "issue", "error": None}],
    },
    ("get", "/v2"): {"name": "street-patrol", "version": "0.1.0", "extensions": ["binary_tensor_data"]},
    ("get", "/v2/health/live"): {"live": True},
    ("get", "/v2/health/ready"): {"ready": True},
    ("get", "/v2/models/{model}"): _METADATA,
    ("get", "/v2/models/{model}/versions/{version}"): _METADATA,
    ("get", "/v2/models/{model}/ready"): _MODEL_READY,
    ("get", "/v2/models/{model}/versions/{version}/ready"): _MODEL_READY,
    ("post", "/v2/models/{model}/infer"): _INFERRED,
    ("post", "/v2/models/{model}/versions/{version}/infer"): _INFERRED,
    ("get", "/label-studio/health"): {"status": "UP", "model_class": "street-patrol"},
    ("post", "/label-studio/setup"): {"model_version": "street-patrol-n 0.1.0", "unknown_labels": []},
    ("post", "/label-studio/predict"): {
        "results": [
            {
                "model_version": "street-patrol-n 0.1.0",
                "score": 0.7421,
                "result": [
                    {
                        "id": "box-0",
                        "from_name": "box",
                        "to_name": "photo",
                        "type": "rectanglelabels",
                        "value": {
                            "x": 17.1792,
                            "y": 34.8090,
                            "width": 35.4266,
                            "height": 25.9375,
                            "rotation": 0,
                            "rectanglelabels": ["暴露垃圾"],
                        },
                        "score": 0.7421,
                        "original_width": 3024,
                        "original_height": 4032,
                        "image_rotation": 0,
                    }
                ],
            }
        ]
    },
    ("post", "/label-studio/webhook"): {
        "status": "ok",
        "stored": False,
        "detail": "The annotation was skipped by its labeller.",
        "categories": [],
    },
}
"""By method and address; FastAPI would leave every null out of them."""
