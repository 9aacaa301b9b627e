"""Apache Kafka and the Apicurio registry on this machine, without an installed Java and without Docker."""

from hub.embedded.commands import down, status, up
from hub.embedded.fetch import maven_fetch
from hub.embedded.ports import Ports
from hub.embedded.progress import TerminalProgress
from hub.embedded.services import Services
from hub.embedded.start import start

__all__ = ["Ports", "Services", "TerminalProgress", "down", "maven_fetch", "start", "status", "up"]
