"""Pages of odd rooms, and what somebody may try to do to those of others."""

import os
import re

import pytest

from lib.client import fresh
from lib.page import Watch, open_viewer
from lib.said import edit_of, in_thread, reaction, reply_to
from lib.server import Server
from test_viewer import BASE

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")
POLL = {"m.poll": {"kind": "m.disclosed", "max_selections": 10 ** 12,
                   "question": {"m.text": [{"body": "Tea?"}]},
                   "answers": [{"m.id": "a", "m.text": [{"body": "Yes"}]},
                               {"m.id": "b", "m.text": [{"body": "No"}]}]}}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("viewer-odd"))
    try:
        yield open_viewer(server, BASE)
    finally:
        server.stop()


@pytest.fixture
def ann(one):
    return one.api.register()


@pytest.fixture
def ben(one):
    return one.api.register()


@pytest.fixture
def hall(ann):
    return ann.public_room(name="The hall")


def vote(ann, hall, poll, chosen):
    return ann.send(hall, {"m.selections": chosen, "m.relates_to": {
        "rel_type": "m.reference", "event_id": poll}}, kind="m.poll.response")


def name(who, words):
    who.put(f"/profile/{who.user_id}/displayname", {"displayname": words})


# --- rooms ----------------------------------------------------------------

def test_a_room_that_talks_in_a_thread_is_not_called_empty(one, ann, hall):
    root = ann.send(hall, "root")
    for n in range(2100):
        ann.send(hall, in_thread(root, f"answer {n}"))
    page = one.room(hall)
    assert page.line(root) and "Nothing has been said" not in page.text


def test_a_day_loses_nothing_behind_much_else_and_shows_threads(one, ann, hall):
    root = ann.send(hall, "before")
    for n in range(2100):
        ann.send(hall, reaction(root, str(n)), kind="m.reaction")
    behind = [ann.send(hall, in_thread(root, "in a thread")), ann.send(hall, "afterwards")]
    page, ids = one.page(one.today(hall)), []
    ids += page.ids
    while page.rel("next"):
        page = one.page(page.rel("next"))
        ids += page.ids
    assert [ids.count(one_id) for one_id in (root, *behind)] == [1, 1, 1]


def test_a_room_without_a_name_is_called_so_in_each_language(one, ann):
    room = ann.public_room()
    assert "Room without a name" in one.room(room).title
    assert "Raum ohne Namen" in one.room(room, language="de").title


def test_a_room_that_moved_leads_to_the_new_one_and_back(one, ann):
    old = ann.public_room(name="Old")
    new = ann.post(ann.room(old, "/upgrade"), {"new_version": "11"})["replacement_room"]
    assert one.path(new) in [one.local(a) for a in one.room(old).links()] or \
        any(new in a or re.sub("!", "%21", new) in a for a in one.room(old).links())
    assert "This room has moved" in one.room(old).text
    assert "in the older room" in one.room(new).text


def test_addresses_are_taken_as_people_type_them(one, ann):
    alias = fresh("typed")
    room = ann.public_room(room_alias_name=alias, name="Typed")
    sent = ann.send(room, "here")
    for path in (f"/rooms/{alias}", f"/rooms/{alias}:localhost", f"/rooms/%23{alias}:localhost"):
        assert one.page(path).line(sent)
    got = one.ask("/rooms/")
    assert got.status == 308 and got.headers["location"] == f"{BASE}/rooms"


# --- what is said -----------------------------------------------------------

def test_a_very_long_message_is_cut_among_others_and_whole_on_its_own_page(one, ann, hall):
    words = " ".join(f"word{n}" for n in range(6000))
    sent = ann.send(hall, words)
    page = one.room(hall)
    assert "word6 " in page.source and "word5999" not in page.source
    assert len(page.source) < 30000 and "Read the whole message" in page.text
    assert "word5999" in one.room(hall, "event", sent).source


def test_earlier_versions_are_short_and_the_authors_own(one, ann, ben, hall):
    ben.join(hall)
    sent = ann.send(hall, "v0")
    ann.send(hall, edit_of(sent, "v1 " + "x" * 20000))
    for n in range(25):
        ben.send(hall, edit_of(sent, f"foreign {n}"))
    ann.send(hall, edit_of(sent, "v2"))
    page = one.room(hall)
    versions = page.line(sent).versions
    assert [v[:2] for v in versions] == ["v1", "v0"] and len(versions[0]) < 2000
    assert "foreign" not in page.source


def test_ballots_that_choose_nothing_are_no_votes(one, ann, ben, hall):
    ben.join(hall)
    poll = ann.send(hall, POLL, kind="m.poll.start")
    vote(ann, hall, poll, ["a", "a", "a"])
    vote(ben, hall, poll, ["a"])
    assert one.room(hall).line(poll).options == {"Yes": 2, "No": 0}
    vote(ben, hall, poll, [])
    line = one.room(hall).line(poll)
    assert line.options == {"Yes": 1, "No": 0} and "Votes: 1" in line.text


def test_a_ballot_of_very_many_choices_costs_no_more_than_a_few(one, ann, hall):
    poll = ann.send(hall, POLL, kind="m.poll.start")
    for _ in range(3):
        vote(ann, hall, poll, ["b"] * 14000)
    assert one.room(hall).line(poll).options == {"Yes": 0, "No": 1}


def test_a_position_as_phones_give_it_is_on_a_map(one, ann, hall):
    sent = ann.send(hall, {"msgtype": "m.location", "body": "here",
                           "geo_uri": "geo:51.500812345678,-0.124612345678;u=12.5"})
    assert "mlat=51.50081" in one.room(hall).line(sent).html()


@pytest.mark.parametrize("content, shown", [
    ({"msgtype": "m.text", "body": "plain", "format": "org.matrix.custom.html",
      "formatted_body": ""}, "plain"),
    ({"msgtype": "m.text", "body": "plain", "format": "org.matrix.custom.html",
      "formatted_body": "<script>x</script>"}, "plain"),
    ({"msgtype": "m.text", "body": 5}, ""), ({"msgtype": 5, "body": "words"}, "words"),
    ({"msgtype": "m.image", "body": {}, "info": [], "url": 5}, "Picture"), ({}, "")])
def test_what_is_malformed_is_shown_as_far_as_it_goes(one, ann, hall, content, shown):
    sent = ann.send(hall, content)
    assert shown in one.room(hall).line(sent).text
    assert shown in one.room(hall, "event", sent).line(sent).text


# --- what is gone -------------------------------------------------------------

def test_a_redacted_name_is_gone_from_every_line_and_told(one, ann, ben, hall):
    ben.join(hall)
    name(ben, "EVILNAME")
    said = ben.send(hall, "hello")
    while "EVILNAME" not in (page := one.room(hall)).source:
        pass
    with Watch(one, one.path(hall, "live"), from_=page.live[1], language="en") as watch:
        watch.opening()
        member = [e for e in ann.get(ann.room(hall, "/state"))
                  if e["type"] == "m.room.member" and e["state_key"] == ben.user_id][0]
        ann.redact(hall, member["event_id"])
        for language in ("en", "fr"):
            assert "EVILNAME" not in one.room(hall, language=language).source
        changed = watch.until_line(said, "change")
        assert "EVILNAME" not in "".join(told.data for told in changed)


def test_a_quote_of_an_edit_goes_with_what_was_edited(one, ann, hall):
    sent = ann.send(hall, "first")
    edit = ann.send(hall, edit_of(sent, "REGRETTED"))
    answer = ann.send(hall, reply_to(edit, "an answer"))
    assert "REGRETTED" in one.room(hall).line(answer).said("quote")
    ann.redact(hall, sent)
    assert "REGRETTED" not in one.room(hall).source


def test_whom_the_server_ignores_is_on_no_page_by_word_or_name(one, ann, ben, hall):
    ben.join(hall)
    name(ben, "EVILNAME")
    said = ben.send(hall, "spam")
    answer = ann.send(hall, reply_to(said, "please stop"))
    poll = ann.send(hall, POLL, kind="m.poll.start")
    vote(ben, hall, poll, ["b"])
    while "EVILNAME" not in (page := one.room(hall)).source:
        pass
    with Watch(one, one.path(hall, "live"), from_=page.live[1], language="en") as watch:
        watch.opening()
        one.operator("user", "ignore", ben.user_id)
        with pytest.raises(AssertionError, match="again"):
            watch.until_told()
    page = one.room(hall)
    assert "spam" not in page.source and "EVILNAME" not in page.source
    assert page.line(answer).part("quote") is None
    assert page.line(poll).options == {"Yes": 0, "No": 0}
    one.gone(one.path(hall, "event", said))
    assert ben.user_id in one.operator("user", "ignored")
    one.operator("user", "unignore", ben.user_id)
    assert "spam" in one.room(hall).source


# --- what others ask for --------------------------------------------------------

def test_a_kept_page_holds_nothing_of_who_asked_first(one, ann, hall):
    ann.send(hall, "hello")
    path = one.path(hall)
    one.page(path + "?q=BUY+FROM+EVIL&x=EVIL&since=EVIL")
    one.page(path + "?lang=de&x=EVIL")
    for language in (None, "de"):
        assert "EVIL" not in one.page(path, language=language).source


def test_lines_lead_to_the_room_whatever_becomes_of_its_alias(one, ann):
    alias = fresh("passing")
    room = ann.public_room(room_alias_name=alias, name="Passing")
    sent = ann.send(room, "stays")
    page = one.page(f"/rooms/{alias}:localhost")
    ann.delete(f"/directory/room/%23{alias}%3Alocalhost")
    for link in page.line(sent).element.all("a"):
        assert one.page(one.local(link["href"]).split("#")[0]).line(sent)


def test_many_people_in_a_room_are_each_called_by_their_own_name(one, ann, hall):
    for n in range(1040):
        ann.post(ann.room(hall, "/ban"), {"user_id": f"@invented{n}:example.org"})
    seen, page = set(), one.room(hall)
    while True:
        seen |= set(re.findall(r"@invented\d+:example\.org", page.source))
        if not page.rel("prev"):
            break
        page = one.page(page.rel("prev"))
    assert len(seen) == 1040
