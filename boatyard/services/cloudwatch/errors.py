"""CloudWatch's errors that more than one operation answers."""

from __future__ import annotations

from boatyard.api.errors import ApiError


def invalid_value(message: str) -> ApiError:
    """InvalidParameterValue (400)."""
    return ApiError("InvalidParameterValueException", message, status=400)


def check_text(text: str, parameter: str) -> None:
    """InvalidParameterValue for control characters, which CloudWatch takes in no name."""
    if any(character < " " or character == "\x7f" for character in text):
        raise invalid_value(f"The parameter {parameter} cannot contain ASCII control characters.")


def invalid_combination(message: str) -> ApiError:
    """InvalidParameterCombination (400)."""
    return ApiError("InvalidParameterCombinationException", message, status=400)


def missing(message: str) -> ApiError:
    """MissingParameter (400)."""
    return ApiError("MissingRequiredParameterException", message, status=400)
