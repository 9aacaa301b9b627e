"""Files from every kind of place to committed events, also through a SIGKILL at each step: each once."""

from __future__ import annotations

import time

import boto3
import pysequoia
import pytest
from moto.server import ThreadedMotoServer

from adapters import intake
from adapters.batch.codec import RecordCodec
from adapters.batch.inbox import Inbox
from adapters.lifecycle import history
from tests.integration.adapters.batch.home import Home
from tests.unit.connectors.places.servers import PASSWORD, sftp_server

pytestmark = pytest.mark.integration

COPYBOOK = "       01  PAY.\n           05  CLAIM-NO  PIC 9(5) COMP-3.\n           05  NAME      PIC X(9).\n"
CODEC = RecordCodec(COPYBOOK, code_page="cp285")
SETTINGS = """
kind = "batch"
name = "pay"
system = "mainframe"
copybook = "pay.cpy"
code_page = "cp285"
entity = "claim"
key = ["CLAIM-NO"]
min_age_seconds = 0
"""
KEY = pysequoia.Tsk.generate("hub <hub@example.org>")


def claims(*numbers, name="A"):
    return b"".join(CODEC.encode({"CLAIM-NO": n, "NAME": name}) for n in numbers)


def encrypted(content):
    return pysequoia.encrypt(content, recipients=[KEY.extract_certificate()], armor=False)


class Pay(Home):
    """The adapter `pay`."""

    def __init__(self, links, folder):
        super().__init__(links, folder, name="pay", topic="mainframe.claim", copybook=COPYBOOK)
        (folder / "key.asc").write_text(str(KEY))
        (folder / "password").write_text(PASSWORD)

    def settings(self, text):
        super().settings(SETTINGS + text)

    def process(self, point):
        code, said = super().process(point)
        assert PASSWORD not in said and str(KEY)[200:260] not in said
        return code

    def claims(self):
        """(op, claim number) of every committed event, sorted."""
        return sorted((e["op"], (e["after"] or e["before"])["CLAIM_NO"]) for e in self.events())

    def left_behind(self):
        """Private files that should not be there once everything is archived."""
        home = self.links.state / "adapters" / "pay"
        return [p.name for part in ("files", "plain") for p in (home / part).glob("*")]


@pytest.fixture
def home(links, tmp_path):
    return Pay(links, tmp_path / "pay")


@pytest.fixture
def sftp(tmp_path, home):
    root = tmp_path / "server"
    (root / "out").mkdir(parents=True)
    with sftp_server(root) as server:
        server.known_hosts(home.folder / "known_hosts")
        yield server


@pytest.fixture
def s3(monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket="drops")
    monkeypatch.setenv("S3_SECRET", "s")
    monkeypatch.setenv("S3_ENDPOINT", endpoint)
    yield client
    for key in keys(client):  # every server of this process has the same store behind it
        client.delete_object(Bucket="drops", Key=key)
    server.stop()


def sftp_settings(server, more=""):
    return f"""
place = "sftp://banyan@127.0.0.1:{server.port}/out"
{more}
[sftp]
password = "file:password"
"""


S3_SETTINGS = """
place = "s3://drops/out"
[s3]
endpoint = "${S3_ENDPOINT}"
region = "us-east-1"
access_key = "k"
secret_key = "${S3_SECRET}"
"""
PGP = '[decrypt]\nkind = "pgp"\nsecret_key = "file:key.asc"\n'


def keys(client):
    return sorted(i["Key"] for i in client.list_objects_v2(Bucket="drops").get("Contents", ()))


def test_files_come_from_an_sftp_server(home, sftp):
    """Files are published in order, archived on the server, recognised when they come again."""
    home.settings(sftp_settings(sftp))
    (sftp.root / "out" / "1.dat").write_bytes(claims(1, 2))
    (sftp.root / "out" / "2.dat").write_bytes(claims(1, 2, 3))
    assert len(home.run().committed) == 2
    assert home.claims() == [("c", 3), ("r", 1), ("r", 2)]
    assert sorted(p.name for p in (sftp.root / "out" / "archive").iterdir()) == ["1.dat", "2.dat"]
    (sftp.root / "out" / "2.dat").write_bytes(claims(1, 2, 3))
    assert home.run().skipped == 1
    (sftp.root / "out" / "2.dat").write_bytes(claims(1, 2, 3, 4))
    home.run()
    assert home.claims() == [("c", 3), ("c", 4), ("r", 1), ("r", 2)]
    assert home.left_behind() == []


def test_files_come_from_an_s3_store(home, s3):
    """Objects are published and moved below the archive's prefix."""
    home.settings(S3_SETTINGS)
    s3.put_object(Bucket="drops", Key="out/1.dat", Body=claims(1, 2))
    assert home.run().committed
    assert home.claims() == [("r", 1), ("r", 2)] and keys(s3) == ["out/archive/1.dat"]
    assert home.left_behind() == []


@pytest.mark.parametrize("point", ["fetch", "decrypt", "prepared", "committed", "archived"])
def test_a_kill_at_any_step_of_an_encrypted_remote_file(home, sftp, point):
    """SIGKILL while fetching, decrypting, before publishing, round archiving: all once, nothing left."""
    home.settings(sftp_settings(sftp) + PGP)
    (sftp.root / "out" / "1.pgp").write_bytes(encrypted(claims(*range(1, 200))))
    assert home.process(point) == -9
    assert not home.run().error
    assert home.claims() == [("r", n) for n in range(1, 200)]
    assert [p.name for p in (sftp.root / "out").glob("**/*") if p.is_file()] == ["1.pgp"]
    assert (sftp.root / "out" / "archive" / "1.pgp").exists()
    assert home.story()[-2:] == ["committed", "archived"] and home.left_behind() == []
    assert home.story().count("committed") == 1


@pytest.mark.parametrize("point", ["committed", "copied", "archived"])
def test_a_kill_while_an_object_is_archived(home, s3, point):
    """SIGKILL before, between and after the copy and the delete leaves one object, in the archive."""
    home.settings(S3_SETTINGS)
    s3.put_object(Bucket="drops", Key="out/1.dat", Body=claims(1, 2))
    assert home.process(point) == -9
    assert not home.run().error
    assert home.claims() == [("r", 1), ("r", 2)] and keys(s3) == ["out/archive/1.dat"]
    assert home.story()[-2:] == ["committed", "archived"]


def test_a_wrong_or_broken_message_fails_and_the_next_one_is_published(home):
    """A file in the clear, one for another key and a cut one fail; the next good one supersedes them."""
    home.settings('folder = "inbox"\n' + PGP)
    (home.folder / "inbox").mkdir()
    other = pysequoia.Tsk.generate("other <other@example.org>").extract_certificate()
    (home.folder / "inbox" / "1.pgp").write_bytes(claims(1))
    (home.folder / "inbox" / "2.pgp").write_bytes(pysequoia.encrypt(claims(1), recipients=[other]))
    (home.folder / "inbox" / "3.pgp").write_bytes(encrypted(claims(1))[:-3])
    (home.folder / "inbox" / "4.pgp").write_bytes(encrypted(claims(1)))
    status = home.run()
    assert len(status.failed) == 3 and len(status.committed) == 1
    assert home.claims() == [("r", 1)]
    reasons = [e.problems[0].split("\n")[0] for e in history(home.links, "pay") if e.state == "failed"]
    assert reasons == [
        "1.pgp: the message is cut off, tampered with or no PGP message",
        "2.pgp: the message is encrypted for another key or passphrase",
        "3.pgp: the message is cut off, tampered with or no PGP message",
    ]
    assert home.run().failed == [] and list((home.folder / "inbox").iterdir()) == []


def test_odd_files_stop_only_themselves(home):
    """A link, a pipe, a folder and a file without a date leave the others alone, and are told once."""
    home.settings("folder = \"inbox\"\nbusiness_date = '(?P<date>\\d{8})'\n")
    inbox = home.folder / "inbox"
    (inbox / "folder.20261101").mkdir(parents=True)
    (inbox / "link.20261101").symlink_to("/etc/passwd")
    (inbox / "nodate").write_bytes(claims(9))
    (inbox / "two\nlines.20261101").write_bytes(claims(1))
    for _ in range(2):
        status = home.run()
        assert len(status.failed) == 2
    assert home.claims() == [("r", 1)]
    told = sorted((e.file, e.reason) for e in history(home.links, "pay") if e.state == "invalid")
    assert [file for file, _ in told] == ["link.20261101", "nodate"]
    (inbox / "nodate").unlink()
    home.run()
    [*_, last] = history(home.links, "pay")
    assert (last.state, last.file) == ("skipped", "nodate")


def test_a_file_that_cannot_be_archived_is_told_and_stops_nobody(home, monkeypatch):
    """A file that is published and cannot be moved is said to be so, and moved once that is possible."""
    home.settings('folder = "inbox"\n')
    inbox = home.folder / "inbox"
    inbox.mkdir()
    (home.folder / "archive").write_text("no folder")
    (inbox / "1.dat").write_bytes(claims(1))
    (inbox / "2.dat").write_bytes(claims(1, 2))
    assert len(home.run().committed) == 2
    told = [e for e in history(home.links, "pay") if e.state == "retrying"]
    assert len(told) == 2 and all(e.reason.startswith("it cannot be archived") for e in told)
    (home.folder / "archive").unlink()
    home.run()
    assert list(inbox.iterdir()) == [] and len(list((home.folder / "archive").iterdir())) == 2
    assert "skipped" not in [e.state for e in history(home.links, "pay")]


def test_a_trailer_that_has_not_come_is_waited_for(home):
    """A young file without its declared trailer waits and deletes nothing; with it, it is published."""
    home.settings(
        'folder = "inbox"\ntrailer_wait_seconds = 3600\n'
        '[trailer]\nwhen = { field = "NAME", equals = "END" }\n'
    )
    inbox = home.folder / "inbox"
    inbox.mkdir()
    (inbox / "1.dat").write_bytes(claims(1))
    for _ in range(2):
        status = home.run()
        assert not status.committed and status.waiting == {"1.dat": "the trailer has not come yet"}
    (inbox / "1.dat").write_bytes(claims(1) + claims(0, name="END"))
    assert home.run().committed
    states = [e.state for e in history(home.links, "pay")]
    assert states.count("waiting") == 1 and "held" not in states


def test_a_file_that_does_not_come_is_told(home):
    """An expected file that is late is on record, with its time, whether the place answers or not."""
    home.settings('folder = "inbox"\n[expected]\nby = "00:00"\nevery = "1m"\nearly = "1m"\n')
    home.run()
    (told,) = history(home.links, "pay")
    assert told.state == "scheduled" and told.due_ms > told.at_ms and "is expected by" in told.reason


def test_late_and_missing_files_are_told_once(home, monkeypatch):
    """Each window is told as scheduled, late and missing at its time, once; a file for it is told, too."""
    home.settings('folder = "inbox"\n[expected]\nby = "00:00"\nevery = "10m"\nearly = "1m"\n')
    # From a moment in the middle of a window on, ten minutes a look are passed over.
    real = time.time_ns() // 1_000_000
    due = (real // 600_000 + 2) * 600_000
    for after in (-300_000, -30_000, -20_000, 1_000, 2_000, 545_000, 546_000):
        monkeypatch.setattr(intake, "_now_ms", lambda after=after: due + after)
        home.run()
    told = [(e.state, (e.due_ms - due) // 60_000) for e in history(home.links, "pay")]
    assert told == [("scheduled", 0), ("late", 0), ("missing", 0), ("scheduled", 10)]
    home.drop("1.dat", claims(1))
    monkeypatch.setattr(Inbox, "times", lambda _: [due + 590_000])
    monkeypatch.setattr(intake, "_now_ms", lambda: due + 601_000)
    home.run()
    [arrived] = home.told("arrived")
    assert arrived.due_ms == due + 600_000 and home.claims() == [("r", 1)]
