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

_REQUEST: Final = "7155bc5fd1914c698b2da09792bc3a3b"
_SUGGESTED: Final = {
    "category": "exposed_garbage",
    "name_zh": "暴露垃圾(含打包垃圾、散落垃圾)",
    "name_en": "exposed garbage / litter",
    "probability": 0.9312,
    "decision": "prefill",
    "photo_indexes": [0],
}
_FEEDBACK: Final = {
    "feedback_id": "case-20260506-0042-1",
    "revision": 1,
    "recorded_at": "2026-05-06T07:12:40.120000Z",
    "verdict": "issue",
    "categories": ["exposed_garbage"],
    "rejected": [],
    "searched": [],
    "photos": [{"index": 0, "boxes": [{"category": "exposed_garbage", "box": [519.5, 1403.5, 1590.8, 2449.3]}]}],
    "reviewer": "officer-17",
    "note": None,
}
_KEPT: Final = {
    "index": 0,
    "filename": "a.jpg",
    "sha256": "ba5a5452aecd5cb387c7dd09e7f8c23b4074403ee9f2455cc49bb30e583ae6b0",
    "width": 3024,
    "height": 4032,
    "kept": False,
}
_RECORD: Final = {
    "request_id": _REQUEST,
    "external_id": "case-20260506-0042",
    "grid_id": "310101-07",
    "point_type": None,
    "received_at": "2026-05-06T07:08:09.083000Z",
    "verdict": "issue",
    "suggestions": [_SUGGESTED],
    "state": "confirmed",
    "feedback": _FEEDBACK,
}
_LOADED: Final = {
    "name": "street-patrol-n",
    "version": "0.2.0",
    "data_version": "6809ba29bea6",
    "path": "street-patrol-n-0.2.0",
    "state": "active",
    "error": None,
    "activated_at": "2026-05-06T06:00:00Z",
}
_SHADOW: Final = {
    "version": "0.2.0",
    "state": "done",
    "requests": 200,
    "compared": 198,
    "passed_over": 2,
    "photos": 311,
    "failed": 0,
    "verdict_agreement": 0.962,
    "categories": {
        "exposed_garbage": {
            "both": 88,
            "only_active": 3,
            "only_shadow": 5,
            "agreement": 0.917,
            "same_decision": 84,
            "mean_probability_difference": 0.012,
        }
    },
}
_SHARE: Final = {"value": 0.965, "lower": 0.926, "upper": 0.987, "support": 172}
_STATS: Final = {
    "since": "2026-04-06T00:00:00Z",
    "until": "2026-05-06T00:00:00Z",
    "requests": 1240,
    "answered_feedback": 310,
    "acceptance_rate": 0.881,
    "verdicts": {"issue": 890, "no_issue": 320, "unrelated": 12, "unusable": 3, "uncertain": 15},
    "categories": {
        "exposed_garbage": {
            "suggested": 402,
            "prefilled": 335,
            "confirmed": 166,
            "rejected": 6,
            "added": 4,
            "precision": _SHARE,
            "prefill_precision": _SHARE,
        }
    },
    "drift": {
        "model_version": "0.2.0",
        "reference": "package",
        "reference_requests": 700,
        "requests": 1240,
        "threshold": 0.2,
        "score": {"psi": 0.041, "by_category": {"exposed_garbage": 0.041}},
        "category_mix": {
            "psi": 0.262,
            "nothing": {"reference": 0.3, "now": 0.26},
            "categories": {"exposed_garbage": {"reference": 0.21, "now": 0.32}},
        },
        "flags": [
            {
                "kind": "category_mix",
                "category": None,
                "message_zh": "类别构成与训练时不同",
                "message_en": "the mix of categories is not that of training",
            }
        ],
    },
    "models": {"0.2.0": 1240},
    "latency_ms": {"p50": 41.2, "p95": 88.0, "p99": 140.6},
    "daily": [{"date": "2026-05-05", "requests": 44, "confirmed": 12}],
    "disagreements": [
        {"request_id": _REQUEST, "category": "overflowing_bin", "probability": 0.9731, "said": "rejected"}
    ],
}

ANSWERS: Final[Mapping[tuple[str, str], Any]] = {
    ("get", "/livez"): {"status": "live"},
    ("get", "/readyz"): {
        "status": "ready",
        "model": _MODEL,
        "provider": "cpu",
        "refused": [],
        "threads": 1,
        "records": {"waiting": 0, "lost": 0, "photos_lost": 0, "failing": False},
    },
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
        "keys": True,
        "photo_retention": False,
        "scopes": ["classify", "feedback"],
    },
    ("post", "/v1/feedback"): {
        "request_id": _REQUEST,
        "feedback_id": "case-20260506-0042-1",
        "revision": 1,
        "recorded_at": "2026-05-06T07:12:40.120000Z",
        "categories": ["exposed_garbage"],
        "rejected": [],
        "verdict": "issue",
    },
    ("get", "/v1/feedback/stats"): _STATS,
    ("get", "/v1/records"): {"records": [{**_RECORD, "photos": [_KEPT]}], "next_cursor": None},
    ("get", "/v1/records/{request_id}"): {
        **_RECORD,
        "model": _MODEL,
        "latency_ms": 101.2,
        "photos": [
            {
                **_KEPT,
                "bytes": 1_830_508,
                "verdict": "issue",
                "warnings": [],
                "suggestions": [_SUGGESTED],
                "detections": [
                    {
                        "category": "exposed_garbage",
                        "score": 0.7421,
                        "box": [519.5, 1403.5, 1590.8, 2449.3],
                        "context": False,
                    }
                ],
                "error": None,
            }
        ],
        "revisions": [_FEEDBACK],
    },
    ("get", "/v1/models"): {
        "models": [_LOADED, {**_LOADED, "version": "0.1.0", "path": "street-patrol-n", "state": "previous"}],
        "shadow": _SHADOW,
    },
    ("post", "/v1/models/load"): {**_LOADED, "state": "loaded", "activated_at": None},
    ("post", "/v1/models/activate"): _LOADED,
    ("post", "/v1/models/rollback"): _LOADED,
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
