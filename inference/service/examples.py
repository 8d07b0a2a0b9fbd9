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
_LOADED: Final = {
    "name": "street-patrol-n",
    "version": "0.2.0",
    "data_version": "9be1c0d4a7f2",
    "path": "street-patrol-n-0.2.0",
    "state": "loaded",
    "error": None,
    "activated_at": None,
}
_ACTIVE: Final = {**_LOADED, "state": "active", "activated_at": "2026-05-06T07:08:09Z"}
_SHADOW: Final = {
    "version": "0.2.0",
    "state": "running",
    "requests": 200,
    "compared": 57,
    "passed_over": 0,
    "photos": 81,
    "failed": 0,
    "verdict_agreement": 0.9753,
    "categories": {
        "exposed_garbage": {
            "both": 19,
            "only_active": 1,
            "only_shadow": 2,
            "agreement": 0.8636,
            "same_decision": 17,
            "mean_probability_difference": 0.0312,
        }
    },
}
_OPINION: Final = {
    "feedback_id": "5f0c2d1e9b3a4c7f8d6e0a1b2c3d4e5f",
    "revision": 1,
    "recorded_at": "2026-05-06T07:10:00Z",
    "verdict": "issue",
    "categories": ["exposed_garbage"],
    "rejected": ["overflowing_bin"],
}
_SUGGESTED: Final = {
    "category": "exposed_garbage",
    "name_zh": "暴露垃圾(含打包垃圾、散落垃圾)",
    "name_en": "exposed garbage / litter",
    "probability": 0.9312,
    "decision": "prefill",
    "photo_indexes": [0],
}
_KEPT_PHOTO: Final = {
    "index": 0,
    "filename": "a.jpg",
    "sha256": "ba5a5452aecd5cb387c7dd09e7f8c23b4074403ee9f2455cc49bb30e583ae6b0",
    "width": 3024,
    "height": 4032,
    "kept": False,
}
_RECORD: Final = {
    "request_id": "0b9f4a6e8c1d4f7ab2d35c6e7f809112",
    "external_id": "case-20260506-0042",
    "grid_id": None,
    "point_type": None,
    "received_at": "2026-05-06T07:08:09Z",
    "verdict": "issue",
    "suggestions": [_SUGGESTED],
    "state": "awaiting",
    "feedback": None,
    "photos": [_KEPT_PHOTO],
}
_SHARE: Final = {"value": 0.96, "lower": 0.9006, "upper": 0.989, "support": 100}
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
    ("get", "/v1/features"): {
        "feedback": True,
        "keys": False,
        "photo_retention": False,
        "scopes": ["admin", "classify", "feedback", "metrics"],
    },
    ("post", "/v1/feedback"): {"request_id": "0b9f4a6e8c1d4f7ab2d35c6e7f809112", **_OPINION},
    ("get", "/v1/records"): {"records": [_RECORD], "next_cursor": None},
    ("get", "/v1/records/{request_id}"): {
        **_RECORD,
        "model": _MODEL,
        "latency_ms": 84.2,
        "photos": [
            {
                **_KEPT_PHOTO,
                "bytes": 2480133,
                "verdict": "issue",
                "warnings": [],
                "suggestions": [_SUGGESTED],
                "detections": [],
                "error": None,
            }
        ],
        "revisions": [],
    },
    ("get", "/v1/feedback/stats"): {
        "since": "2026-04-06T00:00:00Z",
        "until": "2026-05-06T00:00:00Z",
        "requests": 1200,
        "answered_feedback": 410,
        "acceptance_rate": 0.92,
        "verdicts": {"issue": 700, "no_issue": 380, "uncertain": 90, "unrelated": 20, "unusable": 10},
        "categories": {
            "exposed_garbage": {
                "suggested": 240,
                "prefilled": 130,
                "confirmed": 101,
                "rejected": 4,
                "added": 6,
                "precision": _SHARE,
                "prefill_precision": _SHARE,
            }
        },
        "drift": {
            "model_version": "0.1.0",
            "reference": "package",
            "reference_requests": 205,
            "requests": 1200,
            "threshold": 0.2,
            "score": {"psi": 0.04, "by_category": {"exposed_garbage": 0.03}},
            "category_mix": {
                "psi": 0.06,
                "nothing": {"reference": 0.3, "now": 0.34},
                "categories": {"exposed_garbage": {"reference": 0.22, "now": 0.2}},
            },
            "flags": [],
        },
        "models": {"0.1.0": 1200},
        "latency_ms": {"p50": 84.2, "p95": 160.5, "p99": 240.9},
        "daily": [{"date": "2026-05-05", "requests": 41, "confirmed": 17}],
        "disagreements": [
            {
                "request_id": "0b9f4a6e8c1d4f7ab2d35c6e7f809112",
                "category": "overflowing_bin",
                "probability": 0.91,
                "said": "rejected",
            }
        ],
    },
    ("get", "/v1/models"): {"models": [_ACTIVE], "shadow": None},
    ("post", "/v1/models/load"): _LOADED,
    ("post", "/v1/models/activate"): _ACTIVE,
    ("post", "/v1/models/rollback"): _ACTIVE,
    ("post", "/v1/models/shadow"): _SHADOW,
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
