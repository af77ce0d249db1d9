"""Server-sent events: GET /events with Accept: text/event-stream.

Spec: https://html.spec.whatwg.org/#server-sent-events; what Parlour says by them is in
doc/events.md.
"""

import time

import pytest

from lib.client import V1, V3, Client
from lib.http import Raw
from lib.listen import Parked
from lib.sse import EVENT_STREAM, Stream
from test_limits import check_limited, until_limited

R0 = "/_matrix/client/r0"
LISTENERS = 300
WORDS = 50


def ids(events):
    return [e.event_id for e in events]


# --- hearing -----------------------------------------------------------------


@pytest.mark.parametrize("prefix", [V1, R0, V3])
def test_a_guest_hears_what_is_said(own, ann, guest, hall, prefix):
    with Stream(guest, [hall], prefix=prefix) as stream:
        stream.begin()
        assert stream.status == 200
        assert stream.headers["content-type"] == EVENT_STREAM
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["access-control-allow-origin"] == "*"
        assert "content-encoding" not in stream.headers
        position = stream.opening()
        sent = [ann.send(hall, f"word {n}") for n in range(5)]
        heard = stream.take(5)
        assert ids(heard) == sent and stream.retry == 2000
        assert all(e.kind == "m.room.message" for e in heard)
        one = guest.events(position, [hall])
        for event, polled in zip(heard, one["chunk"]):
            for shown in (event.json, polled):
                del shown["age"], shown["unsigned"]["age"]
            assert event.json == polled
        assert heard[-1].id == one["end"]


def test_the_token_may_stand_in_the_address(own, ann, guest, hall):
    with Stream(guest, [hall], in_query=True) as stream:
        stream.opening()
        sent = ann.send(hall, "hello")
        assert stream.next().event_id == sent


def test_a_member_hears_a_closed_room_and_its_own_transactions(own, ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    with Stream(ann, [closed]) as mine, Stream(ben, [closed]) as his:
        mine.opening(), his.opening()
        sent = ann.send(closed, "between us", txn="a-transaction")
        one, other = mine.next(), his.next()
    assert one.event_id == other.event_id == sent
    assert one.json["unsigned"]["transaction_id"] == "a-transaction"
    assert one.json["unsigned"]["membership"] == "join"
    assert "transaction_id" not in other.json["unsigned"]


def test_somebody_with_an_account_peeks(own, ann, ben, hall):
    with Stream(ben, [hall]) as stream:
        stream.opening()
        for n in range(3):
            sent = ann.send(hall, f"word {n}")
            heard = stream.next()
            assert heard.event_id == sent
            assert heard.json["unsigned"]["membership"] == "leave"


def test_two_rooms_are_heard_in_one_stream(own, ann, guest, hall):
    other = ann.public_room()
    with Stream(guest, [hall, other]) as stream:
        stream.opening()
        sent = [ann.send([hall, other][n % 2], str(n)) for n in range(10)]
        assert ids(stream.take(10)) == sent


def test_all_rooms_of_a_user_are_heard_and_typing(own, ann, ben, closed):
    with Stream(ann) as stream:
        stream.opening()
        sent = ann.send(closed, "here")
        assert stream.next().event_id == sent
        room = ann.create_room()
        heard = stream.next()
        while heard.kind != "m.room.create":
            heard = stream.next()
        assert heard.json["room_id"] == room
        ann.put(ann.room(room, f"/typing/{ann.user_id}"), {"typing": True, "timeout": 20000})
        heard = stream.next()
        while heard.kind != "m.typing":
            heard = stream.next()
        assert heard.json["content"] == {"user_ids": [ann.user_id]} and "_t" in heard.id


def test_every_type_of_event_comes_under_its_name(own, ann, guest, hall):
    kinds = ["m.room.topic", "org.example.thing", "error", "message", "odd type: yes"]
    with Stream(guest, [hall]) as stream:
        stream.opening()
        for kind in kinds:
            ann.send(hall, {"topic": "x", "body": "two\nlines\r\n"}, kind=kind)
            heard = stream.next()
            assert (heard.kind, heard.json["type"]) == (kind, kind)
            assert heard.body == "two\nlines\r\n"
        ann.send(hall, "x", kind="two\nlines")
        heard = stream.next()
        assert (heard.kind, heard.json["type"]) == ("message", "two\nlines")


def test_a_guest_that_joins_comes_back_as_a_member(own, ann, guest, hall):
    with Stream(guest, [hall]) as stream:
        position = stream.opening()
        guest.join(hall)
        assert stream.next() is None and stream.ended == "end"
    with Stream(guest, [hall], last_id=position) as stream:
        assert stream.next().json["state_key"] == guest.user_id
        sent = guest.send(hall, "hello", txn="of-a-guest")
        heard = stream.next()
        assert heard.event_id == sent
        assert heard.json["unsigned"]["transaction_id"] == "of-a-guest"
        assert heard.json["unsigned"]["membership"] == "join"


# --- where to go on ------------------------------------------------------------


def test_from_says_where_to_begin(own, ann, guest, hall):
    position = guest.now([hall])
    sent = [ann.send(hall, str(n)) for n in range(3)]
    with Stream(guest, [hall], from_=position) as stream:
        assert stream.opening() == position
        assert ids(stream.take(3)) == sent
        sent = ann.send(hall, "live")
        assert stream.next().event_id == sent


def test_the_last_id_wins_over_from(own, ann, guest, hall):
    position = guest.now([hall])
    sent = [ann.send(hall, str(n)) for n in range(4)]
    with Stream(guest, [hall], from_=position) as stream:
        heard = stream.take(2)
    with Stream(guest, [hall], from_=position, last_id=heard[-1].id) as stream:
        assert stream.opening() == heard[-1].id
        assert ids(stream.take(2)) == sent[2:]


def test_every_id_goes_on_right_behind_its_event(own, ann, guest, hall):
    other = ann.public_room()
    with Stream(guest, [hall, other]) as stream:
        stream.opening()
        sent = [ann.send([hall, other][n % 2], str(n)) for n in range(8)]
        heard = stream.take(8)
    for n, event in enumerate(heard):
        with Stream(guest, [hall, other], last_id=event.id) as stream:
            stream.opening()
            last = ann.send(hall, "last")
            sent.append(last)
            assert ids(stream.take(len(sent) - n - 1)) == sent[n + 1 :]


def test_a_long_backlog_comes_whole(own, ann, guest, ben, hall):
    ben.join(hall)
    position = guest.now([hall])
    sent = [ann.send(hall, str(n)) for n in range(250)]
    for who in (guest, ben):
        with Stream(who, [hall], from_=position) as stream:
            assert ids(stream.take(250)) == sent


@pytest.mark.parametrize("bad", ["nonsense", "0", "s1_e", "9" * 40])
def test_an_id_that_is_not_ours_is_400(own, guest, hall, bad):
    with Stream(guest, [hall], last_id=bad) as stream:
        assert stream.refusal() == (400, "M_INVALID_PARAM")


def test_a_poll_takes_no_notice_of_an_id(own, ann, guest, hall):
    position = guest.now([hall])
    sent = ann.send(hall, "hello")
    page = guest.request("GET", "/events", query={"room_id": hall, "from": position},
                         headers={"Last-Event-ID": "nonsense"})
    assert [e["event_id"] for e in page["chunk"]] == [sent]


# --- who may not ------------------------------------------------------------------


def test_refusals_are_json(own, ann, guest, hall, closed):
    nobody = Client(own.http)
    with Stream(nobody, [hall]) as stream:
        assert stream.refusal() == (401, "M_MISSING_TOKEN")
    with Stream(Client(own.http, "wrong"), [hall]) as stream:
        assert stream.refusal() == (401, "M_UNKNOWN_TOKEN")
    with Stream(guest, [closed]) as stream:
        assert stream.refusal() == (403, "M_FORBIDDEN")
    with Stream(guest, [hall, closed]) as stream:
        assert stream.refusal() == (403, "M_FORBIDDEN")
    with Stream(guest) as stream:
        assert stream.refusal() == (400, "M_MISSING_PARAM")
    with Stream(guest, ["nonsense"]) as stream:
        assert stream.refusal() == (400, "M_INVALID_PARAM")


def test_a_room_that_closes_is_heard_to_its_end(own, ann, guest, ben, hall):
    other = ann.public_room()
    listeners = [(guest, [hall]), (ben, [hall]), (guest, [other, hall])]
    streams = [Stream(who, rooms) for who, rooms in listeners]
    for stream in streams:
        stream.opening()
    said = ann.send(hall, "open")
    shut = ann.visibility(hall, "joined")
    ann.send(hall, "among us")
    for stream, (who, rooms) in zip(streams, listeners):
        assert ids(stream.rest()) == [said, shut] and stream.ended == "end"
        with Stream(who, rooms, last_id=stream.last_id) as again:
            assert again.refusal() == (403, "M_FORBIDDEN")
        stream.close()


def test_one_who_is_banned_hears_that_and_no_more(own, ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    with Stream(ben, [closed]) as stream:
        stream.opening()
        ann.ban(closed, ben.user_id)
        ann.send(closed, "without him")
        heard = stream.rest()
        assert [e.json["content"].get("membership") for e in heard] == ["ban"]


@pytest.mark.parametrize("who", ["guest", "member"])
def test_a_logout_ends_a_stream(own, ann, ben, hall, who, api):
    listener = api.guest() if who == "guest" else ben.login()
    with Stream(listener, [hall]) as stream, Stream(ben, [hall]) as other:
        position = stream.opening()
        other.opening()
        Client(listener.http, listener.token).post("/logout")
        sent = ann.send(hall, "after the logout")
        assert stream.rest() == [] and stream.ended == "cut"
        assert other.next().event_id == sent
    with Stream(listener, [hall], last_id=position) as stream:
        assert stream.refusal() == (401, "M_UNKNOWN_TOKEN")


def test_a_stream_never_outlasts_its_token(private):
    one = private(guests={"lifetime": "3s"})
    ann = one.api.register()
    hall = ann.public_room()
    began = time.monotonic()
    with Stream(one.api.guest(), [hall]) as stream:
        stream.opening()
        assert stream.rest() == [] and stream.ended == "cut"
    assert 2.99 < time.monotonic() - began < 10


def test_streams_are_limited_like_polls_and_hear_on_while_others_are_refused(private):
    one = private(limits={"rate": "on"})
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    with Stream(guest, [hall]) as stream:
        stream.opening()

        def ask():
            with Stream(guest, [hall]) as other:
                return other.answer()

        check_limited(until_limited(ask))
        sent = [ann.send(hall, str(n)) for n in range(5)]
        assert ids(stream.take(5)) == sent


# --- HTTP ---------------------------------------------------------------------------


def test_http_1_0_gets_the_bare_stream(own, ann, guest, hall):
    with Stream(guest, [hall], version="1.0") as stream:
        stream.opening()
        assert stream.headers["connection"] == "close"
        assert "transfer-encoding" not in stream.headers
        sent = ann.send(hall, "to an old client")
        shut = ann.visibility(hall, "joined")
        assert ids(stream.rest()) == [sent, shut] and stream.ended == "closed"


def test_a_connection_is_kept_behind_the_end_of_a_stream(own, ann, guest, hall):
    with Stream(guest, [hall]) as stream:
        stream.opening()
        ann.visibility(hall, "joined")
        stream.rest()
        assert stream.ended == "end"
        stream.raw.say("GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.raw.answer().status == 200


def test_head_is_a_polls_and_has_no_body(own, guest, hall):
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(f"HEAD {V3}/events?room_id={hall}&timeout=0 HTTP/1.1\r\nHost: x\r\n"
                f"Accept: {EVENT_STREAM}\r\nAuthorization: Bearer {guest.token}\r\n\r\n")
        got = raw.answer(is_head=True)
        assert got.status == 200 and got.headers["content-type"] == "application/json"
        raw.say("GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.answer().status == 200


@pytest.mark.parametrize("accept, is_stream", [
    (EVENT_STREAM, True), (f"{EVENT_STREAM}, */*;q=0.1", True),
    ("application/json, text/event-stream", True), ("*/*", False), ("text/html", False)])
def test_who_asks_for_a_stream_gets_one(own, guest, hall, accept, is_stream):
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(f"GET {V3}/events?room_id={hall}&timeout=0 HTTP/1.1\r\nHost: x\r\n"
                f"Accept: {accept}\r\nAuthorization: Bearer {guest.token}\r\n\r\n")
        _, headers = raw.head()
        assert (headers["content-type"] == EVENT_STREAM) == is_stream


@pytest.mark.parametrize("who", ["guest", "member"])
def test_a_packed_stream_is_understood_as_it_comes(own, api, ann, ben, hall, who):
    ben.join(hall)
    listener = api.guest() if who == "guest" else ben
    words = " ".join(["many words"] * 200)
    with Stream(listener, [hall], gzip=True) as packed, Stream(listener, [hall]) as plain:
        packed.opening(), plain.opening()
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in plain.headers
        for n in range(20):
            sent = ann.send(hall, f"{n} {words}")
            assert packed.next().event_id == plain.next().event_id == sent
        position = packed.last_id
    with Stream(listener, [hall], gzip=True, last_id=position) as packed:
        packed.opening()
        sent = ann.send(hall, "behind a new header")
        assert packed.next().event_id == sent


def test_a_listener_who_goes_away_is_forgotten(private):
    one = private()
    guest, hall = one.api.guest(), one.api.register().public_room()
    streams = [Stream(guest, [hall]) for _ in range(20)]
    for stream in streams:
        stream.opening()
    assert one.parked() == 20
    for stream in streams:
        stream.close()
    one.until_parked_at_most(0)


def test_a_comment_comes_when_nothing_is_said(own, guest, hall):
    with Stream(guest, [hall]) as stream:
        stream.opening()
        stream.raw.sock.settimeout(40)
        began = time.monotonic()
        stream.until_comment()
        assert 24 < time.monotonic() - began < 32
        assert stream.ended is None and not stream.events


# --- stopping, and a crowd ---------------------------------------------------------


def test_stopping_ends_streams_and_their_ids_hold(private):
    one = private()
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    asks = [(guest, [hall]), (ann, [hall]), (ann, None), (guest, [hall])] * 5
    streams = [Stream(who, rooms) for who, rooms in asks]
    for stream in streams:
        stream.opening()
    sent = ann.send(hall, "before")
    for stream in streams:
        assert stream.next().event_id == sent
    one.stop()  # status 0, or it fails here
    for stream in streams:
        assert stream.rest() == [] and stream.ended == "end"  # not cut off
        stream.close()
    one.start()
    sent = ann.send(hall, "after the restart")
    for stream, (who, rooms) in zip(streams, asks):
        with Stream(who, rooms, last_id=stream.last_id) as again:
            assert again.next().event_id == sent


def poll_on(client, room, position, count):
    """Polls until so many events have been heard."""
    heard = []
    while len(heard) < count:
        page = client.events(position, [room], timeout=20000)
        heard += [e["event_id"] for e in page["chunk"]]
        position = page["end"]
    return heard


def test_a_crowd_on_streams_and_polls_hears_all_once_with_one_encoding_each(private):
    one = private(http={"io_threads": 4})
    ann = one.api.register()
    hall = ann.public_room()
    guests = [one.api.guest() for _ in range(LISTENERS)]
    position = guests[0].now([hall])
    streams = [Stream(who, [hall], from_=position, gzip=n % 3 == 0)
               for n, who in enumerate(guests[:-20])]
    for stream in streams:
        stream.opening()
    polls = [Parked(lambda who=who: poll_on(Client(one.http.base, who.token), hall,
                                            position, WORDS)) for who in guests[-20:]]
    one.until_parked(LISTENERS)
    before = one.metrics()
    sent = [ann.send(hall, f"word {n}") for n in range(WORDS)]
    for stream in streams:
        assert ids(stream.take(WORDS)) == sent
        stream.close()
    for poll in polls:
        assert poll.result() == sent
    now = one.metrics()
    encoded, delivered = (
        now[name] - before[name]
        for name in ("parlour_events_encoded_total", "parlour_events_delivered_total"))
    assert (encoded, delivered) == (WORDS, WORDS * LISTENERS)
