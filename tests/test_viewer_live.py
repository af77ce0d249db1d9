"""The stream of a room's page: GET /rooms/{room}/live, from a page's position on.

What it tells is lines, as the page has them: a test that does many things at random folds
the one over the other and finds a page asked for afterwards. See doc/viewer.md.
"""

import os
import random
import re
import threading

import pytest

from lib.client import fresh, in_threads
from lib.http import Raw
from lib.page import LANGUAGES, Watch, fold, open_viewer, until
from lib.said import POLL, edit_of, end, html, in_thread, picture, reaction, reply_to, vote
from lib.server import Server
from test_viewer import BASE

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")

WATCHERS = 200
SEED = int(os.environ.get("VIEWER_SEED", "7"))
ACTIONS = int(os.environ.get("VIEWER_ACTIONS", "300"))


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("viewer-live"))
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


@pytest.fixture
def viewer(private):
    def start(**settings):
        return open_viewer(private(running=False), BASE, **settings)

    return start


# --- hearing -----------------------------------------------------------------------


def test_what_is_said_comes_as_a_line_of_the_page(one, ann, hall):
    page = one.room(hall)
    with one.watch(page) as watch:
        assert watch.opening() == page.live[1]
        assert watch.headers["content-type"] == "text/event-stream"
        assert watch.headers["cache-control"] == "no-store" and watch.retry == 2000
        assert "set-cookie" not in watch.headers
        for n in range(5):
            sent = ann.send(hall, f"word {n}\nand more")
            told = watch.until_line(sent)[-1].line
            assert told.body == f"word {n} and more"
            assert told.html() == one.room(hall).line(sent).html()


def test_nothing_is_missed_between_a_page_and_its_stream(one, ann, hall):
    for n in range(40):
        page = one.room(hall)
        sent = [ann.send(hall, f"{n} {m}") for m in range(n % 3)]
        with one.watch(page) as watch:
            sent.append(ann.send(hall, f"{n} live"))
            heard = watch.until_line(sent[-1])
        assert [e.line.id for e in heard if e.kind == "line"] == sent
        assert not set(sent) & set(page.ids)


def test_a_page_and_its_stream_agree_while_somebody_speaks_without_a_pause(one, ann, hall):
    over = threading.Event()
    sent = []

    def speak():
        while not over.is_set():
            sent.append(ann.send(hall, f"word {len(sent)}"))
        return True

    def look():
        try:
            for _ in range(25):
                page = one.room(hall)
                with one.watch(page) as watch:
                    watch.begin()
                    heard = []
                    while len(heard) < 3:
                        heard += [e.line.id for e in watch.until_told() if e.kind == "line"]
                yield page.ids, heard
        finally:
            over.set()

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        found = list(look())
    finally:
        over.set()
        speaker.join()
    for before, heard in found:
        ids = [e for e in before if e in set(sent)] + heard
        first = sent.index(ids[0])
        assert ids == sent[first:first + len(ids)]


def test_whoever_comes_back_goes_on_where_they_stood(one, ann, hall):
    with one.watch(one.room(hall)) as watch:
        watch.opening()
        first = ann.send(hall, "first")
        assert [e.line.id for e in watch.until_told()] == [first]
        position = watch.last_id
        second = ann.send(hall, "second")
        with Watch(one, watch.address, from_="nonsense", last_id=position) as again:
            assert [e.line.id for e in again.until_told()] == [second]


def test_every_position_goes_on_right_behind_what_was_told(one, ann, hall):
    with one.watch(one.room(hall)) as watch:
        watch.opening()
        sent, positions = [], []
        for n in range(6):
            sent.append(ann.send(hall, f"word {n}"))
            assert [e.line.id for e in watch.until_told()] == [sent[-1]]
            positions.append(watch.last_id)
    assert len(set(positions)) == 6
    for n, position in enumerate(positions[:-1]):
        with Watch(one, watch.address, last_id=position) as again:
            heard = []
            while len(heard) < 5 - n:
                heard += [e.line.id for e in again.until_told()]
            assert heard == sent[n + 1:]


def test_the_id_of_the_room_and_its_alias_lead_to_the_same_stream(one, ann):
    alias = fresh("heard")
    room = ann.public_room(room_alias_name=alias)
    position = one.room(room).live[1]
    sent = ann.send(room, "hello")
    for name in (room, f"%23{alias}:localhost", f"{alias}:localhost"):
        with Watch(one, f"/rooms/{name}/live", from_=position) as watch:
            assert [e.line.id for e in watch.until_told()] == [sent]


def test_events_of_other_rooms_are_not_heard(one, ann, ben, hall):
    other, secret = ann.public_room(), ann.create_room()
    with one.watch(one.room(hall)) as watch:
        watch.opening()
        for room in (other, secret, other):
            ann.send(room, "elsewhere")
        ben.join(other)
        ann.send(other, reply_to(ann.send(hall, "here"), "elsewhere"))
        last = ann.send(hall, "last")
        heard = watch.until_line(last)
        assert "elsewhere" not in "".join(e.data for e in heard)
        assert [e.line.body for e in heard if e.line] == ["here", "last"]


def test_a_message_is_told_to_each_in_their_language(one, ann, ben, hall):
    page = one.room(hall)
    streams = {language: one.watch(one.room(hall, language=language)) for language in LANGUAGES}
    by_header = Watch(one, one.path(hall, "live"), from_=page.live[1], language="de-AT")
    for stream in (*streams.values(), by_header):
        stream.opening()
    ben.join(hall)
    words = {"en": "joined", "de": "beigetreten", "fr": "rejoint", "es": "unió", "ja": "参加",
             "ar": "انضم"}
    for language, stream in streams.items():
        told, = [event for event in stream.until_told() if event.kind == "line"]
        assert words[language] in told.line.text and "moved" in told.line.element.classes
        stream.close()
    assert "beigetreten" in "".join(event.data for event in by_header.until_told())
    by_header.close()


def test_a_packed_stream_says_the_same(one, ann, hall):
    page = one.room(hall)
    with one.watch(page, gzip=True) as packed, one.watch(page) as plain:
        packed.opening(), plain.opening()
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        for n in range(20):
            sent = ann.send(hall, f"{n} " + "many words " * 100)
            a, b = packed.until_line(sent)[-1], plain.until_line(sent)[-1]
            assert a.data == b.data
        position = packed.last_id
    sent = ann.send(hall, "behind a new header")
    with Watch(one, packed.address, last_id=position, gzip=True) as packed:
        packed.until_line(sent)


@pytest.mark.parametrize("words", [
    "a\n\nevent: closed\ndata: x\n\n", "a\r\revent: closed\rdata: x\r\r", "a\r\n\r\nid: x\r\n\r\n",
    "\n\n\n", "\r", "data: x", ": x", "a\u2028\u2028event: closed", "a\x0b\x0c\x85b", "\0",
    "\ufeff"])
def test_no_text_breaks_out_of_its_line(one, ann, hall, words):
    with one.watch(one.room(hall)) as watch:
        watch.opening()
        position = watch.last_id
        sent = [ann.send(hall, words), ann.send(hall, html(words, f"<pre>{words}</pre>")),
                ann.send(hall, picture("mxc://localhost/x", body=words)),
                ann.set_state(hall, "m.room.topic", {"topic": words}),
                ann.send(hall, "{}", kind="org.example." + words.strip("\0"))]
        sent.append(ann.send(hall, "last"))
        heard = watch.until_line(sent[-1])
        assert {event.kind for event in heard} <= {"line", "told"}
        assert [event.line.id for event in heard if event.line] == sent
        page = one.room(hall)
        for event in heard:
            if event.line:
                assert event.line.html() == page.line(event.line.id).html()
        assert watch.last_id != position and re.fullmatch(r"s1_e\d+", watch.last_id)


def test_head_of_a_stream_ends_by_itself(one, hall):
    address, position = one.room(hall).live
    with Raw(one.http.host, one.http.port, within_s=5) as raw:
        raw.say(f"HEAD {one.local(address)}&from={position} HTTP/1.1\r\nHost: x\r\n\r\n"
                "GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.answer(is_head=True).status in (200, 405)
        got = raw.answer()
        assert got.status == 200 and got.body.startswith(b"User-agent")


# --- what changes --------------------------------------------------------------------


@pytest.fixture
def watched(one, ann, ben, hall):
    """(a message, its stream): ann's, which ben has answered."""
    ben.join(hall)
    sent = ann.send(hall, "first")
    answer = ben.send(hall, reply_to(sent))
    with one.watch(one.room(hall)) as watch:
        watch.opening()
        yield sent, answer, watch


def up_to_now(watch, who, room):
    """All that is told of what was up to now."""
    heard = watch.until_line(who.send(room, "mark"))
    if not any(event.kind == "told" for event in watch.events):
        heard += watch.until_told()
    heard += watch.events
    watch.events.clear()
    return heard


def changes(watch, who, room):
    """The lines that have changed up to now, by their ids, as they were told last."""
    return {event.line.id: event.line for event in up_to_now(watch, who, room)
            if event.kind == "change"}


def test_an_edit_changes_its_line(one, ann, hall, watched):
    sent, answer, watch = watched
    ann.send(hall, edit_of(sent, "second"))
    line = changes(watch, ann, hall)[sent]
    assert line.body == "second" and line.versions == ["first"]


def test_an_edit_changes_the_quotes_of_it(one, ann, hall, watched):
    sent, answer, watch = watched
    ann.send(hall, edit_of(sent, "second"))
    assert "second" in changes(watch, ann, hall)[answer].said("quote")


def test_a_redacted_edit_changes_its_line_back(one, ann, hall, watched):
    sent, answer, watch = watched
    edit = ann.send(hall, edit_of(sent, "a slip"))
    assert changes(watch, ann, hall)[sent].body == "a slip"
    ann.redact(hall, edit)
    line = changes(watch, ann, hall)[sent]
    assert line.body == "first" and "a slip" not in line.html()


def test_a_redaction_changes_its_line_and_the_quotes_of_it(one, ann, hall, watched):
    sent, answer, watch = watched
    ann.redact(hall, sent)
    found = changes(watch, ann, hall)
    assert found[sent].body == "This message was deleted."
    assert "deleted" in found[answer].said("quote")
    assert "first" not in "".join(line.html() for line in found.values())


def test_reactions_change_their_line(one, ann, ben, hall, watched):
    sent, answer, watch = watched
    sent_by = [who.send(hall, reaction(sent, "👍"), "m.reaction") for who in (ann, ben)]
    assert changes(watch, ann, hall)[sent].reactions == {"👍": "2"}
    ann.redact(hall, sent_by[0])
    assert changes(watch, ann, hall)[sent].reactions == {"👍": "1"}
    ben.redact(hall, sent_by[1])
    assert changes(watch, ann, hall)[sent].reactions == {}


def test_answers_in_a_thread_change_the_line_of_its_root(one, ann, ben, hall, watched):
    sent, answer, watch = watched
    threaded = [ben.send(hall, in_thread(sent, f"in the thread {n}")) for n in range(2)]
    assert "in the thread 1" in changes(watch, ann, hall)[sent].said("thread")
    ben.redact(hall, threaded[1])
    assert "in the thread 0" in changes(watch, ann, hall)[sent].said("thread")
    ben.redact(hall, threaded[0])
    assert "in the thread" not in changes(watch, ann, hall)[sent].html()


def test_an_edit_of_a_threads_last_answer_changes_the_line_of_its_root(
        one, ann, ben, hall, watched):
    sent, answer, watch = watched
    threaded = ben.send(hall, in_thread(sent, "in the thread"))
    ben.send(hall, edit_of(threaded, "anew"))
    assert "anew" in changes(watch, ann, hall)[sent].said("thread")


def test_votes_and_the_end_change_a_poll(one, ann, ben, hall, watched):
    _, _, watch = watched
    asked = ann.send(hall, POLL, "m.poll.start")
    watch.until_line(asked)
    ballot = ben.send(hall, vote(asked, "a"), "m.poll.response")
    watch.until_line(asked, "change")
    ann.send(hall, vote(asked, "b"), "m.poll.response")
    assert watch.until_line(asked, "change")[-1].line.options == {"Tea": 1, "Coffee": 1}
    ben.redact(hall, ballot)
    assert watch.until_line(asked, "change")[-1].line.options == {"Tea": 0, "Coffee": 1}
    ann.send(hall, end(asked), "m.poll.end")
    assert "Final result" in watch.until_line(asked, "change")[-1].line.text


def test_a_new_name_is_told_of_what_was_said_before(one, ann, hall, watched):
    sent, answer, watch = watched
    watch.raw.sock.settimeout(5)
    ann.put(f"/profile/{ann.user_id}/displayname", {"displayname": "Annabel"})
    lines = {}
    while sent not in lines:
        for event in watch.until_told():
            fold(lines, event)
            if event.line.id == sent:
                lines[sent] = event.line.name
        assert watch.ended is None
    assert lines[sent] == "Annabel"


# --- who may not ------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?from=", "?from=nonsense", "?from=0", "?from=s1_e",
                                   "?from=" + "9" * 40, "?from=s1_e1_t1", "?from=-1"])
def test_a_position_that_is_none_is_400(one, hall, query):
    page = one.page(one.path(hall, "live") + query, 400)
    assert page.headers["cache-control"] == "no-store"


def test_a_last_event_id_that_is_none_is_400(one, hall):
    address, position = one.room(hall).live
    with Watch(one, address, from_=position, last_id="nonsense") as watch:
        assert watch.answer().status == 400


def test_a_room_that_is_not_open_has_no_stream(one, ann, hall):
    position = one.room(hall).live[1]
    for room in (ann.public_room(visibility="shared"), ann.create_room(), "!none:localhost"):
        one.gone(one.path(room, "live") + "?from=" + position)
    ann.set_state(hall, "org.parlour.viewer", {"show": False})
    one.gone(one.path(hall, "live") + "?from=" + position)


def test_a_position_far_behind_is_told_to_read_the_page_again(one, ann, ben, hall):
    page = one.room(hall)
    for n in range(299):
        ann.send(hall, str(n))
    with one.watch(page) as watch:
        assert len(watch.until_told()) == 299
    for n in range(3):
        ann.send(hall, str(n))
    with one.watch(page) as watch:
        assert [e.kind for e in watch.rest()] == ["again"] and watch.ended == "end"
    with one.watch(one.room(hall)) as watch:
        sent = ann.send(hall, "now")
        assert [e.line.id for e in watch.until_told()] == [sent]


# --- closing ----------------------------------------------------------------------------


def shut(one, ann, room, how):
    if how == "visibility":
        ann.visibility(room, "shared")
    elif how == "wish":
        ann.set_state(room, "org.parlour.viewer", {"show": False})
    else:
        one.operator("room", "hide", room)


def unlock(one, ann, room, how):
    if how == "visibility":
        ann.visibility(room, "world_readable")
    elif how == "wish":
        ann.set_state(room, "org.parlour.viewer", {"show": True})
    else:
        one.operator("room", "show", room)


@pytest.mark.parametrize("how", ["visibility", "wish", "operator"])
def test_whoever_watches_a_room_that_closes_is_told_so_and_nothing_more(one, ann, hall, how):
    page = one.room(hall)
    streams = [one.watch(page), one.watch(page, gzip=True),
               one.watch(one.room(hall, language="ja"))]
    for stream in streams:
        stream.opening()
    said = ann.send(hall, "open")
    for stream in streams:
        stream.until_line(said)
    shut(one, ann, hall, how)
    for stream in streams:
        assert [e.kind for e in stream.rest() if e.kind != "told"] == ["closed"]
        assert stream.ended == "end"
        with stream.again() as again:
            assert again.answer().status == 404
    ann.send(hall, "behind closed doors")
    unlock(one, ann, hall, how)
    last = ann.send(hall, "open again")
    for stream in streams:
        with stream.again() as again:
            heard = again.until_line(last)
            if how == "visibility":
                assert "behind closed doors" not in "".join(e.data for e in heard)
        stream.close()


@pytest.mark.parametrize("how", ["visibility", "wish"])
def test_nothing_that_follows_the_closing_is_told_however_fast_it_comes(one, ann, ben, hall, how):
    ben.join(hall)
    for n in range(25):
        page = one.room(hall)
        streams = [one.watch(page, gzip=n % 2 == 0) for _ in range(3)]
        for stream in streams:
            stream.opening()
        jobs = [lambda: [ben.send(hall, f"open? {n} {m}") for m in range(3)],
                lambda: (ann.send(hall, f"open {n}"), shut(one, ann, hall, how),
                         ann.send(hall, f"SECRET {n}"))]
        in_threads(jobs)
        for stream in streams:
            heard = stream.rest()
            assert heard[-1].kind == "closed" and stream.ended == "end"
            assert "SECRET" not in "".join(e.data for e in heard)
            stream.close()
        unlock(one, ann, hall, how)
        if how == "visibility":
            assert "SECRET" not in one.room(hall).source


def test_an_operator_ends_streams_at_once_though_nobody_speaks(viewer):
    one = viewer()
    ann = one.api.register()
    rooms = [ann.public_room() for _ in range(2)]
    streams = [one.watch(one.room(room)) for room in rooms for _ in range(5)]
    for stream in streams:
        stream.opening()
    one.operator("room", "hide", rooms[0])
    for stream in streams[:5]:
        assert [e.kind for e in stream.rest()] == ["closed"] and stream.ended == "end"
    sent = ann.send(rooms[1], "here one is still heard")
    for stream in streams[5:]:
        stream.until_line(sent)
    for stream in streams:
        stream.close()


# --- many, and an end ---------------------------------------------------------------------


def test_a_crowd_hears_each_event_once_and_each_is_made_once(viewer):
    one = viewer(http={"io_threads": 4})
    ann = one.api.register()
    room = ann.public_room()
    page = one.room(room)
    streams = [one.watch(page, gzip=n % 3 == 0) for n in range(WATCHERS)]
    for stream in streams:
        stream.opening()
    before = one.server.metrics()["parlour_page_lines_total"]
    sent = [ann.send(room, f"word {n}") for n in range(30)]
    for stream in streams:
        heard = [e.line.id for e in stream.until_line(sent[-1]) if e.kind == "line"]
        assert heard == sent
        stream.close()
    assert one.server.metrics()["parlour_page_lines_total"] - before == len(sent)


def test_those_who_stand_at_different_places_all_hear_the_rest(one, ann, hall):
    streams, sent = [], []
    for n in range(20):
        streams.append((one.watch(one.room(hall), gzip=n % 2 == 0), len(sent)))
        sent.append(ann.send(hall, f"word {n}"))
    for stream, at in streams:
        heard = [e.line.id for e in stream.until_line(sent[-1]) if e.kind == "line"]
        assert heard == sent[at:]
        stream.close()


def test_a_stop_ends_streams_and_their_positions_hold(viewer):
    one = viewer()
    ann = one.api.register()
    room = ann.public_room()
    page = one.room(room)
    streams = [one.watch(page, gzip=n % 2 == 0) for n in range(10)]
    for stream in streams:
        stream.opening()
    sent = ann.send(room, "before")
    for stream in streams:
        stream.until_line(sent)
        if not any(e.kind == "told" for e in stream.events):
            stream.until_told()
    one.server.stop()
    for stream in streams:
        assert [e.kind for e in stream.rest() if e.kind != "told"] == [] and stream.ended == "end"
        stream.close()
    one.server.start()
    sent = ann.send(room, "after")
    for stream in streams:
        with stream.again() as again:
            assert [e.line.id for e in again.until_told()] == [sent]


def test_a_page_from_before_a_restart_misses_nothing(viewer):
    one = viewer()
    ann = one.api.register()
    room = ann.public_room()
    page = one.room(room)
    sent = [ann.send(room, "before")]
    one.server.restart()
    sent.append(ann.send(room, "after"))
    with one.watch(page) as watch:
        heard = []
        while len(heard) < 2:
            heard += [e.line.id for e in watch.until_told()]
        assert heard == sent


def test_those_who_go_away_are_forgotten(viewer):
    one = viewer()
    room = one.api.register().public_room()
    streams = [one.watch(one.room(room)) for _ in range(20)]
    for stream in streams:
        stream.opening()
    until(lambda: one.server.metrics()["parlour_page_watchers"] == 20)
    for stream in streams:
        stream.close()
    until(lambda: one.server.metrics()["parlour_page_watchers"] == 0)


# --- a model ------------------------------------------------------------------------------


class Play:
    """People who do whatever they may, at random but for the seed."""

    def __init__(self, one, seed, names):
        self.one, self.random = one, random.Random(seed)
        self.people = [one.api.register() for _ in range(4)]
        self.host = self.people[0]
        self.room = self.host.public_room(name="A play")
        for who in self.people[1:]:
            who.join(self.room)
        self.said, self.polls, self.count = [], [], 0
        self.added, self.threaded = [], []
        self.members = set(range(4))
        acts = [self.speak] * 8 + [self.answer] * 3 + [self.edit] * 4 + [self.redact] * 2 + [
            self.react] * 4 + [self.thread] * 3 + [self.ask, self.vote, self.vote, self.come,
                                                  self.state, self.picture]
        self.acts = acts + [self.name] * 2 * names

    def words(self):
        self.count += 1
        return f"words {self.count}"

    def who(self):
        return self.random.choice([self.people[n] for n in sorted(self.members)])

    def target(self):
        return self.random.choice(self.said[-25:])

    def step(self):
        self.random.choice(self.acts)()

    def keep(self, who, event):
        self.said.append((who, event))

    def speak(self):
        who = self.who()
        self.keep(who, who.send(self.room, self.words()))

    def picture(self):
        who = self.who()
        self.keep(who, who.send(self.room, picture("mxc://localhost/none", body=self.words())))

    def answer(self):
        if self.said:
            who = self.who()
            self.keep(who, who.send(self.room, reply_to(self.target()[1], self.words())))

    def edit(self):
        own = [(w, e) for w, e in self.said[-20:] + self.threaded[-5:]
               if self.people.index(w) in self.members]
        if own:
            who, event = self.random.choice(own)
            self.added.append(who.send(self.room, edit_of(event, self.words())))

    def redact(self):
        if self.said:
            event = self.random.choice([self.target()[1], *self.added[-10:]])
            self.host.redact(self.room, event)

    def react(self):
        if self.said:
            who = self.who()
            got = who.reply("PUT", who.room(self.room, f"/send/m.reaction/{fresh('t')}"),
                            reaction(self.target()[1], self.random.choice("👍🎉😀")))
            if got.status == 200:  # nobody says the same twice
                self.added.append(got.json()["event_id"])

    def thread(self):
        if self.said:
            who = self.who()
            root = self.random.choice(self.said[-25:])[1]
            got = who.reply("PUT", who.room(self.room, f"/send/m.room.message/{fresh('t')}"),
                            in_thread(root, self.words()))
            if got.status == 200:
                self.added.append(got.json()["event_id"])
                self.threaded.append((who, self.added[-1]))

    def ask(self):
        who = self.who()
        self.polls.append((who, who.send(self.room, POLL, "m.poll.start")))
        self.keep(*self.polls[-1])

    def vote(self):
        if self.polls:
            who, (owner, asked) = self.who(), self.random.choice(self.polls[-3:])
            if self.random.random() < 0.1:
                if self.people.index(owner) in self.members:
                    owner.send(self.room, end(asked), "m.poll.end")
            else:
                self.added.append(who.send(self.room, vote(asked, self.random.choice("ab")),
                                           "m.poll.response"))

    def come(self):
        at = self.random.randrange(1, 4)
        who = self.people[at]
        (who.leave if at in self.members else who.join)(self.room)
        self.members ^= {at}

    def state(self):
        kind, field = self.random.choice([("m.room.topic", "topic"), ("m.room.name", "name"),
                                          ("org.example.state", "x")])
        self.host.set_state(self.room, kind, {field: self.words()})

    def name(self):
        who = self.who()
        name = self.words()
        who.put(f"/profile/{who.user_id}/displayname", {"displayname": name})
        until(lambda: self.host.state(self.room, "m.room.member", who.user_id)["displayname"]
              == name)


def lines_of(page):
    return {line.id: line.html() for line in page.lines}


def check_same(folded, page):
    """All lines of the page are what a script that watched has."""
    for line in page.lines:
        assert folded.get(line.id) == line.html(), f"{line.id}: {folded.get(line.id)}"


def play(one, names):
    """Watches what people do at random; the room and its page in the end."""
    stage = Play(one, SEED, names)
    page = one.room(stage.room)
    folded = lines_of(page)
    watch = one.watch(page)
    watch.opening()
    for n in range(ACTIONS):
        stage.step()
        if stage.random.random() < 0.03:  # comes back where it stood
            watch.close()
            watch = watch.again(gzip=n % 2 == 0)
            watch.opening()
        if stage.random.random() < 0.1 or n == ACTIONS - 1:
            for event in up_to_now(watch, stage.host, stage.room):
                fold(folded, event)
            check_same(folded, one.room(stage.room))
    watch.close()
    page = one.room(stage.room)
    assert list(folded)[-len(page.ids):] == page.ids
    return stage.room, page


def test_a_page_and_all_that_is_told_make_the_page_of_now(viewer):
    one = viewer()
    room, page = play(one, names=False)
    one.server.restart()  # which remembers no line
    again = one.room(room)
    assert {line.id: line.html() for line in again.lines} == lines_of(page)


def test_a_page_and_all_that_is_told_make_the_page_of_now_though_names_change(viewer):
    one = viewer()
    room, page = play(one, names=True)
    one.server.restart()
    assert lines_of(one.room(room)) == lines_of(page)
