"""What one writes in ten minutes, to compare the service with; started by `benchmarks.service_load`.

FastAPI, an `async def` endpoint, Pillow, and ultralytics' YOLO object with the shipped weights at the shipped input
size. It gives boxes only: no calibration, no codes, no verdict.
"""

from __future__ import annotations

import io
import os
from typing import Any

import uvicorn
from fastapi import FastAPI, File
from PIL import Image
from ultralytics import YOLO

from inference.package import read_description
from inference.paths import MODELS

_FOLDER = MODELS / "street-patrol-n"
_SIDE = read_description(_FOLDER).input.longest_side

app = FastAPI()
model = YOLO(_FOLDER / "weights.pt")


@app.get("/health")
async def health() -> str:
    """Answer once the model is loaded."""
    return "ok"


@app.post("/predict")
async def predict(file: bytes = File()) -> list[dict[str, Any]]:
    """Boxes of a photo."""
    result = model(Image.open(io.BytesIO(file)), imgsz=_SIDE, verbose=False)[0]
    rows = zip(result.boxes.cls.tolist(), result.boxes.conf.tolist(), result.boxes.xyxy.tolist(), strict=True)
    return [{"name": result.names[int(kind)], "score": score, "box": box} for kind, score, box in rows]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["YARDSTICK_PORT"]), log_level="warning")
