"""The transform AWS::Serverless-2016-10-31, done by AWS's own translator (the package aws-sam-translator)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from boatyard.services.cloudformation.templates.document import SERVERLESS
from boatyard.services.cloudformation.templates.errors import invalid

ManagedPolicies = Callable[[], Mapping[str, str]]


def transform(
    document: dict[str, Any], parameters: Mapping[str, Any], region: str, managed_policies: ManagedPolicies
) -> dict[str, Any]:
    """The document with AWS::Serverless resources replaced by what they stand for.

    `parameters` are the values as Ref gives them; `managed_policies` gives the ARNs of AWS's managed policies by
    name and is asked only for names that the translator does not know itself. Nothing is asked of the network.
    Raises ApiError ValidationError with the translator's findings.
    """
    # Imported here because it takes most of a second and few templates need it.
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    _refuse_applications(document)
    session = SimpleNamespace(region_name=region)
    translator = Translator(None, Parser(), boto_session=session)
    source = copy.deepcopy(document)
    try:
        translated = translator.translate(
            source, parameter_values=dict(parameters), get_managed_policy_map=lambda: dict(managed_policies())
        )
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise invalid(f"Transform {SERVERLESS} failed with: {error.message} {causes}") from error
    # The translator's own subclasses of dict and str must not leave this module.
    result: dict[str, Any] = json.loads(json.dumps(translated))
    result.pop("Globals", None)
    return result


def _refuse_applications(document: dict[str, Any]) -> None:
    for name, resource in (document.get("Resources") or {}).items():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Application":
            raise invalid(
                f"Resource {name}: boatyard does not support AWS::Serverless::Application, which fetches templates "
                "from AWS's application repository."
            )
