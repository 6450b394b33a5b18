"""Every field of an environment file against whatever is written there: nothing is taken for something else.

The fields come from the models, so a new one is tried as well.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml

from livekit_deploy.config import merged
from livekit_deploy.config.accepted_forms import (
    _flat,
    at,
    expected,
    kinds_at,
    plain,
    takes_anything,
    takes_none,
    takes_text,
)
from livekit_deploy.config.explain import every_key
from livekit_deploy.config.section import Form
from livekit_deploy.errors import ConfigError
from tests.unit.environments import HEAD, LIVEKIT, File

Place = tuple[str | int, ...]
_LIBRARY = re.compile(r"should|valid |Value error|greater than|less than|ensure|pydantic|Input|type=")


def _places() -> Iterator[Place]:
    """Every key, and the first item of every list."""
    for key in every_key():
        place: Place = tuple("coredns" if part == "NAME" else part for part in key.path.split("."))
        yield place
        if place == ("tags",):
            yield "tags", "team"
        if any(get_origin(kind) is tuple for kind in kinds_at(place)):
            yield *place, 0


PLACES = list(dict.fromkeys(_places()))
KEYS = [place for place in PLACES if not isinstance(place[-1], int)]


def named(place: Place) -> str:
    return ".".join(map(str, place))


def nested(place: Place, value: Any) -> dict[str, Any]:
    for part in reversed(place):
        value = [value] if isinstance(part, int) else {part: value}
    return dict(value)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "dev.yaml").about("")


def with_value(file: File, place: Place, text: str) -> File:
    """A complete file with this text, as it is, at a place."""
    return file.write(_marked(place).replace("HERE_IT_STANDS", text))


@functools.cache
def _marked(place: Place) -> str:
    whole = yaml.safe_load(HEAD + LIVEKIT)
    return str(yaml.safe_dump(merged(whole, nested(place, "HERE_IT_STANDS")), default_flow_style=False))


def told_of(error: ConfigError, place: Place) -> tuple[str, str] | None:
    """What an error says of one field, and its remedy."""
    begins = f": {named(place)}: "
    for line in str(error).splitlines():
        if begins in line:
            said = line[line.index(begins) + 2 :]
            if "things are wrong" not in str(error):
                return said, error.hint
            found = re.fullmatch(r"(.*?) \((.*)\)", said)
            assert found, said
            return found[1], found[2]
    return None


def outcome(file: File, place: Place, text: str) -> tuple[str, str] | None:
    """What is said of a place that holds this text; None where it is taken."""
    try:
        with_value(file, place, text).load()
    except ConfigError as error:
        return told_of(error, place)
    return None


# ---- an empty override


@pytest.mark.parametrize("text", ["", " ", "# nothing", "---"])
@pytest.mark.parametrize("place", KEYS, ids=named)
def test_an_empty_override_is_refused_and_never_null(place: Place, text: str, file: File) -> None:
    variable = "LIVEKIT_DEPLOY__" + "__".join(map(str, place)).upper()
    for given in ({"overrides": {named(place): text}}, {"environ": {variable: text}}):
        error = file.refused(**given)
        assert error.field == named(place)
        assert "it has no value" in str(error), error
        assert "leave it out" in error.hint


@pytest.mark.parametrize("place", KEYS, ids=named)
def test_null_is_written_null(place: Place, file: File) -> None:
    error = told(file, named(place), "null")
    if takes_none(place):
        assert error is None or "no value" not in str(error)
        empty = outcome(file, place, "")
        assert empty is not None, "a file of a template with an empty variable"
        assert "write null for none" in empty[1]
        assert outcome(file, place, "null") is None
    else:
        assert error is not None
        assert "it has no value" in str(error)


def told(file: File, key: str, text: str) -> ConfigError | None:
    try:
        file.load(overrides={key: text})
    except ConfigError as error:
        return error
    return None


# ---- odd ways to write a value

_ODD_NUMBERS = ["010", "0o17", "0x1F", "0b11", "1_0", "12:30", "+5", "190:20:30", "-0x1", "00"]
_ODD = [*_ODD_NUMBERS, "1.", ".5", "1_0.5", "12:30.5", ".inf", "-.INF", ".nan", "2026-11-24", "2026-11-24 10:00:00"]
_SWITCHES = ["yes", "No", "on", "OFF", "true", "False"]
_NUMBERS = ["5", "1.10", "3.0", "1e3"]


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_an_odd_spelling_is_never_taken_for_another_value(place: Place, file: File) -> None:
    kinds = kinds_at(place)
    for text in [*_ODD, *_SWITCHES, *_NUMBERS]:
        read = yaml.safe_load(text)
        said = outcome(file, place, text)
        odd = text in _ODD
        words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        plain = (bool in kinds and isinstance(read, bool)) or (type(read) is int and (int in kinds or read in words))
        if odd or (not isinstance(read, str) and not plain and not takes_anything(place)):
            assert said is not None, f"{text} was taken for {read!r}"
        if said is not None and not isinstance(read, dict):
            assert text in said[0] or "such as" in said[1] or "not supported yet" in said[0], said
            quoted = re.search(r'quote it(?: if it is text)?, as in "(.*?)"', said[1])
            assert quoted is None or quoted[1] == text


@pytest.mark.parametrize("place", [place for place in KEYS if int in kinds_at(place)], ids=named)
def test_an_override_with_an_odd_number_is_refused(place: Place, file: File) -> None:
    for text in _ODD_NUMBERS:
        error = told(file, named(place), text)
        assert error is not None
        assert text in str(error)


def test_a_number_with_a_leading_zero_may_be_meant_in_two_ways(file: File) -> None:
    error = told(file, "nodes.media.max", "010")
    assert error is not None
    assert error.hint == "write 10 or 8"


@pytest.mark.parametrize("place", [place for place in KEYS if takes_text(place)], ids=named)
def test_an_override_of_text_is_text_whatever_it_looks_like(place: Place, file: File) -> None:
    for text in ["1.10", "012345670123", "12:30", "yes", "2026-11-24", "1_0"]:
        error = told(file, named(place), text)
        assert error is None or "must be text" not in str(error)
    if place == ("tags", "team"):
        assert file.load(overrides={"tags.team": "012"}).tags == {"team": "012"}


# ---- every field has its sentence


def _constrained(annotation: Any) -> bool:
    """Whether text has a form or a length of its own."""
    metadata = list(_flat(getattr(annotation, "__metadata__", ())))
    return any(getattr(one, "pattern", None) or hasattr(one, "min_length") for one in metadata)


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_every_form_has_a_sentence(place: Place) -> None:
    assert expected(place), place
    assert expected(place) != "a value" or takes_anything(place)
    for annotation in at(place):
        for part in (annotation, *get_args(annotation)):
            if str in set(plain(part)) and _constrained(part):
                assert any(isinstance(one, Form) for one in part.__metadata__), "a pattern without words for it"


_WRONG = ["-1", "0", "1000000", '""', '"x y"', '"x\\n"', '" x"', "[]", "[1]", "{a: 1}", "true", "Ünder_score", '"~/x"']


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_what_is_refused_is_refused_in_our_words_with_the_value_and_a_remedy(place: Place, file: File) -> None:
    refused = 0
    for text in [*_WRONG, f"[{', '.join(['x'] * 50)}]", f'"{"a" * 2000}"', '"x\\0"']:
        said = outcome(file, place, text)
        if said is None:
            continue
        refused += 1
        assert not _LIBRARY.search(said[0]), said
        assert said[1]
        assert not _LIBRARY.search(said[1]), said
        assert re.search(r"(must be .*, not .)|has no value|not supported yet", said[0]), said
    assert refused or takes_anything(place) or place in (("tags",), ("tags", "team"))


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_a_remedy_that_gives_a_value_is_followed_by_writing_it(place: Place, file: File) -> None:
    for text in [*_WRONG, *_ODD, *_SWITCHES, *_NUMBERS]:
        said = outcome(file, place, text)
        found = said and re.match(r"(?:write|such as|quote it, as in|did you mean) (.*?)(?: or \d+|\?)?$", said[1])
        if said is None or not found or found[1] == "{key: value}" or "such as {" in said[1]:
            continue
        whole = place[:-1] if isinstance(place[-1], int) and found[1].startswith("[") else place
        assert outcome(file, whole, found[1]) is None, f"{text}: {said}"


# ---- text that only looks right


@pytest.mark.parametrize("place", [place for place in PLACES if {str, IPv4Network} & kinds_at(place)], ids=named)
def test_text_with_an_end_of_line_or_a_sign_that_nobody_sees_is_refused(place: Place, file: File) -> None:
    for good in _good(place):
        for bad in (f"{good}\n", f"{good}\r", f" {good}", f"{good} ", f"{good}\0", f"{good}\u200b", f"{good}\x1b[1m"):
            with pytest.raises(ConfigError):
                with_value(file, place, yaml.safe_dump(bad, width=10_000).removesuffix("...\n").strip()).load()


def _good(place: Place) -> list[str]:
    if place == ("tags", "team"):
        return ["media"]
    if place[-1] == "role":
        return ["arn:aws:iam::123456789012:role/x"]
    value = re.search(r"^such as (.*)$", _such(place))
    found = yaml.safe_load(value[1]) if value else None
    return [str(found[0] if isinstance(found, list) else found)] if found else []


def _such(place: Place) -> str:
    from livekit_deploy.config.accepted_forms import example

    return f"such as {example(place)}"


# ---- what is wrong is told at once


_CROSS = {
    "nodes: {media: {min: 3, desired: 3, max: 2}}": "nodes.media.max|max 2 is below min 3",
    "redis: {tls: false}": "ElastiCache takes an AUTH token only with TLS",
    "network: {cidr: 8.8.0.0/16}": "8.8.0.0/16 is not a private range",
    "network: {availability_zones: 1}": "EKS needs two zones or more",
    'cluster: {version: "1.29"}': "EKS no longer has version 1.29",
    "tags: {Name: x}": "the tag Name is reserved",
}
_SHAPES = {
    "iam: {path: x}": "iam.path: it must be",
    "preset: test": "preset: it must be one of",
    "qqq: 1": "unknown key 'qqq'",
    "account_id: 012345670123": "account_id: it must be",
    "load_balancer_controller: {replicas: many}": "load_balancer_controller.replicas: it must be",
    "state: {lease_seconds: 010}": "state.lease_seconds: it must be",
    "livekit: {domain: x_y}": "livekit.domain: it must be",
    "livekit: {domain: a.example.com, settings: {redis: {password: x}}}": "a secret does not belong here",
    "livekit: {}": "livekit.domain is missing",
    "guard: {max_monthly_cost: }": "guard.max_monthly_cost: it has no value",
}


@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("cross", _CROSS)
def test_what_is_misshapen_does_not_hide_what_does_not_go_together(shape: str, cross: str, file: File) -> None:
    whole: dict[str, Any] = merged(
        {"region": "us-east-1", "livekit": {"domain": "a.example.com"}}, yaml.safe_load(cross)
    )
    if shape.startswith("livekit"):
        del whole["livekit"]
    file.write(yaml.safe_dump(whole) + shape + "\n")
    error = file.refused()
    assert _SHAPES[shape] in str(error)
    assert _CROSS[cross].rpartition("|")[2] in str(error)
    assert str(error).startswith("2 things are wrong:"), "nothing is said that follows from the other"


def test_a_key_that_is_wrong_is_not_judged_further(file: File) -> None:
    """Neither by its default nor by that of the key that was meant."""
    error = file.about("nodes: {media: {mx: 5, desired: 4}}").refused()
    assert "unknown key 'mx'" in str(error)
    assert "things are wrong" not in str(error)
    error = file.about("network: {cidr: x, availability_zones: 1}").refused()
    assert str(error).startswith("2 things are wrong:")


def test_overrides_that_are_none_are_told_with_the_rest(file: File) -> None:
    error = file.about("redis: {tls: maybe}").refused(
        overrides={"redis..x": "1", "livekit.keys": "hunter2", "protect": "[", "iam.path": ""}
    )
    assert str(error).startswith("5 things are wrong:")
    assert "hunter2" not in str(error)


def test_a_list_that_is_overridden_is_placed_at_the_override(file: File) -> None:
    file.about("cluster: {public_cidrs: [203.0.113.0/24, 198.51.100.0/24]}")
    error = file.refused(overrides={"cluster.public_cidrs": "[203.0.113.0/24, 10.0.0.0/8]"})
    assert error.where == "--set cluster.public_cidrs"
