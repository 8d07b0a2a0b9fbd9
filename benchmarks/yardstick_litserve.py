"""The shipped model behind LitServe, to compare the service with; started by `benchmarks.service_load`.

As LitServe's documentation shows: one worker process per core, photos as base64 in JSON (its worker queue cannot
carry uploaded files over 1 MB). It runs the very same code from the photo's bytes to suggestions.
"""

from __future__ import annotations

import base64
import os
from typing import Any

import litserve

from inference.answer import photo_answer
from inference.categories import load_catalogue
from inference.classify import Classifier
from inference.cores import cores
from inference.mappings import load_schemes
from inference.paths import CONFIGS, MODELS


class Api(litserve.LitAPI):  # type: ignore[misc]
    """Bytes to suggestions."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model, one thread per photo as in the service."""
        self.catalogue = load_catalogue()
        self.scheme = next(iter(load_schemes(CONFIGS / "mappings", self.catalogue).values()))
        self.classifier = Classifier.load(MODELS / "street-patrol-n", self.catalogue, "auto", 1)

    def decode_request(self, request: dict[str, str]) -> bytes:
        """The file."""
        return base64.b64decode(request["image"])

    def predict(self, x: bytes) -> Any:
        """The answer."""
        return photo_answer(0, "", self.classifier.classify(x), self.scheme, self.catalogue)

    def encode_response(self, output: Any) -> Any:
        """The answer as it is sent."""
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(api_path="/predict"), accelerator="cpu", workers_per_device=cores(), timeout=120)
    port = int(os.environ["YARDSTICK_PORT"])
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")
