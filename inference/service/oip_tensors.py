"""Requests and answers of the Open Inference Protocol as tensors, in JSON and with binary data behind the JSON.

The binary form is the protocol's binary tensor data extension: the header `Inference-Header-Content-Length` says
how many bytes of the body are JSON, and the raw values of the tensors with `binary_data_size` follow in their order.
Numbers are little-endian; a BYTES element is its length in 4 bytes and then itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any, Final, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inference.service.options import shortened
from inference.service.problems import INVALID_TENSOR, MALFORMED_JSON, Problem

Datatype = Literal["BYTES", "FP32", "INT32"]
HEADER_LENGTH: Final = "Inference-Header-Content-Length"

_LENGTH: Final = struct.Struct("<I")
_NUMPY: Final[Mapping[Datatype, str]] = {"FP32": "<f4", "INT32": "<i4"}
_MAX_COMMAS: Final = 1000
"""Of a request's JSON beside the values of its tensors."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """Values under a name.

    Attributes:
        name: As the model's description says.
        values: An array of FP32 or INT32 of any shape, or texts, one-dimensional.
    """

    name: str
    values: NDArray[np.float32] | NDArray[np.int32] | Sequence[bytes]

    @property
    def datatype(self) -> Datatype:
        """What the values are."""
        if not isinstance(self.values, np.ndarray):
            return "BYTES"
        return "FP32" if self.values.dtype == np.float32 else "INT32"

    @property
    def shape(self) -> list[int]:
        """Lengths of the dimensions."""
        return list(self.values.shape) if isinstance(self.values, np.ndarray) else [len(self.values)]

    def as_json(self) -> list[Any]:
        """The values in row-major order.

        Raises:
            UnicodeDecodeError: A BYTES value is no text, which JSON cannot carry.
        """
        if isinstance(self.values, np.ndarray):
            return list(self.values.ravel().tolist())
        return [value.decode() for value in self.values]

    def as_bytes(self) -> bytes:
        """The values as the binary extension carries them."""
        if isinstance(self.values, np.ndarray):
            return self.values.astype(_NUMPY[self.datatype]).tobytes()
        return b"".join(_LENGTH.pack(len(value)) + value for value in self.values)


class _Parameters(BaseModel):
    """Parameters of a tensor; others, which the protocol allows, are passed over."""

    model_config = ConfigDict(frozen=True)

    binary_data_size: Annotated[int, Field(ge=0)] | None = None
    binary_data: bool | None = None


class InputTensor(BaseModel):
    """A tensor of a request, as its JSON describes it."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(examples=["photos"])
    shape: list[Annotated[int, Field(ge=0)]] = Field(max_length=8, examples=[[1]])
    datatype: str = Field(examples=["BYTES"])
    parameters: _Parameters = _Parameters()
    data: list[Any] | None = None

    @property
    def elements(self) -> int:
        """How many values its shape makes."""
        return prod(self.shape)


class OutputRequest(BaseModel):
    """A tensor that a request wants back."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(examples=["answer"])
    parameters: _Parameters = _Parameters()


class InferRequest(BaseModel):
    """A request of the protocol."""

    model_config = ConfigDict(frozen=True)

    id: str | None = Field(default=None, max_length=200)
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: list[InputTensor] = Field(min_length=1, max_length=8)
    outputs: list[OutputRequest] = Field(default_factory=list, max_length=100)


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A request with the binary data that came behind it.

    Attributes:
        request: What its JSON says.
        buffers: Raw values by input name, of those that came in binary.
    """

    request: InferRequest
    buffers: Mapping[str, bytes]

    def only_input(self, name: str) -> InputTensor:
        """The request's single input.

        Raises:
            Problem: It has another, or several.
        """
        names = [each.name for each in self.request.inputs]
        if names != [name]:
            raise invalid(f"the inputs are {shortened(', '.join(names))}; this model has one, '{name}'")
        return self.request.inputs[0]

    def photos(self, name: str) -> list[bytes]:
        """A BYTES input of encoded photos; in JSON each is base64.

        Raises:
            Problem: It is something else.
        """
        tensor = self.only_input(name)
        _check_datatype(tensor, "BYTES")
        if name in self.buffers:
            found = list(_elements(name, self.buffers[name], tensor.elements))
        else:
            found = [_from_base64(name, value) for value in tensor.data or ()]
        if len(found) != tensor.elements:
            raise invalid(f"'{name}' has {len(found)} values, but its shape {tensor.shape} makes {tensor.elements}")
        return found

    def numbers(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """An FP32 input of a shape.

        Raises:
            Problem: It is something else.
        """
        tensor = self.only_input(name)
        _check_datatype(tensor, "FP32")
        if tuple(tensor.shape) != shape:
            raise invalid(f"'{name}' must have shape {list(shape)}, but got {tensor.shape}")
        values = self._flat(tensor)
        if values.size != tensor.elements:
            raise invalid(
                f"'{name}' has {values.size:,} values, but its shape {tensor.shape} makes {tensor.elements:,}"
            )
        return np.ascontiguousarray(values.reshape(shape))

    def _flat(self, tensor: InputTensor) -> NDArray[np.float32]:
        if tensor.name in self.buffers:
            data = self.buffers[tensor.name]
            if len(data) != tensor.elements * np.dtype("<f4").itemsize:
                raise invalid(f"'{tensor.name}' has {len(data):,} bytes for {tensor.elements:,} FP32 values")
            return np.frombuffer(data, "<f4").astype(np.float32)
        try:
            return np.asarray(tensor.data, dtype=np.float32).ravel()
        except (ValueError, TypeError, OverflowError) as error:
            raise invalid(f"'{tensor.name}' holds what is not a number, or rows of different lengths") from error


def invalid(detail: str) -> Problem:
    """The problem of a tensor that does not fit."""
    return Problem(INVALID_TENSOR, f"{detail}.")


def receive(body: bytes, header_length: str | None, max_values: int) -> Received:
    """Take a request apart.

    Args:
        body: JSON, and maybe binary data.
        header_length: The header `Inference-Header-Content-Length`, if there is one.
        max_values: That the JSON may hold.

    Raises:
        Problem: It is no request of the protocol.
    """
    end = _header_end(body, header_length)
    request = _read_json(body[:end], max_values)
    return Received(request, dict(_buffers(request, body, end)))


def _header_end(body: bytes, header_length: str | None) -> int:
    if header_length is None:
        return len(body)
    if not header_length.isascii() or not header_length.isdecimal() or len(header_length) > len(str(len(body))):
        _refuse_length(body, header_length)
    end = int(header_length)
    if end > len(body):
        _refuse_length(body, header_length)
    return end


def _refuse_length(body: bytes, header_length: str) -> NoReturn:
    raise invalid(f"{HEADER_LENGTH} is {shortened(header_length)!r}, but the body has {len(body):,} bytes")


def _read_json(text: bytes, max_values: int) -> InferRequest:
    commas = text.count(b",")
    if commas > max_values + _MAX_COMMAS:  # before they become objects many times their size
        detail = f"The JSON has {commas:,} commas, over the {max_values + _MAX_COMMAS:,} of any request of this model."
        raise Problem(MALFORMED_JSON, detail)
    try:
        return InferRequest.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise Problem(MALFORMED_JSON, f"{where}: {first['msg']}.") from error
    except (ValueError, RecursionError) as error:
        raise Problem(MALFORMED_JSON, f"The request is not valid JSON: {error}.") from error


def _buffers(request: InferRequest, body: bytes, start: int) -> Iterator[tuple[str, bytes]]:
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size
        if size is None:
            continue
        if tensor.data is not None:
            raise invalid(f"'{tensor.name}' has both data and binary_data_size; send one of them")
        if start + size > len(body):
            raise invalid(f"the binary data of '{tensor.name}' would end at byte {start + size:,} of {len(body):,}")
        yield tensor.name, body[start : start + size]
        start += size
    if start != len(body):
        raise invalid(f"{len(body) - start:,} bytes at the end of the body belong to no tensor")


def _check_datatype(tensor: InputTensor, datatype: Datatype) -> None:
    if tensor.datatype != datatype:
        raise invalid(f"'{tensor.name}' must be {datatype}, but is {shortened(tensor.datatype)}")


def _elements(name: str, data: bytes, most: int) -> Iterator[bytes]:
    """The elements of a BYTES tensor in binary form; one more than `most` at the utmost."""
    position = 0
    for _ in range(most + 1):
        if position == len(data):
            return
        start = position + _LENGTH.size
        end = start + int.from_bytes(data[position:start], "little")
        if end > len(data):
            raise invalid(f"an element of '{name}' would end at byte {end:,} of {len(data):,}")
        yield data[start:end]
        position = end


def _from_base64(name: str, value: object) -> bytes:
    if not isinstance(value, str):
        raise invalid(f"the values of '{name}' must be base64 texts in JSON, but one is a {type(value).__name__}")
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"a value of '{name}' is not base64 ({error}); or send it as binary data") from error


def select(tensors: Sequence[Tensor], request: InferRequest) -> list[tuple[Tensor, bool]]:
    """The outputs that a request wants, each with whether in binary form; all of them when it names none.

    Raises:
        Problem: It wants one that there is not.
    """
    binary = request.parameters.get("binary_data_output") is True
    if not request.outputs:
        return [(tensor, binary) for tensor in tensors]
    by_name = {tensor.name: tensor for tensor in tensors}
    unknown = [each.name for each in request.outputs if each.name not in by_name]
    if unknown:
        raise invalid(f"there is no output {shortened(unknown[0])!r}; the outputs are {', '.join(by_name)}")
    return [
        (by_name[each.name], binary if each.parameters.binary_data is None else each.parameters.binary_data)
        for each in request.outputs
    ]


def packed(head: Mapping[str, object], chosen: Sequence[tuple[Tensor, bool]]) -> tuple[bytes, int | None]:
    """An answer's body, and how many bytes of it are JSON when binary data follows.

    Args:
        head: Members beside `outputs`.
        chosen: The outputs, each with whether in binary form.
    """
    described: list[dict[str, object]] = []
    buffers: list[bytes] = []
    for tensor, is_binary in chosen:
        entry: dict[str, object] = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
        if is_binary:
            buffers.append(tensor.as_bytes())
            entry["parameters"] = {"binary_data_size": len(buffers[-1])}
        else:
            entry["data"] = tensor.as_json()
        described.append(entry)
    header = json.dumps({**head, "outputs": described}, ensure_ascii=False).encode()
    return b"".join([header, *buffers]), len(header) if buffers else None
