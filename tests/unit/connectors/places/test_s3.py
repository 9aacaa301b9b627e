"""An S3-compatible store as a place, against moto's server on loopback."""

from __future__ import annotations

import hashlib
import os

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from connectors.places.place import FileUnreadable
from connectors.places.s3 import S3Place
from connectors.places.s3_settings import S3Address, S3Settings
from schemas.errors import Terminal, Transient

BUCKET = "drops"


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint):
    made = boto3.client(
        "s3", endpoint_url=endpoint, region_name="eu-west-2", aws_access_key_id="k",
        aws_secret_access_key="s", config=Config(retries={"max_attempts": 1}),
    )  # fmt: skip
    made.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    yield made
    for item in made.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        made.delete_object(Bucket=BUCKET, Key=item["Key"])
    made.delete_bucket(Bucket=BUCKET)


def settings(endpoint, **more):
    given = {"endpoint": endpoint, "region": "eu-west-2", "access_key": "k", "secret_key": "s"}
    return S3Settings.model_validate(given | more)


@pytest.fixture
def place(endpoint, client):
    return S3Place(S3Address(BUCKET, "in/awards"), "archive", settings(endpoint))


def put(client, name, content):
    client.put_object(Bucket=BUCKET, Key=f"in/awards/{name}", Body=content)


def keys(client):
    return sorted(i["Key"] for i in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))


def only(place):
    (entry,) = place.entries()
    return entry


def test_an_object_is_listed_copied_and_archived(client, place, tmp_path):
    """An object is listed, copied privately with its hash, and moved below the archive's prefix."""
    content = os.urandom(20 << 20)
    put(client, "a.dat", content)
    put(client, "", b"")
    put(client, "deeper/b.dat", b"not here")
    client.put_object(Bucket=BUCKET, Key="in/awards-other/c.dat", Body=b"not here either")
    entry = only(place)
    assert (entry.name, entry.size) == ("a.dat", len(content))
    fetched = place.fetch(entry, tmp_path / "spool" / "copy")
    assert fetched.path.read_bytes() == content
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    assert place.archive(entry, fetched.sha256)
    assert "in/awards/archive/a.dat" in keys(client) and place.entries() == []
    assert not place.archive(entry, fetched.sha256)
    assert place.recall("a.dat", fetched.sha256[:32]) and only(place).size == len(content)


def test_a_move_that_was_cut_between_copy_and_delete_is_ended(client, place):
    """Where a crash left an object in both places, archiving again leaves it in one."""
    put(client, "a.dat", b"one")
    entry, sha256 = only(place), hashlib.sha256(b"one").hexdigest()
    place._copy("in/awards/a.dat", "in/awards/archive/a.dat", sha256, entry)
    assert len(keys(client)) == 2
    assert place.archive(entry, sha256)
    assert keys(client) == ["in/awards/archive/a.dat"]


def test_an_archived_name_gets_the_hash_behind_it(client, place):
    """A second object of one name does not overwrite the first in the archive."""
    for content in (b"one", b"two"):
        put(client, "a.dat", content)
        assert place.archive(only(place), hashlib.sha256(content).hexdigest())
    found = [client.get_object(Bucket=BUCKET, Key=k)["Body"].read() for k in keys(client)]
    assert found == [b"one", b"two"]


def test_many_objects_are_listed_page_by_page(client, place, monkeypatch):
    """More objects than a page holds are all listed."""
    monkeypatch.setattr("connectors.places.s3._PAGE", 2)
    for number in range(5):
        put(client, f"{number}", b"")
    assert [e.name for e in place.entries()] == ["0", "1", "2", "3", "4"]


def test_a_replaced_object_gives_nothing(client, place, tmp_path):
    """An object that was replaced since it was listed is not read as the old one, nor archived."""
    put(client, "a.dat", b"one")
    entry = only(place)
    put(client, "a.dat", b"two")
    assert place.fetch(entry, tmp_path / "copy") is None
    assert not place.archive(entry, hashlib.sha256(b"one").hexdigest())
    assert only(place).content != entry.content


def test_an_object_that_went_is_no_trouble(client, place, tmp_path):
    """An object that is gone when it is to be read gives nothing, and the look goes on."""
    put(client, "a.dat", b"one")
    entry = only(place)
    client.delete_object(Bucket=BUCKET, Key="in/awards/a.dat")
    assert place.fetch(entry, tmp_path / "copy") is None
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_the_store_denies_stops_only_itself(client, place, tmp_path, monkeypatch):
    """Where the store denies one object, that one is unreadable and its neighbours are not."""
    for name in ("a.dat", "b.dat"):
        put(client, name, name.encode())
    first, second = sorted(place.entries(), key=lambda e: e.name)
    store = place._store()
    real = store.open

    def opened(path, *arguments, **named):
        if path.endswith("a.dat"):
            raise PermissionError("Access Denied")
        return real(path, *arguments, **named)

    monkeypatch.setattr(store, "open", opened)
    with pytest.raises(FileUnreadable, match="access denied"):
        place.fetch(first, tmp_path / "one")
    assert place.fetch(second, tmp_path / "two").path.read_bytes() == b"b.dat"


def test_a_copy_of_an_earlier_look_is_not_fetched_again(client, place, tmp_path, monkeypatch):
    """A whole copy is hashed where it lies; a file that is another one now takes it away."""
    put(client, "a.dat", b"one")
    entry = only(place)
    first = place.fetch(entry, tmp_path / "copy")
    monkeypatch.setattr(place, "_blocks", lambda _: iter(()))
    assert place.fetch(entry, tmp_path / "copy") == first
    put(client, "a.dat", b"two")
    assert place.fetch(entry, tmp_path / "copy") is None
    assert list(tmp_path.iterdir()) == []


def test_a_missing_bucket_is_terminal_and_a_silent_store_transient(client, endpoint):
    """A bucket that is not there is a person's matter, a store that does not answer is tried again."""
    with pytest.raises(Terminal, match="no such bucket"):
        S3Place(S3Address("elsewhere", ""), None, settings(endpoint)).entries()
    dead = S3Place(S3Address(BUCKET, ""), None, settings("http://127.0.0.1:9", secret_key="hush-hush"))
    with pytest.raises(Transient, match="does not answer") as caught:
        dead.entries()
    assert "hush-hush" not in f"{caught.value}{dead!r}"
