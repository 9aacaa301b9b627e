"""What a message says has happened: an action code of a delta, from its settings."""

from __future__ import annotations

from typing import Any

from adapters.delta import UPSERT
from adapters.diff import DELETE
from adapters.soap.change_spec import ActionSpec
from adapters.soap.errors import BadValue
from adapters.soap.polling.paths import text_at

#: A message that is taken and gives no event.
IGNORE = 0


def action_of(spec: ActionSpec | None, message: Any) -> int:
    """Return UPSERT, DELETE or IGNORE.

    Raises:
        BadValue: the message does not say it, or says what the settings do not name.
    """
    if spec is None:
        return UPSERT
    said = text_at(message, spec.element)
    if said is None:
        raise BadValue(spec.element, "absent: it says what has happened")
    for names, code in ((spec.upsert, UPSERT), (spec.delete, DELETE), (spec.ignore, IGNORE)):
        if said in names:
            return code
    raise BadValue(spec.element, "none of the values that the settings name")
