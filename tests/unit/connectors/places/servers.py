"""Real servers on loopback for the tests of places: SFTP by asyncssh, S3 by moto."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import asyncssh

from connectors.places.sftp_settings import SftpAddress, SftpSettings

PASSWORD = "correct horse"


class SftpServer:
    """An SFTP server that serves one folder, on a thread of its own."""

    def __init__(self, root, client_key=None):
        self.root = root
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.client_key = client_key
        self.port = 0
        self.connections = []
        #: Called before each read with the offset; raise or cut to make trouble.
        self.on_read = lambda offset: None

    def start(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self.do(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self):
        self.cut()
        self._server.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def cut(self):
        """Break every connection."""

        async def abort():
            for connection in self.connections:
                connection.abort()
            self.connections.clear()

        self.do(abort())

    def address(self, folder="/inbox"):
        return SftpAddress("banyan", "127.0.0.1", self.port, folder)

    def known_hosts(self, path, key=None):
        text = (key or self.host_key).export_public_key("openssh").decode()
        path.write_text(f"[127.0.0.1]:{self.port} {text}")
        return path

    def settings(self, known_hosts, **more):
        given = {"password": PASSWORD} | more
        return SftpSettings.model_validate({"known_hosts": str(known_hosts), **given})

    async def _listen(self):
        outer = self

        class Entrance(asyncssh.SSHServer):
            def connection_made(self, connection):
                outer.connections.append(connection)

            def password_auth_supported(self):
                return True

            def validate_password(self, username, password):
                return password == PASSWORD

            def public_key_auth_supported(self):
                return outer.client_key is not None

            def validate_public_key(self, username, key):
                return key == outer.client_key

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel):
                super().__init__(channel, chroot=str(outer.root).encode())

            def read(self, file_obj, offset, size):
                outer.on_read(offset)
                return super().read(file_obj, offset, size)

        return await asyncssh.create_server(
            Entrance, "127.0.0.1", 0, server_host_keys=[self.host_key], sftp_factory=Files
        )


@contextmanager
def sftp_server(root, client_key=None):
    server = SftpServer(root, client_key).start()
    try:
        yield server
    finally:
        server.stop()
