"""An S3-compatible store as a place, against moto's server on loopback."""

from __future__ import annotations

import hashlib
import os

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

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


def test_a_missing_bucket_is_terminal_and_a_silent_store_transient(client, endpoint):
    """A bucket that is not there is a person's matter, a store that does not answer is tried again."""
    with pytest.raises(Terminal, match="no such bucket"):
        S3Place(S3Address("elsewhere", ""), None, settings(endpoint)).entries()
    dead = S3Place(S3Address(BUCKET, ""), None, settings("http://127.0.0.1:9", secret_key="hush-hush"))
    with pytest.raises(Transient, match="does not answer") as caught:
        dead.entries()
    assert "hush-hush" not in f"{caught.value}{dead!r}"
