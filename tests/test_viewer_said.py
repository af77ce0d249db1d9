"""What is shown of what people say, on the pages of public rooms: days, messages of every
kind, edits and redactions, threads, polls, search, pictures and files. See test_viewer.py.
"""

import os
import sqlite3
import time
from calendar import timegm
from time import strptime

import pytest

from lib.client import fresh
from lib.page import LANGUAGES, Viewer, open_viewer, until
from lib.said import (OLD_POLL, POLL, edit_of, end, html, in_thread, picture, reaction, reply_to,
                      vote)
from lib.server import Server
from lib.stage import Stage, face, landscape, upload
from test_thumbnails import size_of
from test_viewer import BASE

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Somebody who looks at a server's pages."""
    server = Server(tmp_path_factory.mktemp("viewer-said"))
    try:
        yield open_viewer(server, BASE)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def stage(one):
    return Stage(one.api).play()


@pytest.fixture
def ann(one):
    return one.api.register()


@pytest.fixture
def ben(one):
    return one.api.register()


@pytest.fixture
def hall(ann):
    return ann.public_room(name="The hall")


@pytest.fixture
def viewer(private):
    """Starts a server with pages and settings of its own."""
    def start(**settings):
        return open_viewer(private(running=False), BASE, **settings)

    return start


# --- days ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """A room with a past: what was said on which day. The clock is the database's."""
    server = Server(tmp_path_factory.mktemp("past"))
    try:
        one = open_viewer(server, BASE)
        ann = one.api.register()
        room = ann.public_room(name="Old")
        days = {"2024-02-29": 2, "2026-03-01": 3, "2026-03-31": 1, "2026-04-15": 250}
        said = {day: [ann.send(room, f"{day} {n}") for n in range(count)]
                for day, count in days.items()}
        ann.send(room, reaction(said["2026-03-31"][0], "x"), "m.reaction")
        everything = [e["event_id"] for e in ann.all_messages(room)]
        server.stop()
        set_times(server, everything, said)
        server.start()
        yield Viewer(server), room, said
    finally:
        server.stop()


def set_times(server, events, said):
    """The rest is of the day of the first."""
    day_of = {event: day for day, ids in said.items() for event in ids}
    db = sqlite3.connect(server.folder / "data/parlour.db")
    rows = db.execute("SELECT event FROM events ORDER BY event").fetchall()
    assert len(rows) == len(events)
    for n, ((row,), event) in enumerate(zip(rows, events)):
        day = day_of.get(event, "2024-02-29")
        at = timegm(strptime(day, "%Y-%m-%d")) * 1000 + n
        db.execute("UPDATE events SET ts = ? WHERE event = ?", (at, row))
    db.commit()
    db.close()


def said_on(page):
    return [line.id for line in page.lines if line.is_said]


def test_a_day_has_what_was_said_on_it_and_leads_to_those_around_it(past):
    one, room, said = past
    days = list(said)
    for n, day in enumerate(days[:3]):
        page = one.room(room, "day", day)
        assert said_on(page) == said[day]
        newer = page.rel("next")
        assert newer.endswith(f"/day/{days[n + 1]}") and said_on(one.page(newer))
        older = page.rel("prev")
        assert older is None if n == 0 else older.endswith(f"/day/{days[n - 1]}")
    empty = one.room(room, "day", "2026-03-15")
    assert empty.ids == [] and "Nothing was said" in empty.text
    assert empty.rel("prev").endswith("/day/2026-03-01")
    assert empty.rel("next").endswith("/day/2026-03-31")
    for day in ("1970-01-01", "9998-12-31"):
        assert one.room(room, "day", day).ids == []


def test_a_long_day_has_several_pages(past):
    one, room, said = past
    page = one.room(room, "day", "2026-04-15")
    seen = said_on(page)
    while len(seen) < 250:
        page = one.page(page.rel("next"))
        assert said_on(page)
        seen += said_on(page)
    assert seen == said["2026-04-15"] and page.rel("next") is None


def test_the_calendar_has_the_days_on_which_there_was_something(past):
    one, room, said = past
    newest = one.room(room, "days")
    assert newest.source == one.room(room, "days", "2026-04").source

    def days(page):
        return [e["href"].rsplit("/", 1)[1] for e in page.root.one("table").all("a[href]")]

    assert days(newest) == ["2026-04-15"]
    march = one.page(newest.rel("prev"))
    assert days(march) == ["2026-03-01", "2026-03-31"]
    assert march.root.one("caption").text == "March 2026"
    assert march.rel("next").endswith("/days/2026-04") and newest.rel("next") is None
    february = one.page(march.rel("prev"))
    assert days(february) == ["2024-02-29"] and february.rel("prev") is None
    cells = [e.text for e in february.root.one("tbody").all("td")]
    assert [c for c in cells if c] == [str(n) for n in range(1, 30)] and cells.index("1") == 3
    assert all(len(row.all("td")) == 7 for row in february.root.one("tbody").all("tr"))
    assert days(one.room(room, "days", "2025-01")) == []
    for language in LANGUAGES:
        page = one.room(room, "days", "2026-03", language=language)
        assert len(page.root.one("thead").all("th")) == 7
        assert "2026" in page.root.one("caption").text


def test_a_page_has_a_mark_where_a_day_begins(past):
    one, room, said = past
    page = one.room(room, "event", said["2026-03-31"][0])
    marks = [e.one("time")["datetime"] for e in page.root.all("li.day")]
    assert marks == ["2024-02-29", "2026-03-01", "2026-03-31", "2026-04-15"]
    for mark, day in zip(page.root.all("li.day"), marks):
        assert set(said[day][:20]) <= set(one.page(mark.one("a")["href"]).ids)


# --- everything that people say -----------------------------------------------------------


def test_everything_that_people_say_is_shown(one, stage):
    page = one.room(stage.room_id)

    def line(name):
        return page.line(stage.events[name])

    assert line("hello").body.endswith("ripe 🍅") and line("hello").name == "Maya"
    assert line("html").content.one("strong").text == "cold soup"
    assert [li.text for li in line("html").content.one("ol").all("li")][1] == "a cucumber, peeled"
    assert "if soil.moisture() < 0.3:\n    pump" in line("code").content.one("pre").raw_text
    assert [e.text for e in line("table").content.all("th")] == ["Bed", "Planted", "Harvest"]
    assert line("arabic").content["dir"] == "auto"
    assert "Maya, by two kilos!" in line("spoiler").content.one(".spoiler").text
    assert "emote" in line("emote").content.classes and "notice" in line("notice").content.classes
    assert line("image").content.one("img").get("alt") and "an hour ago" in line("image").body
    assert line("sticker").content.one("img")["alt"] == "A happy sun"
    assert line("file").content.one("a").text.startswith("plan.pdf")
    assert "47.1 KB" in line("file").text
    assert line("audio").content.has("audio") and line("video").content.has("video")
    assert line("video").content.one("video")["poster"]
    place = line("location")
    assert "The garden gate" in place.body
    assert place.content.one("a")["href"].startswith(
        "https://www.openstreetmap.org/?mlat=48.13720&mlon=11.57560")
    assert line("encrypted").content.has(".lock")
    assert not line("unknown").is_said and "org.example.thing" in line("unknown").text
    assert line("gone").body == "This message was deleted." and "wrong room" not in page.source
    assert line("hello").reactions == {"🎉": "2", "🍅": "1"}
    assert "Good evening" in line("reply").said("quote") and "Maya" in line("reply").said("quote")
    assert line("poll").options == {"Saturday": 2, "Sunday": 1}
    thread = line("thread")
    assert "2" in thread.said("thread") and "I bring coffee" in thread.said("thread")
    for name in ("in_thread", "edit", "vote", "reaction", "redaction"):
        assert stage.events[name] not in page.ids
    assert sorted(page.people) == ["Aiko", "Jonas", "Layla", "Maya"]


def test_a_quiet_line_tells_what_nobody_here_knows(one, ann, hall):
    sent = [ann.send(hall, {"x": 1}, "org.example.<b>thing</b>"),
            ann.set_state(hall, "org.example.state", {"y": "<i>"}, "a key")]
    page = one.room(hall)
    assert "org.example.<b>thing</b>" in page.line(sent[0]).text
    assert "org.example.state" in page.line(sent[1]).text


def test_malformed_messages_are_lines_and_nothing_worse(one, ann, hall):
    odd = [{}, {"body": 1}, {"msgtype": []}, {"msgtype": "m.text"}, {"msgtype": "m.image"},
           {"msgtype": "m.image", "url": 1, "body": {}, "info": []},
           {"msgtype": "m.text", "body": "x", "m.relates_to": []},
           {"msgtype": "m.text", "body": "x", "m.relates_to": {"m.in_reply_to": "x"}},
           {"msgtype": "m.text", "body": "x", "m.relates_to": {"rel_type": "m.replace",
                                                                "event_id": "x"}},
           {"msgtype": "m.text", "body": "x", "m.new_content": "x"},
           {"msgtype": "m.location", "geo_uri": "geo:1e400,2"}, {"msgtype": "m.location"},
           {"msgtype": "m.file", "body": "", "url": "mxc://"}, {"body": "\0\x01\x7f\u202e"},
           {"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html"},
           {"msgtype": "m.text", "body": "x", "format": 5, "formatted_body": "<b>"},
           {"msgtype": "m.video", "body": "v", "info": {"w": -1, "h": 2 ** 53 - 1, "size": -5}}]
    sent = [ann.send(hall, content) for content in odd]
    for content in ({}, {"m.poll": 1}, {"m.poll": {"answers": 1}}, {"m.poll": {
            "question": [], "answers": [1, {}, {"m.id": 2}], "max_selections": -1}}):
        sent.append(ann.send(hall, content, "m.poll.start"))
    sent += [ann.send(hall, {"x": []}, "m.sticker"),
             ann.set_state(hall, "m.room.topic", {"topic": 5}),
             ann.set_state(hall, "m.room.name", {"name": {}}), ann.send(hall, "last")]
    ids = one.room(hall).ids
    assert set(ids) >= {e for n, e in enumerate(sent) if n != 8} and ids[-1] == sent[-1]


@pytest.mark.parametrize("href, stays", [
    ("https://example.org/", True), ("matrix:r/x:y", True), ("mailto:a@b.example", True),
    ("javascript:alert(1)", False), ("java\tscript:alert(1)", False), ("//example.org", False),
    ("data:text/html,x", False), ("/rooms", False), ("vbscript:x", False), ("blob:x", False)])
def test_a_link_is_one_if_its_scheme_is_harmless(one, ann, hall, href, stays):
    sent = ann.send(hall, html("x", f'<a href="{href}">here</a>'))
    content = one.room(hall).line(sent).content
    links = content.all("a")
    assert content.text == "here" and len(links) == stays
    if stays:
        assert links[0]["href"] == href
        if not href.startswith("matrix"):
            assert set(links[0]["rel"].split()) == {"nofollow", "noopener", "ugc"}


def test_a_remote_picture_is_never_loaded(one, ann, hall):
    mxc = upload(ann, landscape(), "image/png", "in.png")
    sent = ann.send(hall, html("x", "<img src='https://evil.example/a.png' alt='away'>"
                               f"<img src='{mxc}' alt='here'><img src='mxc://evil.example/a'>"
                               "<img src='data:image/png;base64,AAAA'>"))
    pictures = one.room(hall).line(sent).content.all("img")
    assert "here" in [e.get("alt") for e in pictures]
    assert not any("evil" in e["src"] for e in pictures)
    answers = {e["alt"]: one.ask(e["src"]) for e in pictures}
    assert answers["here"].status == 200 and size_of(answers["here"].body)[0] < 1200
    assert all(got.status == 404 for alt, got in answers.items() if alt != "here")


def test_comings_and_goings_are_folded_where_they_are_many(one, ann, hall):
    first = ann.send(hall, "before")
    people = [one.api.register() for _ in range(5)]
    for who in people:
        who.join(hall)
    second = ann.send(hall, "between")
    people[0].leave(hall)
    people[1].leave(hall)
    last = ann.send(hall, "behind")
    page = one.room(hall)
    at = page.ids.index(first)
    moved = page.lines[at + 1:at + 6]
    assert all(line.is_folded for line in moved) and page.ids[at + 6] == second
    run = page.root.all("li.run")[-1]
    assert run.has("details") and "5" in run.one("summary").text and len(run.all("li.line")) == 5
    lonely = page.lines[at + 7:at + 9]
    assert not any(line.is_folded for line in lonely) and page.ids[at + 9] == last
    assert [people[n].user_id in line.text and "left" in line.text
            for n, line in enumerate(lonely)] == [True, True]
    marked = one.room(hall, "event", moved[2].id)
    assert marked.line(moved[2].id).is_marked and not marked.line(moved[2].id).is_folded


def test_every_membership_has_its_words(one, ann):
    room = ann.public_room()
    who = [one.api.register() for _ in range(3)]
    for one_of in who:
        one_of.put(f"/profile/{one_of.user_id}/displayname", {"displayname": "Dora"})
    ann.invite(room, who[0].user_id)
    who[0].leave(room)
    ann.invite(room, who[0].user_id)
    ann.kick(room, who[0].user_id)
    who[1].join(room)
    ann.kick(room, who[1].user_id)
    ann.ban(room, who[2].user_id)
    ann.unban(room, who[2].user_id)
    texts = " | ".join(line.text for line in one.room(room).lines)
    for words in ("declined the invitation", "withdrew the invitation of", "invited", "removed",
                  "banned", "lifted the ban of", "joined"):
        assert words in texts


# --- edits, redactions ----------------------------------------------------------------------


def a_moment_later():
    began = time.time_ns() // 1000000
    until(lambda: time.time_ns() // 1000000 > began)


def test_an_edit_is_shown_with_what_was_before(one, ann, ben, hall):
    ben.join(hall)
    sent = ann.send(hall, "first")
    for words in ("second", "third"):
        a_moment_later()  # of edits the latest counts, and of those of one moment either
        ann.send(hall, edit_of(sent, words))
    ben.send(hall, edit_of(sent, "somebody else's"))
    line = one.room(hall).line(sent)
    assert line.body == "third" and line.versions == ["second", "first"]
    assert "edited" in line.said("edits") and "somebody" not in one.room(hall).source
    assert one.room(hall, "event", sent).line(sent).versions == ["second", "first"]


def test_an_edit_that_is_redacted_is_undone(one, ann, hall):
    sent = ann.send(hall, "first")
    edit = ann.send(hall, edit_of(sent, "a slip"))
    assert one.room(hall).line(sent).body == "a slip"
    ann.redact(hall, edit)
    for path in (one.path(hall), one.path(hall, "event", sent)):
        assert "a slip" not in one.page(path).source
    assert one.ask(one.path(hall, "event", edit)).status == 404
    line = one.room(hall).line(sent)
    assert line.body == "first" and line.part("edits") is None


def test_what_is_no_line_of_its_own_is_none_when_it_is_redacted(one, ann, hall):
    sent = ann.send(hall, "said")
    added = [ann.send(hall, edit_of(sent, "edited")), ann.send(hall, in_thread(sent, "threaded")),
             ann.send(hall, reaction(sent, "+"), "m.reaction")]
    before = one.room(hall).ids
    assert not set(added) & set(before)
    for event in added:
        ann.redact(hall, event)
    assert one.room(hall).ids == before
    line = one.room(hall).line(sent)
    assert line.body == "said" and line.reactions == {} and line.part("thread") is None


def test_a_quote_shows_what_the_quoted_message_says_now(one, ann, hall):
    sent = ann.send(hall, "first")
    answer = ann.send(hall, reply_to(sent))
    assert "first" in one.room(hall).line(answer).said("quote")
    ann.send(hall, edit_of(sent, "second"))
    quote_ = one.room(hall).line(answer).said("quote")
    assert "second" in quote_ and "first" not in quote_


def test_a_threads_summary_shows_what_its_last_answer_says_now(one, ann, hall):
    root = ann.send(hall, "root")
    answer = ann.send(hall, in_thread(root, "first"))
    assert "first" in one.room(hall).line(root).said("thread")
    ann.send(hall, edit_of(answer, "second"))
    assert "second" in one.room(hall).line(root).said("thread")
    assert "first" not in one.room(hall).line(root).said("thread")


SECRET = "regretted word"


def test_what_is_redacted_is_gone_from_everywhere_at_once(one, ann, ben, hall):
    ben.join(hall)
    root = ann.send(hall, "a root")
    sent = ben.send(hall, html(SECRET, f"<b>{SECRET}</b>"))
    answers = [ann.send(hall, reply_to(sent)), ann.send(hall, html(
        f"> <@x> {SECRET}\n\nyes", f"<mx-reply><blockquote>{SECRET}</blockquote></mx-reply>yes",
        **{"m.relates_to": {"m.in_reply_to": {"event_id": sent}}}))]
    edited = ben.send(hall, SECRET)
    edit = ben.send(hall, edit_of(edited, SECRET + " again"))
    threaded = ben.send(hall, in_thread(root, SECRET))
    pages = [one.path(hall), one.path(hall, "event", sent), one.path(hall, "event", answers[1]),
             one.path(hall, "event", edited), one.path(hall, "event", edit),
             one.path(hall, "event", threaded), one.path(hall, "thread", root), one.today(hall)]
    for path in pages:
        assert SECRET in one.page(path).source
    assert len(one.room(hall, "search", q=SECRET).ids) >= 3
    for event in (sent, edited, threaded):
        ben.redact(hall, event)
    for path in pages:
        assert SECRET not in one.page(path).source, path
    for path in pages:
        assert SECRET not in one.page(path, language="fr").source
    assert not {sent, edited, threaded} & set(one.room(hall, "search", q="regretted").ids)
    page = one.room(hall)
    for event in (sent, edited):
        assert page.line(event).body == "This message was deleted."
        assert page.line(event).part("edits") is None
    for answer in answers:
        assert "deleted" in page.line(answer).said("quote") and page.line(answer).body == "yes"
    assert page.line(root).part("thread") is None or "0" in page.line(root).said("thread")


def test_a_redacted_names_and_topics_event_is_told_no_more(one, ann, hall):
    told = [ann.set_state(hall, "m.room.topic", {"topic": SECRET}),
            ann.set_state(hall, "m.room.name", {"name": SECRET})]
    page = one.room(hall)
    assert page.title == SECRET and page.source.count(SECRET) > 4
    for event in told:
        ann.redact(hall, event)
    for path in (one.path(hall), one.path(hall, "event", told[0]), one.today(hall)):
        assert SECRET not in one.page(path).source


def test_a_redacted_reaction_or_vote_counts_no_more(one, ann, ben, hall):
    ben.join(hall)
    sent = ann.send(hall, "hello")
    asked = ann.send(hall, POLL, "m.poll.start")
    reactions = [who.send(hall, reaction(sent, "👍"), "m.reaction") for who in (ann, ben)]
    votes = [who.send(hall, vote(asked, "a"), "m.poll.response") for who in (ann, ben)]
    page = one.room(hall)
    assert page.line(sent).reactions == {"👍": "2"} and page.line(asked).options["Tea"] == 2
    ben.redact(hall, reactions[1])
    ben.redact(hall, votes[1])
    page = one.room(hall)
    assert page.line(sent).reactions == {"👍": "1"}
    assert page.line(asked).options["Tea"] == 1 and "Votes: 1" in page.line(asked).text
    ann.redact(hall, reactions[0])
    assert one.room(hall).line(sent).reactions == {}


# --- reactions, threads, polls ---------------------------------------------------------------


def test_reactions_are_counted_the_most_first(one, ann, hall):
    people = [one.api.register() for _ in range(4)]
    sent = ann.send(hall, "hello")
    for n, who in enumerate(people):
        who.join(hall)
        for key in ["🎉", "👍", "<b>", "mxc://localhost/x"][:n + 1]:
            who.send(hall, reaction(sent, key), "m.reaction")
        who.reply("PUT", who.room(hall, f"/send/m.reaction/{fresh('t')}"), reaction(sent, "🎉"))
    found = one.room(hall).line(sent).reactions
    assert list(found.items())[:3] == [("🎉", "4"), ("👍", "3"), ("<b>", "2")]
    assert "mxc" not in one.room(hall).line(sent).text


def test_a_thread_is_one_line_in_the_room_and_a_page_of_its_own(one, ann, ben, hall):
    ben.join(hall)
    root = ann.send(hall, "a root")
    sent = [(ann, ben)[n % 2].send(hall, in_thread(root, f"answer {n}")) for n in range(230)]
    page = one.room(hall)
    assert not set(sent) & set(page.ids)
    summary = page.line(root).part("thread")
    assert "230" in summary.text and "answer 229" in summary.text
    thread = one.page(summary["href"])
    assert thread.ids[0] == root and thread.line(root).part("thread") is None
    seen, pages = thread.ids[1:], 1
    while thread.rel("next"):
        thread = one.page(thread.rel("next"))
        seen, pages = seen + [e for e in thread.ids if e != root], pages + 1
    assert seen == sent and pages == 3
    edit = ben.send(hall, edit_of(sent[1], "changed"))
    ben.send(hall, reaction(sent[1], "+"), "m.reaction")
    line = one.room(hall, "thread", root).line(sent[1])
    assert (line.body, line.reactions) == ("changed", {"+": "1"})
    assert edit not in one.room(hall, "thread", root).ids


def test_a_message_without_a_thread_has_a_page_as_one(one, ann, hall):
    sent = ann.send(hall, "alone")
    assert one.room(hall, "thread", sent).ids == [sent]


def test_of_everybody_the_last_vote_counts_and_none_behind_the_end(one, ann, ben, hall):
    cat = one.api.register()
    for who in (ben, cat):
        who.join(hall)
    asked = ann.send(hall, POLL, "m.poll.start")

    def now():
        return one.room(hall).line(asked)

    assert now().options == {"Tea": 0, "Coffee": 0} and "What to drink?" in now().text
    for who, choice in ((ann, "a"), (ben, "a"), (cat, "b")):
        who.send(hall, vote(asked, choice), "m.poll.response")
    assert now().options == {"Tea": 2, "Coffee": 1}
    ben.send(hall, vote(asked, "b"), "m.poll.response")
    ben.send(hall, vote(asked, "b", "a"), "m.poll.response")  # one choice alone is allowed
    assert now().options == {"Tea": 1, "Coffee": 2} and "Votes: 3" in now().text
    cat.send(hall, end(asked), "m.poll.end")  # who may not
    ben.send(hall, vote(asked, "a"), "m.poll.response")
    assert now().options == {"Tea": 2, "Coffee": 1} and "Final" not in now().text
    ann.send(hall, end(asked), "m.poll.end")
    ben.send(hall, vote(asked, "b"), "m.poll.response")
    assert now().options == {"Tea": 2, "Coffee": 1} and "Final result" in now().text


def test_a_poll_that_hides_its_votes_tells_them_in_the_end(one, ann, ben, hall):
    ben.join(hall)
    asked = ann.send(hall, OLD_POLL, "org.matrix.msc3381.poll.start")
    for who, choices in ((ann, ["a", "c", "b"]), (ben, ["c", "c"])):
        who.send(hall, {"org.matrix.msc3381.poll.response": {"answers": choices},
                        "m.relates_to": vote(asked)["m.relates_to"]},
                 "org.matrix.msc3381.poll.response")
    line = one.room(hall).line(asked)
    assert line.options == {"Bread": None, "Rice": None, "Soup": None}
    assert "share-" not in line.html()
    ann.send(hall, end(asked), "org.matrix.msc3381.poll.end")
    assert one.room(hall).line(asked).options == {"Bread": 1, "Rice": 0, "Soup": 2}


def test_a_moderator_ends_a_poll_of_somebody_else(one, ann, ben, hall):
    """Who may redact its start may end it (MSC3381)."""
    ben.join(hall)
    asked = ben.send(hall, POLL, "m.poll.start")
    ann.send(hall, end(asked), "m.poll.end")
    assert "Final result" in one.room(hall).line(asked).text


# --- search -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def library(one):
    ann = one.api.register()
    room = ann.public_room(name="Library")
    said = {}
    for words in ("The Quick brown fox", "a quick answer", "Straße nach Süden", "привет мир",
                  "庭の朝顔が咲いた", "مساء الخير", "tomato 🍅 soup", "100% <b>bold</b> & \"quoted\"",
                  "ÉTÉ à la plage"):
        said[words] = ann.send(room, words)
    ann.send(room, "a quick thing", kind="org.example.not_a_message")
    ann.set_state(room, "m.room.topic", {"topic": "quick topics"})
    said["in a thread, quick"] = ann.send(room, in_thread(said["a quick answer"],
                                                          "in a thread, quick"))
    return room, said


@pytest.mark.parametrize("term, found", [
    ("fox", ["The Quick brown fox"]), ("QUICK", ["in a thread, quick", "a quick answer",
                                                  "The Quick brown fox"]),
    ("brown quick", ["The Quick brown fox"]), ("  fox  ", ["The Quick brown fox"]),
    ("quick nothing", []), ("süden", ["Straße nach Süden"]), ("SÜDEN", ["Straße nach Süden"]),
    ("ПРИВЕТ", ["привет мир"]), ("朝顔", ["庭の朝顔が咲いた"]), ("الخير", ["مساء الخير"]),
    ("🍅", ["tomato 🍅 soup"]), ("<b>bold</b>", ["100% <b>bold</b> & \"quoted\""]),
    ("100%", ["100% <b>bold</b> & \"quoted\""]), ("été", ["ÉTÉ à la plage"]), ("%", [
        "100% <b>bold</b> & \"quoted\""]), ("_", []), ("\"quoted\"", [
            "100% <b>bold</b> & \"quoted\""])])
def test_a_search_finds_messages_in_which_all_the_words_stand(one, library, term, found):
    room, said = library
    page = one.room(room, "search", q=term)
    assert page.ids == [said[words] for words in found]
    assert page.root.one("input")["value"] == term
    assert term.strip() in page.text
    if not found:
        assert "Nothing was found" in page.text


def test_a_search_for_nothing_is_a_page_with_the_form(one, library):
    for query in ("", "?q=", "?q=+++"):
        page = one.page(one.path(library[0], "search") + query)
        assert page.ids == [] and page.root.has("form")


def test_the_form_leads_to_the_search(one, library):
    form = one.room(library[0]).root.one("form")
    assert form["method"] == "get" and form.one("input")["name"] == "q"
    assert one.page(form["action"] + "?q=fox").ids == [library[1]["The Quick brown fox"]]


def test_a_search_goes_on_further_back(one, ann):
    room = ann.public_room()
    sent = [ann.send(room, f"needle {n}" if n % 2 else f"hay {n}") for n in range(250)][1::2]
    found, path = [], one.path(room, "search", q="needle")
    pages = 0
    while path:
        page = one.page(path)
        assert len(page.ids) <= 50 and page.root.one("input")["value"] == "needle"
        found += page.ids
        pages += 1
        path = next((e["href"] for e in page.root.all("a[rel]") if e["rel"] == "next"), None)
    assert found == sent[::-1] and pages >= 3


def test_a_search_finds_what_a_message_says_now(one, ann, hall):
    sent = ann.send(hall, "saterday")
    ann.send(hall, edit_of(sent, "saturday"))
    assert one.room(hall, "search", q="saturday").ids == [sent]


# --- pictures and files --------------------------------------------------------------------------


def test_a_picture_is_shown_as_a_thumbnail_and_is_to_be_had_whole(one, ann, hall):
    data = landscape()
    sent = ann.send(hall, picture(upload(ann, data, "image/png", "hill.png"), info={
        "w": 1200, "h": 720, "thumbnail_url": upload(ann, face("red"), "image/png", "t.png")}))
    content = one.room(hall).line(sent).content
    small = one.ask(content.one("img")["src"])
    assert small.status == 200 and size_of(small.body) == (800, 480)
    assert small.headers["content-type"] in ("image/png", "image/jpeg")
    whole = one.ask(content.one("a")["href"])
    assert whole.body == data
    for got in (small, whole):
        assert got.headers["cache-control"] == "public, max-age=10, must-revalidate"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
        assert got.headers["x-robots-tag"] == "noindex" and "set-cookie" not in got.headers
        etag = got.headers["etag"]
    assert one.ask(content.one("a")["href"], If_None_Match=etag).status == 304
    assert one.ask(one.path(hall, "media", sent, "poster")).status == 200
    part = one.ask(content.one("a")["href"], Range="bytes=0-9")
    assert (part.status, part.body) == (206, data[:10])


@pytest.mark.parametrize("kind, name", [
    ("text/html", "page.html"), ("image/svg+xml", "drawing.svg"), ("text/javascript", "code.js"),
    ("application/xhtml+xml", "page.xhtml"), ("application/pdf", "a.pdf"), ("text/xml", "a.xml")])
def test_an_upload_that_could_run_is_a_download_in_a_sandbox(one, ann, hall, kind, name):
    mxc = upload(ann, b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
                 kind, name)
    sent = ann.send(hall, {"msgtype": "m.file", "body": name, "url": mxc})
    for what in ("file", "thumb", "face"):
        got = one.ask(one.path(hall, "media", sent, what))
        assert what == "file" or got.status >= 400
        if got.status == 200:
            assert got.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in got.headers["content-security-policy"]
            assert got.headers["x-content-type-options"] == "nosniff"
        else:
            assert not got.headers["content-type"].startswith("image/svg")


def test_a_drawing_as_a_face_is_not_one_and_does_no_harm(one, ann, hall):
    mxc = upload(ann, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
                 "image/svg+xml", "face.svg")
    ann.put(f"/profile/{ann.user_id}/avatar_url", {"avatar_url": mxc})
    ann.set_state(hall, "m.room.avatar", {"url": mxc})
    sent = ann.send(hall, "hello")
    for address in {e["src"] for e in one.room(hall).root.all("img") if "/media/" in e["src"]}:
        got = one.ask(address)
        assert got.status >= 400 and b"svg xmlns" not in got.body
    assert one.room(hall).line(sent).body == "hello"


@pytest.mark.parametrize("what", [
    "nothing", "", "%2e%2e", "picture-", "picture-1", "picture-x", "picture--1", "poster",
    "picture-99999999999999999999", "FILE", "file.png", "url", "thumbnail"])
def test_what_an_event_does_not_name_is_not_handed_out(one, ann, hall, what):
    sent = ann.send(hall, picture(upload(ann, face("red"), "image/png", "a.png")))
    got = one.ask(one.path(hall, "media", sent) + "/" + what)
    assert got.status == 404


def test_only_mxc_of_this_server_is_ever_looked_for(one, ann, hall):
    own = upload(ann, face("red"), "image/png", "a.png").rsplit("/", 1)[1]
    for url in ("mxc://other.example/abc", "https://other.example/a.png", "mxc://localhost",
                "mxc:///x", "mxc://localhost/../x", f"mxc://LOCALHOST/{own}", "file:///etc/passwd",
                "mxc://127.0.0.1:1/x", f"mxc://localhost/{own}/x", f"mxc://localhost/{own}?x",
                "mxc://localhost/", ""):
        sent = ann.send(hall, picture(url))
        for what in ("file", "thumb", "face"):
            assert one.ask(one.path(hall, "media", sent, what)).status == 404, url


def test_a_picture_goes_with_the_message_that_named_it(one, ann, hall):
    mxc = upload(ann, landscape(), "image/png", "a.png")
    sent = ann.send(hall, picture(mxc))
    inner = ann.send(hall, html("x", f"<img src='{mxc}'>"))
    paths = [one.path(hall, "media", sent, "file"), one.path(hall, "media", sent, "thumb"),
             one.path(hall, "media", inner, "picture-0")]
    for path in paths:
        etag = one.ask(path).headers["etag"]
        assert one.ask(path, If_None_Match=etag).status == 304
    for event in (sent, inner):
        ann.redact(hall, event)
    for path in paths:
        one.gone(path)
        assert one.ask(path, If_None_Match=etag).status == 404
        assert one.ask(path, If_None_Match="*").status == 404
        assert one.ask(path, Range="bytes=0-9").status == 404
    other = ann.send(hall, picture(mxc))
    assert one.ask(one.path(hall, "media", other, "file")).status == 200


def test_the_picture_of_an_edit_goes_with_the_message(one, ann, hall):
    mxcs = [upload(ann, face(c), "image/png", "a.png") for c in ("red", "blue")]
    sent = ann.send(hall, picture(mxcs[0]))
    edit = ann.send(hall, {**picture(mxcs[1]), "m.new_content": picture(mxcs[1]),
                           "m.relates_to": {"rel_type": "m.replace", "event_id": sent}})
    address = one.room(hall).line(sent).content.one("a")["href"]
    assert one.ask(address).body == face("blue")
    ann.redact(hall, sent)
    assert one.ask(address).status == 404
    assert one.ask(one.path(hall, "media", edit, "file")).status == 404
    assert one.ask(one.path(hall, "media", sent, "file")).status == 404


def test_a_face_goes_with_a_redaction(one, ann, hall):
    mxc = upload(ann, face("red"), "image/png", "a.png")
    named = ann.set_state(hall, "m.room.avatar", {"url": mxc})
    address = one.room(hall).face
    assert one.ask(address).status == 200
    ann.redact(hall, named)
    assert one.ask(address).status == 404
    assert one.room(hall).face is None


def test_what_is_quarantined_is_not_handed_out_and_comes_back_with_its_release(viewer):
    one = viewer()
    ann = one.api.register()
    room = ann.public_room()
    mxc = upload(ann, landscape(), "image/png", "a.png")
    ann.put(f"/profile/{ann.user_id}/avatar_url", {"avatar_url": mxc})
    sent = ann.send(room, picture(mxc))
    until(lambda: one.room(room).line(sent).face)
    paths = [one.path(room, "media", sent, "file"), one.path(room, "media", sent, "thumb"),
             one.room(room).line(sent).face]
    for _ in range(3):
        assert {one.ask(path).status for path in paths} == {200}
    one.operator("media", "quarantine", mxc)
    assert {one.ask(path).status for path in paths} == {404}
    assert {one.ask(path, If_None_Match="*").status for path in paths} == {404}
    one.room(room)
    one.operator("media", "quarantine", "--release", mxc)
    assert {one.ask(path).status for path in paths} == {200}
    one.operator("media", "delete", mxc)
    assert {one.ask(path).status for path in paths} == {404}


def test_a_picture_of_a_room_that_closes_is_gone_with_it(one, ann, hall):
    mxc = upload(ann, face("red"), "image/png", "a.png")
    ann.set_state(hall, "m.room.avatar", {"url": mxc})
    sent = ann.send(hall, picture(mxc))
    paths = [one.path(hall, "media", sent, "file"), one.room(hall).face]
    assert {one.ask(path).status for path in paths} == {200}
    ann.visibility(hall, "joined")
    assert {one.ask(path).status for path in paths} == {404}
    behind = ann.send(hall, picture(mxc))
    ann.visibility(hall, "world_readable")
    assert {one.ask(path).status for path in paths} == {200}
    one.gone(one.path(hall, "media", behind, "file"))


def test_a_face_that_was_set_before_a_room_opened_is_shown_as_the_rooms_own(one, ann):
    room = ann.public_room(visibility="shared")
    mxc = upload(ann, face("red"), "image/png", "a.png")
    old = ann.set_state(room, "m.room.avatar", {"url": mxc})
    ann.visibility(room, "world_readable")
    address = one.room(room).face
    assert one.ask(address).status == 200
    ann.set_state(room, "m.room.avatar", {"url": upload(ann, face("blue"), "image/png", "b.png")})
    assert one.ask(one.path(room, "media", old, "face")).status == 404
