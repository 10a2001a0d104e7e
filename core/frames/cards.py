"""The card of a data set on disk, which people may read and edit.

What it says of the data decides what its numbers mean, so that damage there must not go unseen: a
digest of these fields stands in the card. Title, description and licence are words that people may
change, of which `datasets verify` tells.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from pydantic import ValidationError

from core.errors import LabError
from core.files import refuse_devices, write_whole
from core.frames.schema import Card

_WORDS: Final = {"title", "description", "licence"}
"""Fields that people may edit."""

_LONGEST: Final = 300
"""Characters of a functional or a text that a user gives for a card."""


def check_words(given: Mapping[str, Any]) -> None:
    """Check what a user says of a data set: functionals, labels, licence and title.

    Args:
        given: settings of an import by name; others are not looked at.

    Raises:
        LabError: if one is too long, or holds line breaks or control characters.
    """
    texts = {name: given.get(name) for name in ("functional", "labels", "licence", "title")}
    columns = given.get("functionals") or {}
    texts |= {f"functional of {column}": text for column, text in columns.items()}
    for name, text in texts.items():
        if isinstance(text, str) and (len(text) > _LONGEST or not text.isprintable()):
            raise LabError(
                f"The {name}, {text[:20]!a}…, is no line of at most {_LONGEST} characters; "
                "write it anew."
            )


def write_card(path: Path, card: Card) -> Card:
    """Write a card with its digest, and return it as written.

    Raises:
        OSError: if the directory cannot be written or the disk is full.
    """
    card = card.model_copy(update={"digest": _digest(card)})
    write_whole(path, card.model_dump_json(indent=2).encode())
    return card


def read_card(path: Path) -> Card:
    """Read a card.json.

    Raises:
        LabError: if the file is missing, is not a card of this version, or says something else of
            the data than when it was written.
    """
    refuse_devices(path)
    try:
        card = Card.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise LabError(
            f"{path.parent} contains no data set (it has no card.json); import it again."
        ) from None
    except OSError as error:
        reason = (error.strerror or "no reason given").lower()
        raise LabError(f"{path} cannot be read ({reason}); import the data set again.") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise LabError(
            f"{path} is not a valid card ({field}: {first['msg'].lower()}); import the data set "
            "again."
        ) from None
    if card.digest and card.digest.partition("-")[0] != _digest(card).partition("-")[0]:
        raise LabError(
            f"{path} is damaged or was edited: what it says of the data is not what was written "
            "with them. Put it back, import the data set again, or, if it is meant, delete the "
            'line "digest" of the card.'
        )
    return card


def is_reworded(card: Card) -> bool:
    """Return whether title, description or licence are not as they were written."""
    return bool(card.digest) and card.digest != _digest(card)


def _digest(card: Card) -> str:
    """Return the CRC-32 of what a card says of the data, and of its words.

    Fields with their default are left out, so that a later version can add some; and the date,
    whose default is another one every day.
    """
    fields = card.model_dump(mode="json", exclude_defaults=True, exclude={"digest", "created"})
    parts = (
        {key: value for key, value in fields.items() if (key in _WORDS) == is_word}
        for is_word in (False, True)
    )
    return "-".join(f"{crc32(json.dumps(part, sort_keys=True).encode()):08x}" for part in parts)
