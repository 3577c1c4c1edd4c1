"""The judgement against a second evaluator: small, slow, written from AWS's documentation, sharing no code with it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from boatyard.api.timestamps import now
from boatyard.identity.conditions import holds
from boatyard.identity.policies import PolicySet, Request, judge
from boatyard.identity.policy_syntax import Grammar, parse
from boatyard.identity.principals import Principal, Session

HOME, AWAY = "000000000000", "111111111111"
Document = dict[str, Any]
Keys = dict[str, str | tuple[str, ...]]

# ----- the oracle


def glob(pattern: str, text: str) -> bool:
    """Wildcards by recursion over both texts."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (bool(text) and glob(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def values(keys: Keys, key: str) -> list[str] | None:
    found = {name.lower(): value for name, value in keys.items()}.get(key.lower())
    if found is None:
        return None
    return [found] if isinstance(found, str) else list(found)


def filled(text: str, keys: Keys) -> str | None:
    """A text with `${key}` replaced; None where a key has not exactly one value."""
    while "${" in text:
        before, _, rest = text.partition("${")
        name, _, after = rest.partition("}")
        found = values(keys, name)
        if found is None or len(found) != 1:
            return None
        text = before + found[0] + after
    return text


def condition_holds(operator: str, key: str, wanted: list[str], keys: Keys) -> bool:
    quantifier, _, name = operator.rpartition(":")
    optional, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    found = values(keys, key)
    if name == "Null":
        return any((found is None or found == []) is (each == "true") for each in wanted)
    if not found:
        negative = name in ("StringNotEquals", "StringNotLike")
        return optional or quantifier == "ForAllValues" or (negative and quantifier != "ForAnyValue")
    texts = [text for text in (filled(each, keys) for each in wanted) if text is not None]

    def one(value: str) -> bool:
        if name in ("StringEquals", "StringNotEquals"):
            same = value in texts
        elif name in ("StringLike", "StringNotLike"):
            same = any(glob(text, value) for text in texts)
        else:
            same = any(value.isdigit() and text.isdigit() and int(value) < int(text) for text in texts)
        return same is not name.startswith("StringNot")

    verdicts = [one(value) for value in found]
    alone_and_negative = quantifier == "" and name.startswith("StringNot")
    return all(verdicts) if quantifier == "ForAllValues" or alone_and_negative else any(verdicts)


def about(statement: Document, action: str, resource: str, keys: Keys) -> bool:
    """Whether action, resource and conditions fit."""
    actions: list[str] = statement.get("Action") or statement["NotAction"]
    listed = any(glob(each.lower(), action.lower()) for each in actions)
    if listed is ("NotAction" in statement):
        return False
    resources: list[str] = statement.get("Resource") or statement["NotResource"]
    patterns = [filled(each, keys) for each in resources]
    found = any(each is not None and glob(each, resource) for each in patterns)
    if found is ("NotResource" in statement):
        return False
    return all(
        condition_holds(operator, key, wanted, keys)
        for operator, block in statement.get("Condition", {}).items()
        for key, wanted in block.items()
    )


def says(documents: list[Document], effect: str, asked: tuple[str, str, Keys]) -> bool:
    return any(
        statement["Effect"] == effect and about(statement, *asked)
        for document in documents
        for statement in document["Statement"]
    )


def names(principal: Any, caller: Principal) -> str:
    """How a Principal element names the caller: everybody or itself, its role or user, its account, not at all."""
    if principal == "*":
        return "itself"
    listed = principal["AWS"]
    if "*" in listed or caller.arn in listed:
        return "itself"
    if caller.session and caller.session.role_arn in listed:
        return "behind"
    return "account" if caller.account in listed else ""


def oracle(case: Document, caller: Principal, asked: tuple[str, str, Keys], owner: str) -> bool:
    """The flow chart of "How AWS enforcement code logic evaluates requests", top to bottom."""
    own, boundary, session, resource = case["own"], case["boundary"], case["session"], case["resource"]
    if any(says(documents, "Deny", asked) for documents in (own, boundary, session)):
        return False
    granted = set()
    for document in resource:
        for statement in document["Statement"]:
            how = names(statement["Principal"], caller) if about(statement, *asked) else ""
            if how and statement["Effect"] == "Deny":
                return False
            granted.add(how if statement["Effect"] == "Allow" else "")
    identity = says(own, "Allow", asked)
    if owner != caller.account:
        if not (granted - {""}) or not identity:
            return False
    elif "itself" in granted:
        return True
    elif "behind" not in granted and not identity:
        return False
    return all(not documents or says(documents, "Allow", asked) for documents in (boundary, session))


# ----- what it is asked

USER = Principal.of_user(HOME, "/", "ana", "AIDAANAANAANAANAANAAN")


def session_of(kind: str) -> Principal:
    if kind == "user":
        return USER
    role = f"arn:aws:iam::{HOME}:role/R" if kind == "role" else USER.arn
    made = Session(role_arn=role, role_id="AROARAROARAROARAROARA", name="s", issued=now(), expires=now())
    return Principal.of_role(HOME, "R", made) if kind == "role" else Principal.of_federation(HOME, made)


ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:*", "*", "s3:Get*", "s3:???Object", "*", "iam:*", "S3:getobject")
RESOURCES = (
    *("*", "arn:aws:s3:::b/k", "arn:aws:s3:::b/*", "arn:aws:s3:::?/k", "arn:aws:s3:::b", "arn:aws:s3:::*"),
    *("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/${missing}", "arn:aws:s3:::b/${many}", "arn:aws:s3*"),
)
TEXTS = ("ana", "bob", "a*", "?na", "", "5", "10", "${aws:username}", "${missing}", "${many}", "true", "false")
COMPARISONS = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "NumericLessThan")
FORMS = [(first, last) for first in ("", "ForAllValues:", "ForAnyValue:") for last in ("", "IfExists")]
OPERATORS = ("Null", *(f"{first}{name}{last}" for name in COMPARISONS for first, last in FORMS))
KEYS = ("aws:username", "AWS:UserName", "many", "none", "missing", "number")
PRINCIPALS = (
    *("*", f"arn:aws:iam::{HOME}:user/ana", f"arn:aws:iam::{HOME}:role/R", HOME, AWAY),
    *(f"arn:aws:sts::{HOME}:assumed-role/R/s", f"arn:aws:sts::{HOME}:federated-user/s"),
)


def lists(of: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), min_size=1, max_size=3, unique=True)


@st.composite
def statements(draw: st.DrawFn, *, principal: bool = False) -> Document:
    made: Document = {"Effect": draw(st.sampled_from(("Allow",) * 7 + ("Deny",)))}
    made[draw(st.sampled_from(("Action",) * 5 + ("NotAction",)))] = draw(lists(ACTIONS))
    made[draw(st.sampled_from(("Resource",) * 5 + ("NotResource",)))] = draw(lists(RESOURCES))
    if draw(st.booleans()):
        block = st.dictionaries(st.sampled_from(KEYS), lists(TEXTS), min_size=1, max_size=1)
        made["Condition"] = draw(st.dictionaries(st.sampled_from(OPERATORS), block, min_size=1, max_size=1))
    if principal:
        made["Principal"] = draw(st.one_of(st.just("*"), st.builds(lambda named: {"AWS": named}, lists(PRINCIPALS))))
    return made


EVERYTHING: Document = {"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}


def documents(*, principal: bool = False) -> st.SearchStrategy[list[Document]]:
    """None or one; as often as not an identity's begins with everything, so that the others come to bear."""
    made = st.lists(statements(principal=principal), min_size=1, max_size=2)
    if not principal:
        made = st.one_of(made, made.map(lambda found: [EVERYTHING, *found]))
    return st.lists(made.map(lambda found: {"Version": "2012-10-17", "Statement": found}), max_size=1)


CASES = st.fixed_dictionaries(
    {
        "own": st.one_of(documents(), documents(), st.just([{"Version": "2012-10-17", "Statement": [EVERYTHING]}])),
        "boundary": documents(),
        "session": documents(),
        "resource": documents(principal=True),
    }
)
CONTEXTS = st.fixed_dictionaries(
    {"number": st.sampled_from(("3", "10", "x"))},
    optional={
        "aws:username": st.sampled_from(("ana", "bob")),
        "many": st.sampled_from((("ana", "bob"), ("ana",), ("5", "10"))),
        "none": st.just(()),
    },
)


@settings(max_examples=250, deadline=None, derandomize=True, database=None)
@given(
    case=CASES,
    kind=st.sampled_from(("user", "role", "federated")),
    action=st.sampled_from(("s3:GetObject", "s3:PutObject")),
    resource=st.sampled_from(("arn:aws:s3:::b/k", "arn:aws:s3:::b/ana", "arn:aws:s3:::b")),
    keys=CONTEXTS,
    owner=st.sampled_from((HOME, HOME, AWAY)),
)
def test_the_verdicts_agree(case: Document, kind: str, action: str, resource: str, keys: Keys, owner: str) -> None:
    caller = session_of(kind)
    parsed = {
        name: tuple(
            parse(json.dumps(each), Grammar.RESOURCE if name == "resource" else Grammar.INLINE) for each in found
        )
        for name, found in case.items()
    }
    policies = PolicySet(
        parsed["own"],
        parsed["boundary"][0] if parsed["boundary"] else None,
        parsed["session"] if kind != "user" else (),
        parsed["resource"][0] if parsed["resource"] else None,
    )
    asked = case | ({"session": []} if kind == "user" else {})
    decision = judge(policies, Request(caller, action, resource, keys, owner))
    assert decision.allowed is oracle(asked, caller, (action, resource, keys), owner), decision


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(operator=st.sampled_from(OPERATORS), key=st.sampled_from(KEYS), wanted=lists(TEXTS), keys=CONTEXTS)
def test_the_conditions_agree(operator: str, key: str, wanted: list[str], keys: Keys) -> None:
    statement = {**EVERYTHING, "Condition": {operator: {key: wanted}}}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    condition = parse(document, Grammar.INLINE).statements[0].conditions[0]
    assert holds(condition, keys) is condition_holds(operator, key, wanted, keys)
