"""Checks parameters against a service model, in AWS's words, before an operation sees them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.model import OperationModel

from boatyard.api.errors import ApiError

UNKNOWN = "Unknown parameter '{name}' in {where}; known are: {known}"


def validate(model: OperationModel, params: dict[str, Any]) -> None:
    """ApiError naming every constraint that the parameters break.

    Required members, types, lengths, ranges and enumerations are checked; patterns are the operation's own.
    """
    if model.input_shape is None:
        if params:
            raise ApiError("ValidationException", f"{model.name} takes no parameters", status=400)
        return
    problems = list(_problems(model.input_shape, params, "", model.service_model.service_name == "s3"))
    if problems:
        count = len(problems)
        text = f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(problems[:10])}"
        raise ApiError(_required_code(model, params) or code_for(model), text, status=400)


class Checked(dict[str, Any]):
    """A structure of an operation's parameters: what the model calls optional, and the operation needs, is refused
    when it is missing."""

    def __init__(self, model: OperationModel, params: dict[str, Any], path: str = "") -> None:
        super().__init__(params)
        self._model = model
        self._path = path

    def __missing__(self, name: str) -> Any:
        wrong = _constraint(None, _join(self._path, name), "Member must not be null")
        own = f"{name[:1].upper()}{name[1:]}RequiredException"
        declared = {error.name for error in self._model.error_shapes}
        code = own if own in declared and not self._path else code_for(self._model)
        raise ApiError(code, f"1 validation error detected: {wrong}", status=400)


def checked(model: OperationModel, params: dict[str, Any]) -> dict[str, Any]:
    """Validated parameters as an operation gets them, every structure in them `Checked`."""
    shape: Any = model.input_shape
    if shape is None:
        return params
    return Checked(model, _members(model, shape, params, ""))


def _members(model: OperationModel, shape: Any, value: dict[str, Any], path: str) -> dict[str, Any]:
    return {name: _checked(model, shape.members[name], each, _join(path, name)) for name, each in value.items()}


def _checked(model: OperationModel, shape: Any, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "list" and shape.member.type_name in ("structure", "list", "map"):
        return [_checked(model, shape.member, each, f"{path}.{number}.member") for number, each in enumerate(value, 1)]
    if kind == "map" and shape.value.type_name in ("structure", "list", "map"):
        return {name: _checked(model, shape.value, each, f"{path}.{name}.member") for name, each in value.items()}
    if kind == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        return Checked(model, _members(model, shape, value, path), path)
    return value


CODES = {
    "codebuild": "InvalidInputException",
    "ecr": "InvalidParameterException",
    "logs": "InvalidParameterException",
    "s3": "InvalidArgument",
    "sagemaker-runtime": "ValidationError",
    "sns": "InvalidParameter",
}
"""What services with a word of their own answer."""


def code_for(model: OperationModel) -> str:
    """The code that a service answers for parameters which break its model."""
    own = CODES.get(model.service_model.service_name)
    if own is not None:
        return own
    return "ValidationError" if model.service_model.protocol in ("query", "ec2") else "ValidationException"


def _required_code(model: OperationModel, params: dict[str, Any]) -> str | None:
    """CodeCommit's way: an error of its own for each parameter that is missing."""
    shape: Any = model.input_shape
    declared = {error.name for error in model.error_shapes}
    for name in shape.required_members:
        code = f"{name[:1].upper()}{name[1:]}RequiredException"
        if params.get(name) is None and code in declared:
            return code
    return None


def _problems(shape: Any, value: Any, path: str, relaxed: bool) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path, relaxed)
    elif kind == "list":
        yield from _list(shape, value, path, relaxed)
    elif kind == "map":
        if not isinstance(value, dict):
            yield _constraint(value, path, "Member must be a map")
            return
        yield from _length(shape, value, path)
        for name, each in value.items():
            yield from _problems(shape.key, name, f"{path}.{name}.member", relaxed)
            yield from _problems(shape.value, each, f"{path}.{name}.member", relaxed)
    else:
        yield from _scalar(shape, value, path, relaxed)


def _structure(shape: Any, value: Any, path: str, relaxed: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _constraint(value, path, "Member must be a structure")
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield _constraint(None, _join(path, name), "Member must not be null")
    for name, each in value.items():
        if name not in shape.members:
            known = ", ".join(shape.members)
            yield UNKNOWN.format(name=_join(path, name), where=shape.name, known=known)
        elif each is not None:
            yield from _problems(shape.members[name], each, _join(path, name), relaxed)
    if shape.is_tagged_union and len([each for each in value.values() if each is not None]) != 1:
        yield _constraint(value, path, "Exactly one member must be set")


def _list(shape: Any, value: Any, path: str, relaxed: bool) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield _constraint(value, path, "Member must be a list")
        return
    yield from _length(shape, value, path)
    for index, each in enumerate(value):
        yield from _problems(shape.member, each, f"{path}.{index + 1}.member", relaxed)


TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime, str, int, float),
}


_BITS = {"integer": 31, "long": 63}
"""How far numbers of a type go, on either side of zero."""


def _scalar(shape: Any, value: Any, path: str, relaxed: bool) -> Iterator[str]:
    kind = shape.type_name
    allowed = TYPES.get(kind)
    if allowed is not None and (not isinstance(value, allowed) or (kind != "boolean" and isinstance(value, bool))):
        yield _constraint(_shown(shape, value), path, f"Member must be of type {kind}")
        return
    if kind in _BITS and not -(1 << _BITS[kind]) <= value < 1 << _BITS[kind]:
        yield _constraint(_shown(shape, value), path, f"Member must be of type {kind}")
        return
    if kind == "string":
        if not relaxed:
            yield from _length(shape, value, path)
            if shape.enum and value not in shape.enum:
                allowed_values = ", ".join(shape.enum)
                shown = _shown(shape, value)
                yield _constraint(shown, path, f"Member must satisfy enum value set: [{allowed_values}]")
    elif kind in ("integer", "long", "float", "double"):
        yield from _range(shape, value, path)
    elif kind == "blob" and isinstance(value, bytes | str):
        yield from _length(shape, value, path)


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and len(value) < least:
        yield _constraint(_shown(shape, value), path, f"Member must have length greater than or equal to {least}")
    if most is not None and len(value) > most:
        yield _constraint(_shown(shape, value), path, f"Member must have length less than or equal to {most}")


def _range(shape: Any, value: float, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < float(least):
        yield _constraint(_shown(shape, value), path, f"Member must have value greater than or equal to {least}")
    if most is not None and value > float(most):
        yield _constraint(_shown(shape, value), path, f"Member must have value less than or equal to {most}")


class _Hidden:
    """What stands for a secret in a message."""


def _shown(shape: Any, value: Any) -> Any:
    """What a message may say of a value: nothing of what the model calls sensitive, nor of bytes."""
    return _Hidden if shape.metadata.get("sensitive") or shape.type_name == "blob" else value


def _constraint(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{str(value)[:300]}'"
    if value is _Hidden:
        return f"Value at '{path or 'input'}' failed to satisfy constraint: {constraint}"
    return f"Value {shown} at '{path or 'input'}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name
