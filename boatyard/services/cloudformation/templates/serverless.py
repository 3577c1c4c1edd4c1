"""The transform AWS::Serverless-2016-10-31, done by AWS's own translator (the package aws-sam-translator)."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from boatyard.services.cloudformation.templates.document import SERVERLESS
from boatyard.services.cloudformation.templates.errors import invalid

log = logging.getLogger(__name__)
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

    # It warns of metrics that it has nowhere to send to.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
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
    except Exception as error:
        log.exception("The translator of %s broke", SERVERLESS)
        raise invalid(f"Transform {SERVERLESS} failed with an internal error of its translator: {error!r}") from error
    # The translator's own subclasses of dict and str must not leave this module.
    result: dict[str, Any] = json.loads(json.dumps(translated))
    result.pop("Globals", None)
    return result


def _refuse_applications(document: dict[str, Any]) -> None:
    resources = document.get("Resources")
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Application":
            raise invalid(
                f"Resource {name}: boatyard does not support AWS::Serverless::Application, which fetches templates "
                "from AWS's application repository."
            )
