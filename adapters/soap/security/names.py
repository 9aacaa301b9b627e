"""Namespaces and algorithm names of WS-Security, XML Signature and XML Encryption."""

from __future__ import annotations

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = f"{_WSS}wssecurity-secext-1.0.xsd"
WSU = f"{_WSS}wssecurity-utility-1.0.xsd"
WSSE11 = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
NSMAP = {"wsse": WSSE, "wsu": WSU, "ds": DS, "xenc": XENC}

USERNAME = f"{_WSS}username-token-profile-1.0#"
X509 = f"{_WSS}x509-token-profile-1.0#"
MESSAGE = f"{_WSS}soap-message-security-1.0#"
THUMBPRINT = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#ThumbprintSHA1"
ENCRYPTED_KEY = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#EncryptedKey"
BASE64 = f"{MESSAGE}Base64Binary"
ID = f"{{{WSU}}}Id"


def wsse(local: str) -> str:
    """Return the Clark name of a WS-Security element."""
    return f"{{{WSSE}}}{local}"


def wsu(local: str) -> str:
    """Return the Clark name of a WS-Security utility element."""
    return f"{{{WSU}}}{local}"


def ds(local: str) -> str:
    """Return the Clark name of an XML Signature element."""
    return f"{{{DS}}}{local}"


def xenc(local: str) -> str:
    """Return the Clark name of an XML Encryption element."""
    return f"{{{XENC}}}{local}"
