"""Finds the service, the protocol and the operation that a request is for, from botocore's models and the request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from boatyard.api import models
from boatyard.api.errors import ApiError, OperationNotSupported
from boatyard.api.validation import code_for
from boatyard.gateway.messages import HttpRequest
from boatyard.gateway.protocols.query import form_pairs
from boatyard.gateway.protocols.rest import constant_query, path_pattern
from boatyard.gateway.signature import scope_service
from boatyard.services import PACKAGES

# What the models say, written down so that no model is read before its service is asked for;
# a test compares these with botocore.
TARGETS = {
    "TrentService": "kms",
    "AmazonSSM": "ssm",
    "Logs_20140328": "logs",
    "GraniteServiceVersion20100801": "cloudwatch",
    "AWSEvents": "events",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "CodeCommit_20150413": "codecommit",
    "CodeBuild_20161006": "codebuild",
    "CodePipeline_20150709": "codepipeline",
    "SageMaker": "sagemaker",
}
SCOPES = {
    "monitoring": "cloudwatch",
    **{name: name for name in PACKAGES if name not in ("cloudwatch", "sagemaker-runtime")},
}
VERSIONS = {
    "2010-05-08": "iam",
    "2011-06-15": "sts",
    "2010-03-31": "sns",
    "2010-08-01": "cloudwatch",
    "2010-05-15": "cloudformation",
}
_REST_SCOPES = frozenset({"s3", "lambda", "sagemaker"})
_XML_SERVICES = frozenset({"s3", "route53", "cloudfront"})
"""Services that read XML: the others that boatyard does not do are to understand its refusal."""
_RPC_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")
_INVOCATION_PATH = re.compile(r"/endpoints/[^/]*/(async-invocations|invocations(-response-stream)?)/?")
_KEPT, _LONGEST_KEPT = 4096, 256
"""How many choices of an operation are kept, and up to which length of their paths."""
_DATE_PATH = re.compile(r"/20\d\d-\d\d-\d\d/")


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is for. `operation` is botocore's OperationModel, None where the service has none such.

    `name` is the operation as the request (or the model) calls it.
    """

    service: str
    protocol: str
    name: str
    operation: Any = None


def find_service(request: HttpRequest) -> tuple[str, str]:
    """The service and the protocol, from the request's head alone (the body has not come yet)."""
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        found = _RPC_PATH.fullmatch(request.path)
        return TARGETS.get(found[1], found[1]) if found else "unknown", "smithy-rpc-v2-cbor"
    target = request.headers.get("x-amz-target")
    if target:
        prefix = target.rpartition(".")[0]
        return TARGETS.get(prefix, prefix or "unknown"), "json"
    scope = scope_service(request)
    if _is_query(request, scope):
        named = VERSIONS.get(request.query.get("Version", ""), "unknown") if scope is None else scope
        return SCOPES.get(named, named), "query"
    if scope is None:
        return _service_of_path(request)
    if scope == "sagemaker":
        return "sagemaker-runtime", "rest-json"
    service = SCOPES.get(scope, scope)
    return service, "rest-xml" if service in _XML_SERVICES else "rest-json"


def _service_of_path(request: HttpRequest) -> tuple[str, str]:
    """The service of a REST request that no signature names; S3 where no other has such a path."""
    if _DATE_PATH.match(request.path):
        return "lambda", "rest-json"
    if request.method == "POST" and _INVOCATION_PATH.fullmatch(request.path):
        return "sagemaker-runtime", "rest-json"
    return "s3", "rest-xml"


def service_of_form(request: HttpRequest) -> str:
    """The service of a query request that no signature names: the API version in its form tells."""
    version = dict(reversed(form_pairs(request))).get("Version", "")
    return VERSIONS.get(version, "unknown")


def _is_query(request: HttpRequest, scope: str | None) -> bool:
    """Whether this is a query request: objects may be forms too, so what the signature says counts more."""
    if scope is None and ("AWSAccessKeyId" in request.query or request.method not in ("GET", "POST")):
        return False
    if scope in _REST_SCOPES:
        return False
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return form or "Action" in request.query


def find_operation(request: HttpRequest, service: str, protocol: str) -> Target:
    """The operation; OperationNotSupported (501) names what boatyard does not do."""
    name = _operation_name(request, service, protocol)
    if service not in PACKAGES:
        raise OperationNotSupported(service, name or f"{request.method} {request.path[:200]}")
    if name is None:
        operation = rest_operation(service, request)
        if operation is None:
            _refuse_empty_name(service, request)
            raise OperationNotSupported(service, f"{request.method} {request.path[:200]}")
        return Target(service, protocol, operation.name, operation)
    if name not in models.service_model(service).operation_names:
        raise OperationNotSupported(service, name[:200] or "(an operation without a name)")
    return Target(service, protocol, name, models.operation_model(service, name))


def _operation_name(request: HttpRequest, service: str, protocol: str) -> str | None:
    """The operation's name where the protocol names it; None for REST, where method and path tell."""
    if protocol == "smithy-rpc-v2-cbor":
        found = _RPC_PATH.fullmatch(request.path)
        return found[2] if found else ""
    if protocol == "json":
        return request.headers.get("x-amz-target", "").rpartition(".")[2]
    if protocol == "query":
        return dict(reversed(form_pairs(request))).get("Action", "")
    return None


@dataclass(frozen=True, slots=True)
class _Route:
    operation: Any
    pattern: re.Pattern[str]
    constants: tuple[tuple[str, str | None], ...]
    needed_query: tuple[str, ...]
    needed_headers: tuple[str, ...]
    rank: tuple[int, ...]


@cache
def _routes(service: str) -> dict[str, list[_Route]]:
    model = models.service_model(service)
    routes: dict[str, list[_Route]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        routes.setdefault(operation.http.get("method", "POST"), []).append(_route(operation))
    for each in routes.values():
        each.sort(key=lambda route: route.rank, reverse=True)
    return routes


def _route(operation: Any) -> _Route:
    uri = operation.http["requestUri"]
    constants = constant_query(uri)
    members = operation.input_shape.members if operation.input_shape is not None else {}
    required = operation.input_shape.required_members if operation.input_shape is not None else []
    needed: dict[str, list[str]] = {"querystring": [], "header": []}
    for name in required:
        place = needed.get(members[name].serialization.get("location", ""))
        if place is not None:
            place.append(members[name].serialization.get("name", name))
    literal = sum(1 for part in uri.split("?", 1)[0].split("/") if part and "{" not in part)
    # A header tells operations apart only where the model marks another operation's; Content-MD5 and the like do not.
    headers = tuple(name.lower() for name in needed["header"] if name.lower() == "x-amz-copy-source")
    rank = (
        literal,
        len(constants),
        len(needed["querystring"]) + len(headers),
        0 if operation.deprecated else 1,
        -uri.count("+}"),
        1 if operation.name != "ListDirectoryBuckets" else 0,
    )
    return _Route(operation, path_pattern(uri)[0], constants, tuple(needed["querystring"]), headers, rank)


class _Choice:
    """The routes of a service and a method, and which of them is meant by what tells them apart in a request."""

    def __init__(self, routes: list[_Route]) -> None:
        self._routes = routes
        self._patterns = list(dict.fromkeys(route.pattern for route in routes))
        self._names = {name for route in routes for name in (*dict(route.constants), *route.needed_query)}
        self._values = {value for route in routes for _, value in route.constants}
        self._headers = tuple({name for route in routes for name in route.needed_headers})
        self._matched: dict[str, tuple[re.Pattern[str], ...]] = {}
        self._chosen: dict[tuple[Any, ...], Any] = {}

    def find(self, request: HttpRequest) -> Any:
        """The operation of the best route; None when there is none. What was found before is looked up."""
        query = request.query
        matching = self._matching(request.path)
        key = (
            matching,
            *((name, value if value in self._values else "") for name, value in query.items() if name in self._names),
            *(name for name in self._headers if name in request.headers),
        )
        if key not in self._chosen:
            if len(self._chosen) >= _KEPT:
                self._chosen = {}
            self._chosen[key] = self._choose(request, matching)
        return self._chosen[key]

    def _matching(self, path: str) -> tuple[re.Pattern[str], ...]:
        found = self._matched.get(path)
        if found is None:
            found = tuple(pattern for pattern in self._patterns if pattern.fullmatch(path))
            if len(path) <= _LONGEST_KEPT:
                if len(self._matched) >= _KEPT:
                    self._matched = {}
                self._matched[path] = found
        return found

    def _choose(self, request: HttpRequest, matching: tuple[re.Pattern[str], ...]) -> Any:
        query = request.query
        for route in self._routes:
            if (
                route.pattern in matching
                and all(name in query and value in (None, query[name]) for name, value in route.constants)
                and all(name in query for name in route.needed_query)
                and all(name in request.headers for name in route.needed_headers)
            ):
                return route.operation
        return None


@cache
def _choices(service: str) -> dict[str, _Choice]:
    return {method: _Choice(routes) for method, routes in _routes(service).items()}


def rest_operation(service: str, request: HttpRequest) -> Any:
    """The operation whose method, path, query string and headers match best; None when none does."""
    choice = _choices(service).get(request.method)
    return choice.find(request) if choice is not None else None


def _refuse_empty_name(service: str, request: HttpRequest) -> None:
    """ApiError when the path would be an operation's, had it a name where it has none ("/endpoints//invocations")."""
    for route in _routes(service).get(request.method, ()):
        pattern, labels = path_pattern(route.operation.http["requestUri"])
        found = re.fullmatch(pattern.pattern.replace("([^/]+)", "([^/]*)"), request.path, re.DOTALL)
        if found is not None and "" in found.groups():
            label = labels[found.groups().index("")]
            member = label[:1].lower() + label[1:]
            raise ApiError(
                code_for(route.operation),
                f"1 validation error detected: Value '' at '{member}' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1",
                status=400,
            )


_LABEL = r"(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9])"
_AWS_HOST = re.compile(_LABEL + r"\.s3([.-](dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", re.IGNORECASE)
_LOCAL_S3_HOST = re.compile(_LABEL + r"\.s3(\.[a-z0-9-]+)?\.localhost(\.[a-z0-9-]+)*", re.IGNORECASE)
_LOCAL_HOST = re.compile(_LABEL + r"\.localhost", re.IGNORECASE)


def bucket_of_host(host: str) -> str | None:
    """The bucket that a virtual-host-style S3 request names in its host, None for a path-style one."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    for pattern in (_AWS_HOST, _LOCAL_S3_HOST, _LOCAL_HOST):
        found = pattern.fullmatch(name)
        if found is not None:
            bucket = found["bucket"]
            return None if bucket.lower() == "s3" or bucket.lower().startswith("s3.") else bucket
    return None


def use_virtual_host(request: HttpRequest) -> None:
    """Put the bucket that the host names in front of the path that S3's operations are found by."""
    bucket = bucket_of_host(request.headers.get("host", ""))
    if bucket is not None:
        request.path = f"/{bucket}{request.raw_path}"
