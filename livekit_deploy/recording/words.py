"""The words that AWS itself uses, from its models and their documentation. They identify no account."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape

from livekit_deploy.recording.names import Names

_CODE, _TAG = re.compile(r"<code>([^<>\s]{1,128})</code>"), re.compile(r"<[^>]*>|&[a-z]+;")
#: what stands between the words of a sentence, and what a word ends with
_GAP, _ENDS = re.compile(r"[\s'\"`,;()\[\]{}]+"), ".:!?"
#: a word as documentation has it; no example of an account, an address or an id
_WORD, _NUMBER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*"), re.compile(r"\d{3}")
_SMALL = re.compile(r"\d{1,3}")


#: services whose documentation is read: together they know the words of an error
_READ = ("ec2", "eks", "elasticache", "elbv2", "iam", "kms", "rds", "route53", "s3", "autoscaling")


def documented(text: str | None) -> frozenset[str]:
    """The values that a piece of documentation names."""
    return frozenset(_CODE.findall(text)) if text else frozenset()


@functools.cache
def vocabulary() -> frozenset[str]:
    """Every word in the documentation of AWS's services, and every name and value in their models."""
    session = botocore.session.get_session()
    texts = (text for name in _READ for text in _texts(session.get_service_model(name)))
    found = {word.strip(_ENDS) for text in texts for word in _GAP.split(_TAG.sub(" ", text))}
    return frozenset(word for word in found if _WORD.fullmatch(word) and not _NUMBER.search(word))


def _texts(model: ServiceModel) -> Iterator[str]:
    yield from model.operation_names
    yield from (model.operation_model(name).documentation or "" for name in model.operation_names)
    for name in model.shape_names:
        shape = model.shape_for(name)
        yield from (name, shape.documentation or "", *_members(shape), *getattr(shape, "enum", ()))


def _members(shape: Shape) -> Iterator[str]:
    found: Any = getattr(shape, "members", {})
    for name, member in found.items():
        yield from (name, member.documentation or "")


class Messages:
    """What is left of a sentence for people: the words that AWS's documentation knows."""

    def __init__(self, names: Names) -> None:
        self._names = names
        #: what this run has seen as somebody's own name
        self.own: set[str] = set()

    def kept(self, text: str) -> str:
        """The sentence with a placeholder for each word that is none of AWS's."""
        known = vocabulary()
        said = [self._piece(piece, known) for piece in _GAP.split(text)]
        return "".join(part for pair in zip(said, [*_GAP.findall(text), ""], strict=True) for part in pair)

    def _piece(self, piece: str, known: frozenset[str]) -> str:
        word = piece.rstrip(_ENDS)
        if not word or _SMALL.fullmatch(word):
            return piece
        if word not in self.own and all(self._known(part, known) for part in word.split(":")):
            return piece
        return self._names.of("word", word) + piece[len(word) :]

    def _known(self, part: str, known: frozenset[str]) -> bool:
        return part not in self.own and (part in known or part.lower() in known)
