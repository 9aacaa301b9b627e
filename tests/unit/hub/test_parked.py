"""The commands about parked events: what they show, what they leave for the worker, what is on record."""

from __future__ import annotations

import json

import pytest

from hub.cli import main
from hub.parked import ask_and_wait
from streams.checkpoint import Checkpoint
from streams.projection import row_projection
from tests.unit.streams.events import Book, Writer, batch, row

CLAIM = row_projection("claim", source="esa.claim", collection="claims")


@pytest.fixture
def estate(tmp_path, monkeypatch):
    monkeypatch.delenv("BANYAN_STATE", raising=False)
    monkeypatch.setattr("hub.parked.ANSWER_SECONDS", 0.0)
    (tmp_path / "banyan.toml").write_text('prefix = "uc"\n')
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "claim.py").write_text(
        "from streams.projection import row_projection\n"
        'claim = row_projection("claim", source="esa.claim", collection="claims")\n'
    )
    return tmp_path


@pytest.fixture
def worker(estate):
    """A checkpoint over the estate's read model, with an event that cannot be decoded and one behind it."""
    from hub.estate import Estate

    book, topic = Book(), "uc.esa.claim"
    writer = Writer(book)
    store = Estate(estate).read_models.writer("claim", 1, topic=topic)
    checkpoint = Checkpoint(CLAIM, topic, store, book, lambda _: None)
    checkpoint.ensure_table()
    checkpoint.claim([(topic, 0)])
    image = row("QQ123456C", 5)
    key, good = writer.key(image), writer.event("c", None, image)
    checkpoint.commit(checkpoint.prepare(batch([(key, b"\0\0\0\0\x01QQ123456C"), (key, good)], topic=topic)))
    yield checkpoint
    store.close()


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(["projection", "parked", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_list_and_show_tell_no_content(estate, worker, capsys):
    """Place, reason and what waits behind are told; key and bytes only on purpose."""
    code, out, _ = run(capsys, "list", "-e", str(estate), "--json")
    assert code == 0
    assert [e["place"] for e in json.loads(out)] == ["0:0", "0:1"]
    code, shown, _ = run(capsys, "show", "claim", "0:0", "-e", str(estate), "--json")
    assert json.loads(shown)["behind"] == ["0:1"]
    assert "QQ123456C" not in out + shown and "value" not in json.loads(shown)
    _, raw, _ = run(capsys, "show", "claim", "0:0", "-e", str(estate), "--json", "--raw")
    assert json.loads(raw)["value"] == "AAAAAAFRUTEyMzQ1NkM="


def test_a_decision_without_a_worker_is_noted(estate, worker, capsys):
    """With no worker running the decision waits for it, and is then done and on record with its author."""
    asked = ["drop", "claim", "0:0", "-e", str(estate), "--reason", "INC 12", "--by", "ann"]
    code, out, _ = run(capsys, *asked)
    assert (code, "noted" in out) == (3, True)
    worker.answer()
    _, out, _ = run(capsys, "history", "claim", "-e", str(estate), "--json")
    (decision,) = json.loads(out)
    assert (decision["by"], decision["reason"], decision["action"]) == ("ann", "INC 12", "drop")
    assert decision["outcome"] == "dropped, 1 applied" and decision["done"] >= decision["at"]


def test_edit_by_a_function(estate, worker, capsys):
    """An upcaster gets the old bytes; what it returns is tried in their place."""
    upcast = estate / "mend.py"
    upcast.write_text("def mend(old):\n    return old.replace(b'Q', b'X')\n")
    code, _, _ = run(
        capsys, "edit", "claim", "0:0", "-e", str(estate), "--reason", "x", "--upcast", f"{upcast}:mend"
    )
    assert code == 3  # no worker answers here
    worker.answer()
    _, out, _ = run(capsys, "show", "claim", "0:0", "-e", str(estate), "--json", "--raw")
    assert json.loads(out)["value"] == "AAAAAAFYWDEyMzQ1NkM="


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "claim", "0:9"), "no parked event"),
        (("show", "claim", "nine"), "no place"),
        (("show", "other", "0:0"), "choose from: claim"),
        (("edit", "claim", "0:0", "--reason", "x"), "--upcast and --value"),
        (("edit", "claim", "0:0", "--reason", "x", "--upcast", "gone.py:f"), "no such function"),
    ],
)
def test_wrong_use(estate, worker, capsys, arguments, said):
    """What cannot be done is refused in words, with exit code 2."""
    code, _, err = run(capsys, *arguments, "-e", str(estate))
    assert code == 2 and said in err


def test_the_answer_is_heard(estate, worker):
    """The command waits for the worker's answer to its own request."""
    from hub.estate import Estate

    desk = Estate(estate).read_models.parked("claim", 1)
    event = desk.one(0, 0)
    assert ask_and_wait(desk, event, "retry", who="ann", why="x", seconds=0) is None
    worker.answer()
    assert ask_and_wait(desk, event, "drop", who="ann", why="x", seconds=0) is None
    worker.answer()
    assert [d.outcome.split(":")[0] for d in desk.history()] == [
        "0 applied, 2 still wait",
        "dropped, 1 applied",
    ]


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 7"), OSError("no such user")])
def test_in_a_container_without_a_login(monkeypatch, error):
    """Who decides is the user's number where there is no name for it."""
    from hub.commands.options import login

    def unknown():
        raise error

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 7)
    assert login() == "uid 7"


def test_a_skipped_event_is_not_replayed(estate, capsys, monkeypatch):
    """With `skip` nothing waits, so a replay is refused with what to do instead, not done out of order."""
    module = estate / "projections" / "claim.py"
    module.write_text(module.read_text().replace('"claims")', '"claims", on_poison="skip")'))
    facts = {"stage": "projection", "projection": "claim.v1", "source": "uc.esa.claim:0:0"}
    monkeypatch.setattr("hub.dead_letters.dead_letter", lambda *_: (facts, b""))
    with pytest.raises(SystemExit) as caught:
        main(["dlq", "replay", "esa:0", "-e", str(estate), "--reason", "x"])
    assert caught.value.code == 2
    assert "skips what it cannot apply" in capsys.readouterr().err
