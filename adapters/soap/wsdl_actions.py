"""WS-Addressing actions of a port type's operations (WS-Addressing 1.0, Metadata, section 4.4)."""

from __future__ import annotations

from typing import Any, Literal

_ATTRIBUTES = (
    "{http://www.w3.org/2007/05/addressing/metadata}Action",
    "{http://www.w3.org/2006/05/addressing/wsdl}Action",
    "{http://www.w3.org/2005/08/addressing}Action",
    "{http://schemas.xmlsoap.org/ws/2004/08/addressing}Action",
)


def declared_action(message: Any) -> str:
    """Return the action that an input, output or fault declares; empty if it declares none."""
    return next((message.get(name).strip() for name in _ATTRIBUTES if message.get(name)), "")


def default_action(
    namespace: str,
    port_type: str,
    operation: str,
    message: Any,
    kind: Literal["input", "output"],
    one_way: bool,
) -> str:
    """Return the action by the default pattern: namespace, port type and message name, joined.

    A message without a name is called after its operation, with `Request` or `Response` unless it is the
    only one.
    """
    suffix = {"input": "Request", "output": "Response"}[kind]
    name = message.get("name") or (operation if one_way else f"{operation}{suffix}")
    joint = ":" if namespace.lower().startswith("urn:") else "/"
    return f"{namespace.removesuffix(joint)}{joint}{port_type}{joint}{name}"
