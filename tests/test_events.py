"""The event stream: /events, /events/{eventId}, /initialSync, /rooms/{roomId}/initialSync.

Spec: client-server-api/#get_matrixclientv3events, #get_matrixclientv3initialsync,
legacy-v1 sync.yaml and guest_events.yaml; what Parlour adds is in doc/events.md.
"""

import gzip
import json
import threading

import pytest

from lib.client import V1, V3, Client, fresh, in_threads
from lib.http import Raw, quote
from lib.listen import Listener, Parked

R0 = "/_matrix/client/r0"
ALL = [V1, R0, V3]
NO_RIGHT = (403, "M_FORBIDDEN")


def ids(events):
    return [e["event_id"] for e in events if "event_id" in e]


# --- looking ---------------------------------------------------------------


@pytest.mark.parametrize("prefix", ALL)
def test_without_from_one_starts_at_the_live_end(ann, guest, hall, prefix):
    ann.send(hall, "long ago")
    page = guest.events(rooms=[hall], prefix=prefix)
    assert page["chunk"] == [] and page["start"] and page["end"]
    heard = ann.send(hall, "now")
    assert ids(guest.events(page["end"], [hall], prefix=prefix)["chunk"]) == [heard]


@pytest.mark.parametrize("prefix", ALL)
def test_an_old_from_is_answered_at_once_oldest_first(ann, guest, hall, prefix):
    position = guest.now([hall])
    sent = [ann.send(hall, str(n)) for n in range(5)]
    page = guest.events(position, [hall], timeout=30000, prefix=prefix)
    assert ids(page["chunk"]) == sent and page["start"] == position
    assert guest.events(page["end"], [hall])["chunk"] == []


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_a_backlog_comes_in_pages_without_gap_or_repeat(ann, guest, hall, limit):
    position = guest.now([hall])
    sent = [ann.send(hall, str(n)) for n in range(12)]
    first = guest.events(position, [hall], limit=limit)
    assert len(first["chunk"]) <= limit
    heard, _ = guest.drain(position, [hall], limit=limit)
    assert ids(heard) == sent


def test_a_long_backlog_without_limit_comes_whole_in_the_end(ann, guest, hall):
    position = guest.now([hall])
    sent = [ann.send(hall, str(n)) for n in range(150)]
    heard, _ = guest.drain(position, [hall])
    assert ids(heard) == sent


def test_the_same_from_gives_the_same_again(ann, guest, hall):
    position = guest.now([hall])
    ann.send(hall, "one")
    one, two = (guest.events(position, [hall]) for _ in range(2))
    assert ids(one["chunk"]) == ids(two["chunk"]) and one["end"] == two["end"]


def test_all_versions_of_the_path_share_their_positions(ann, guest, hall):
    position = guest.now([hall])
    sent = ann.send(hall, "everywhere")
    pages = [guest.events(position, [hall], prefix=p) for p in ALL]
    assert [ids(p["chunk"]) for p in pages] == [[sent]] * 3
    assert len({p["end"] for p in pages}) == 1


def test_with_timeout_zero_nothing_is_waited_for(guest, hall):
    poll = Parked(lambda: guest.events(guest.now([hall]), [hall], timeout=0))
    assert poll.result()["chunk"] == [] and poll.took_s < 5


def test_a_poll_that_hears_nothing_ends_at_its_timeout(ann, guest, hall):
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=700))
    page = poll.result()
    assert page["chunk"] == [] and page["start"] == position and 0.6 < poll.took_s < 6
    heard = ann.send(hall, "after")
    assert ids(guest.events(page["end"], [hall])["chunk"]) == [heard]


# --- waiting ---------------------------------------------------------------


@pytest.mark.parametrize("prefix", ALL)
def test_a_parked_poll_is_woken_by_an_event(server, ann, guest, hall, prefix):
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=30000, prefix=prefix))
    server.until_parked(1)
    sent = ann.send(hall, "wake up")
    page = poll.result()
    assert ids(page["chunk"]) == [sent] and page["start"] == position
    assert poll.took_s < 15


def test_a_poll_without_from_waits_for_what_comes(server, ann, guest, hall):
    ann.send(hall, "before")
    poll = Parked(lambda: guest.events(rooms=[hall], timeout=30000))
    if server.parked() is None:  # nobody tells when it is parked: then it hears one of many
        while poll.is_waiting():
            ann.send(hall, "now")
        assert poll.result()["chunk"][0]["content"]["body"] == "now"
        return
    server.until_parked(1)
    sent = ann.send(hall, "now")
    assert ids(poll.result()["chunk"]) == [sent]


def test_what_happens_in_other_rooms_wakes_nobody(server, ann, guest, hall):
    other = ann.public_room()
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=30000))
    server.until_parked(1)
    ann.send(other, "elsewhere")
    sent = ann.send(hall, "here")
    assert ids(poll.result()["chunk"]) == [sent]


def test_every_kind_of_event_is_heard(ann, ben, guest, hall):
    ear = Listener(guest, [hall])
    message = ann.send(hall, "words")
    state = ann.set_state(hall, "m.room.topic", {"topic": "new"})
    redaction = ann.redact(hall, message)
    ben.join(hall)
    ear.until_where(lambda e: e["type"] == "m.room.member" and e["state_key"] == ben.user_id)
    assert ear.ids()[:3] == [message, state, redaction]
    ear.stop()


def test_many_parked_listeners_all_hear_the_same_event(server, ann, guest, hall):
    position = guest.now([hall])
    path = f"{V1}/events?from={quote(position)}&timeout=30000&room_id={quote(hall)}"
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {guest.token}\r\n\r\n"
    ears = [Raw("127.0.0.1", server.port, within_s=30) for _ in range(150)]
    try:
        for ear in ears:
            ear.say(head)
        server.until_parked(len(ears))
        sent = ann.send(hall, "to all")
        for ear in ears:
            assert ids(ear.answer().json()["chunk"]) == [sent]
    finally:
        for ear in ears:
            ear.sock.close()


def test_an_event_for_guests_members_and_those_who_peek_is_encoded_once(private):
    one = private(http={"io_threads": 4})
    ann, member, peeker = (one.api.register() for _ in range(3))
    hall = ann.public_room()
    member.join(hall)
    ears = []
    for who in [one.api.guest(), member, peeker] * 20:
        ears.append(Raw("127.0.0.1", one.port, within_s=30))
        ears[-1].say(poll_head(who, who.now([hall]), hall))
    one.until_parked(len(ears))
    before = one.metrics()
    sent = ann.send(hall, "to all")
    for ear in ears:
        assert ids(ear.answer().json()["chunk"]) == [sent]
        ear.sock.close()
    after = one.metrics()

    def counted(what):
        return after[f"parlour_{what}_total"] - before[f"parlour_{what}_total"]

    assert counted("events_encoded") == 1
    assert counted("events_delivered") == len(ears)
    assert counted("listener_looks") == 0


def test_who_lags_behind_a_burst_has_what_others_have_had(private):
    one = private(http={"io_threads": 1})
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    position = guest.now([hall])
    ear = Raw("127.0.0.1", one.port, within_s=30)  # while somebody listens all is at hand
    ear.say(poll_head(guest, position, hall, timeout=60000))
    one.until_parked(1)
    before = one.metrics()
    sent = [ann.send(hall, f"word {n}") for n in range(250)]
    for _ in range(5):
        page, heard = {"end": position}, []
        while len(heard) < len(sent):
            page = guest.events(page["end"], [hall])
            assert 0 < len(page["chunk"]) <= 100
            heard += ids(page["chunk"])
        assert heard == sent
    after = one.metrics()
    assert after["parlour_events_encoded_total"] - before["parlour_events_encoded_total"] == 250
    assert after["parlour_listener_looks_total"] == before["parlour_listener_looks_total"]
    ear.sock.close()


def test_a_listener_who_goes_away_is_forgotten(private):
    one = private()
    guest, hall = one.api.guest(), one.api.register().public_room()
    ears = [Raw("127.0.0.1", one.port) for _ in range(20)]
    for ear in ears:
        ear.say(poll_head(guest, guest.now([hall]), hall))
    one.until_parked(20)
    for ear in ears:
        ear.sock.close()
    one.until_parked_at_most(0)


def poll_head(client, position, hall, line="", timeout=30000, method="GET", version="1.1"):
    path = f"{V1}/events?from={quote(position)}&timeout={timeout}&room_id={quote(hall)}"
    return (f"{method} {path} HTTP/{version}\r\nHost: x\r\n"
            f"Authorization: Bearer {client.token}\r\n{line}\r\n")


def test_head_of_a_poll_waits_and_has_no_body(own, ann, guest, hall):
    position = guest.now([hall])
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(poll_head(guest, position, hall, method="HEAD"))
        own.until_parked(1)
        sent = ann.send(hall, "unseen")
        got = raw.answer(is_head=True)
        assert got.status == 200 and int(got.headers["content-length"]) > 100
        raw.say(poll_head(guest, position, hall))
        assert ids(raw.answer().json()["chunk"]) == [sent]


def test_a_poll_by_http_1_0_is_answered_and_the_connection_closes(own, ann, guest, hall):
    position = guest.now([hall])
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(poll_head(guest, position, hall, version="1.0"))
        own.until_parked(1)
        sent = ann.send(hall, "to an old client")
        assert ids(raw.answer().json()["chunk"]) == [sent]
        assert raw.is_closed()


def test_polls_behind_a_parked_poll_hear_in_their_turn(own, ann, guest, hall):
    position = guest.now([hall])
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(poll_head(guest, position, hall) * 3
                + poll_head(guest, position, hall, "Connection: close\r\n"))
        own.until_parked(1)
        sent = ann.send(hall, "for each of them")
        for _ in range(4):
            assert ids(raw.answer().json()["chunk"]) == [sent]
        assert raw.is_closed()


def test_what_is_no_request_behind_a_parked_poll_harms_nobody(own, ann, guest, hall):
    position = guest.now([hall])
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(poll_head(guest, position, hall) + "\0\1 nonsense\n\n")
        own.until_parked(1)
        sent = ann.send(hall, "still heard")
        assert ids(raw.answer().json()["chunk"]) == [sent]
        assert raw.answer().status == 400 and raw.is_closed()


def test_shared_answers_are_compressed_for_who_asks(own, ann, guest, hall):
    position = guest.now([hall])
    plain, packed = (Raw("127.0.0.1", own.port) for _ in range(2))
    plain.say(poll_head(guest, position, hall))
    packed.say(poll_head(guest, position, hall, "Accept-Encoding: gzip\r\n"))
    own.until_parked(2)
    ann.send(hall, "many words " * 400)
    one, two = plain.answer(), packed.answer()
    assert "content-encoding" not in one.headers
    assert two.headers["content-encoding"] == "gzip" and len(two.body) < len(one.body) / 4
    pages = [one.json(), json.loads(gzip.decompress(two.body))]
    for page in pages:  # each io thread makes its own, at its own moment
        for event in page["chunk"]:
            del event["age"], event["unsigned"]["age"]
    assert pages[0] == pages[1]
    plain.sock.close()
    packed.sock.close()


def test_stopping_answers_parked_polls_and_their_positions_hold(private):
    one = private()
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    position = guest.now([hall])
    polls = [Parked(lambda w=w, r=r: w.events(position, r, timeout=60000))
             for w, r in ((guest, [hall]), (ann, [hall]), (ann, None))]
    one.until_parked(3)
    one.restart()
    pages = [poll.result() for poll in polls]
    assert all(page["chunk"] == [] and page["start"] == position for page in pages)
    sent = ann.send(hall, "after the restart")
    for page, (who, rooms) in zip(pages, ((guest, [hall]), (ann, [hall]), (ann, None))):
        assert ids(who.events(page["end"], rooms)["chunk"]) == [sent]


def test_an_upgrade_ends_what_the_guests_token_hears(own, ann, guest, hall):
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=30000, expect=None))
    own.until_parked(1)
    body = {"username": guest.local_part, "password": "a long password",
            "guest_access_token": guest.token}
    first = own.api.post("/register", body, expect=401)
    own.api.post("/register", {**body, "auth": {
        "type": "m.login.dummy", "session": first["session"]}})
    assert poll.result()["errcode"] == "M_UNKNOWN_TOKEN" and poll.took_s < 15


# --- rooms -----------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 60, 99])
def test_many_rooms_in_one_poll_are_all_heard(own, ann, guest, hall, count):
    rooms = [f"!{n}:localhost" for n in range(count)]
    got = guest.events(None, [hall, *rooms], expect=NO_RIGHT)
    assert rooms[0] in got["error"]
    position = guest.now([hall])
    sent = ann.send(hall, "once")
    assert ids(guest.events(position, [hall] * count)["chunk"]) == [sent]
    assert ids(guest.events(position, [",".join([hall] * count)])["chunk"]) == [sent]


@pytest.mark.parametrize("form", ["repeated", "commas"])
def test_several_rooms_are_all_heard(own, ann, guest, hall, form):
    other, third = ann.public_room(), ann.public_room()
    rooms = [hall, other] if form == "repeated" else [f"{hall},{other}"]
    position = guest.now(rooms)
    sent = [ann.send(hall, "1"), ann.send(other, "2"), ann.send(hall, "3")]
    ann.send(third, "not asked for")
    heard, _ = guest.drain(position, rooms)
    assert ids(heard) == sent
    assert [e["room_id"] for e in heard] == [hall, other, hall]


def test_either_of_two_rooms_wakes(own, ann, guest, hall):
    other = ann.public_room()
    for room in (other, hall):
        position = guest.now([hall, other])
        poll = Parked(lambda: guest.events(position, [hall, other], timeout=30000))
        own.until_parked(1)
        sent = ann.send(room, "either")
        assert ids(poll.result()["chunk"]) == [sent]


def test_a_room_named_twice_is_heard_once(own, ann, guest, hall):
    rooms = [hall, f"{hall},{hall}"]
    position = guest.now(rooms)
    sent = ann.send(hall, "once")
    assert ids(guest.events(position, rooms)["chunk"]) == [sent]


@pytest.mark.parametrize("prefix", ALL)
def test_a_room_that_may_not_be_heard_is_403_and_named(own, ann, guest, hall, closed, prefix):
    for rooms in ([closed], [hall, closed], [f"{hall},{closed}"]):
        got = guest.events(None, rooms, expect=NO_RIGHT, prefix=prefix)
        assert closed in got["error"] and hall not in got["error"]


def test_a_room_that_is_not_there_is_refused(guest):
    guest.events(None, ["!nosuchroom:localhost"], expect=[NO_RIGHT, (404, "M_NOT_FOUND")])


@pytest.mark.parametrize("room", ["nonsense", "#alias:localhost", "@user:localhost"])
def test_what_is_no_room_id_is_refused(own, guest, room):
    guest.events(None, [room], expect=[400, 403])


def test_a_guest_must_name_a_room(own, guest):
    guest.events(expect=[(400, "M_MISSING_PARAM"), (400, "M_INVALID_PARAM"),
                         (403, "M_GUEST_ACCESS_FORBIDDEN")])


def test_a_user_hears_all_rooms_without_naming_them(ann, ben, closed):
    other = ann.create_room(preset="public_chat")
    ben.join(other)
    position = ann.now()
    sent = [ann.send(closed, "1"), ben.send(other, "2"), ann.send(closed, "3")]
    heard, _ = ann.drain(position)
    assert ids(heard) == sent


def test_a_user_does_not_hear_rooms_of_others(ann, ben, hall, closed):
    position = ben.now()
    ann.send(closed, "private")
    ann.send(hall, "public, but ben is not in it")
    assert ids(ben.events(position)["chunk"]) == []


def test_a_user_peeks_by_naming_a_room(ann, ben, hall):
    ear = Listener(ben, [hall])
    ear.until(ann.send(hall, "for peekers"))
    ear.stop()


def test_a_room_joined_while_listening_is_heard_from_then_on(ann, ben, closed):
    ear = Listener(ben)
    ann.invite(closed, ben.user_id)
    ear.until_where(lambda e: e.get("state_key") == ben.user_id
                    and e["content"]["membership"] == "invite", "the invitation")
    ben.join(closed)
    ear.until_where(lambda e: e.get("state_key") == ben.user_id
                    and e["content"]["membership"] == "join", "the join")
    ear.until(ann.send(closed, "welcome"))
    ben.leave(closed)
    ear.until_where(lambda e: e.get("state_key") == ben.user_id
                    and e["content"]["membership"] == "leave", "the leave")
    after = ann.send(closed, "he is gone")
    mine = ben.create_room()
    ear.until(ben.send(mine, "to myself"))
    assert after not in ear.ids()
    ear.stop()


def test_a_room_made_while_listening_is_heard_whole(ann):
    ear = Listener(ann)
    room = ann.create_room(name="brand new")
    sent = ann.send(room, "first words")
    ear.until(sent)
    whole = [e["event_id"] for e in ann.all_messages(room)]
    heard = [i for i in ear.ids() if i in whole]
    assert heard in (whole, whole[1:]), "from one's own join on, if not from the first"
    ear.stop()


def test_a_member_hears_a_room_that_is_not_world_readable_by_name(ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    ear = Listener(ben, [closed])
    ear.until(ann.send(closed, "among us"))
    ear.stop()


# --- the form of an event ---------------------------------------------------


@pytest.mark.parametrize("prefix", ALL)
def test_an_event_has_the_forms_of_2015_and_of_today(own, ann, guest, hall, prefix):
    before = ann.set_state(hall, "m.room.topic", {"topic": "old"})
    position = guest.now([hall])
    message = ann.send(hall, "words")
    topic = ann.set_state(hall, "m.room.topic", {"topic": "new"})
    heard = {e["event_id"]: e for e in guest.events(position, [hall], prefix=prefix)["chunk"]}
    got = heard[message]
    assert got["sender"] == got["user_id"] == ann.user_id
    assert got["room_id"] == hall and got["type"] == "m.room.message"
    assert got["content"] == {"msgtype": "m.text", "body": "words"}
    assert isinstance(got["origin_server_ts"], int) and "state_key" not in got
    assert isinstance(got["age"], int) and isinstance(got["unsigned"]["age"], int)
    assert "prev_content" not in got and "transaction_id" not in got["unsigned"]
    got = heard[topic]
    assert got["prev_content"] == got["unsigned"]["prev_content"] == {"topic": "old"}
    assert got["replaces_state"] == before and got["state_key"] == ""
    assert not {"auth_events", "prev_events", "hashes", "signatures", "depth"} & set(got)


def test_a_redacted_event_says_why_at_the_top_level(own, ann, guest, hall):
    position = guest.now([hall])
    message = ann.send(hall, "oops")
    redaction = ann.redact(hall, message, reason="slip")
    heard = guest.events(position, [hall])["chunk"]
    assert heard[0]["event_id"] == message and heard[0]["content"] == {}
    assert heard[0]["redacted_because"]["event_id"] == redaction
    assert heard[0]["unsigned"]["redacted_because"]["event_id"] == redaction
    assert heard[1]["event_id"] == redaction
    for one in (heard[1], heard[0]["redacted_because"], heard[0]["unsigned"]["redacted_because"]):
        assert one["redacts"] == one["content"]["redacts"] == message


def test_a_redaction_reaches_bytes_already_shared(own, ann, guest, hall):
    position = guest.now([hall])
    message = ann.send(hall, "the secret word")
    assert "the secret word" in json.dumps(guest.events(position, [hall]))
    ann.redact(hall, message)
    assert "the secret word" not in json.dumps(guest.events(position, [hall]))


def test_the_sender_alone_hears_its_transaction_id(own, ann, ben, hall):
    ben.join(hall)
    position = ann.now([hall])
    ann.send(hall, "mine", txn="the-txn")
    assert ann.events(position, [hall])["chunk"][0]["unsigned"]["transaction_id"] == "the-txn"
    assert "transaction_id" not in ben.events(position, [hall])["chunk"][0]["unsigned"]


def test_previous_content_that_one_may_not_see_is_not_told(own, ann, guest):
    room = ann.public_room(visibility="joined")
    ann.set_state(room, "m.room.topic", {"topic": "hidden"})
    ann.visibility(room, "world_readable")
    position = guest.now([room])
    ann.set_state(room, "m.room.topic", {"topic": "shown"})
    text = json.dumps(guest.events(position, [room]))
    assert "shown" in text and "hidden" not in text


# --- rights ----------------------------------------------------------------


def test_the_end_of_world_readable_ends_a_guests_hearing(server, ann, guest, hall):
    ear = Listener(guest, [hall])
    last = ann.send(hall, "heard")
    ear.until(last)
    end = ann.visibility(hall, "joined")
    ear.until(end)
    hidden = ann.send(hall, "not for guests")
    got = ear.until_refused()
    assert got["errcode"] == "M_FORBIDDEN" and hidden not in ear.ids()


def test_an_older_from_still_gives_what_one_was_entitled_to(own, ann, guest, hall):
    position = guest.now([hall])
    shown = [ann.send(hall, "1"), ann.send(hall, "2"), ann.visibility(hall, "shared")]
    ann.send(hall, "hidden")
    heard = guest.events(position, [hall])
    assert ids(heard["chunk"]) == shown
    guest.events(heard["end"], [hall], expect=NO_RIGHT)


def test_a_room_that_opens_again_is_heard_again(own, ann, guest, hall):
    position = guest.now([hall])
    shown = [ann.send(hall, "1"), ann.visibility(hall, "joined")]
    ann.send(hall, "hidden")
    shown += [ann.visibility(hall, "world_readable"), ann.send(hall, "3")]
    heard, _ = guest.drain(position, [hall])
    assert ids(heard) == shown


def test_a_ban_is_the_last_thing_the_banned_hear(server, ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    ear = Listener(ben, [closed])
    ear.until(ann.send(closed, "with ben"))
    ann.ban(closed, ben.user_id)
    ear.until_where(lambda e: e.get("state_key") == ben.user_id
                    and e["content"]["membership"] == "ban", "the ban")
    hidden = ann.send(closed, "without ben")
    assert ear.until_refused()["errcode"] == "M_FORBIDDEN"
    assert hidden not in ear.ids()


def test_one_kicked_from_one_room_hears_the_others(ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    other = ben.create_room()
    ear = Listener(ben)
    ann.kick(closed, ben.user_id)
    ear.until_where(lambda e: e.get("state_key") == ben.user_id
                    and e["content"].get("membership") == "leave", "the kick")
    hidden = ann.send(closed, "without ben")
    ear.until(ben.send(other, "still here"))
    assert hidden not in ear.ids()
    ear.stop()


def test_withdrawn_guest_access_ends_a_membership_and_no_hearing(server, ann, guest, hall):
    guest.join(hall)
    ear = Listener(guest, [hall])
    ann.guest_access(hall, "forbidden")
    ear.until_where(lambda e: e.get("state_key") == guest.user_id
                    and e["content"]["membership"] == "leave", "being made to leave")
    ear.until(ann.send(hall, "guests may listen"))
    guest.send(hall, "but not speak", expect=403)
    ear.stop()


def test_a_logout_ends_what_a_parked_listener_hears(own, ann, ben, hall):
    other = ben.login()
    position = other.now([hall])
    poll = Parked(lambda: other.events(position, [hall], timeout=30000, expect=None))
    own.until_parked(1)
    other.post("/logout")
    hidden = ann.send(hall, "after the logout")
    got = poll.result()
    assert poll.took_s < 15
    assert hidden not in ids(got.get("chunk", []))
    other.events(position, [hall], expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_guests_logout_ends_what_it_hears(own, ann, guest, hall):
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=30000, expect=None))
    own.until_parked(1)
    Client(guest.http, guest.token).post("/logout")
    hidden = ann.send(hall, "after the logout")
    assert hidden not in ids(poll.result().get("chunk", []))
    guest.events(position, [hall], expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_poll_never_outlasts_its_token(private):
    one = private(guests={"lifetime": "3s"})
    ann = one.api.register()
    hall = ann.public_room()
    guest = one.api.guest()
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=60000, expect=None))
    got = poll.result(within_s=30)
    assert poll.took_s < 12
    assert got.get("errcode") == "M_UNKNOWN_TOKEN" or got["chunk"] == []
    ann.send(hall, "after the expiry")
    guest.events(position, [hall], expect=(401, "M_UNKNOWN_TOKEN"))


# --- bad parameters ---------------------------------------------------------


@pytest.mark.parametrize("bad", [
    "nonsense", "s1_2_3", "-1", "0", "'", "END", "9" * 40, "x" * 2000, "%00", "ü"])
@pytest.mark.parametrize("prefix", ALL)
def test_a_from_that_is_no_token_of_ours_is_400(own, guest, hall, bad, prefix):
    got = guest.events(bad, [hall], expect=400, prefix=prefix)
    assert got["errcode"] in ("M_INVALID_PARAM", "M_UNKNOWN") and len(got["error"]) > 5


@pytest.mark.parametrize("bad", ["soon", "-1", "1.5", "", "1e3", "0x10"])
def test_a_timeout_that_is_no_number_is_400(own, guest, hall, bad):
    guest.events(None, [hall], timeout=bad, expect=(400, "M_INVALID_PARAM"))


@pytest.mark.parametrize("bad", ["many", "-1", "1.5", "0", ""])
def test_a_limit_that_is_no_number_is_400(own, guest, hall, bad):
    guest.events(None, [hall], limit=bad, expect=(400, "M_INVALID_PARAM"))


def test_a_timeout_beyond_measure_is_cut(server, ann, guest, hall):
    position = guest.now([hall])
    poll = Parked(lambda: guest.events(position, [hall], timeout=10**15))
    server.until_parked(1)
    sent = ann.send(hall, "at last")
    assert ids(poll.result()["chunk"]) == [sent]


# --- nothing missed, nothing twice ------------------------------------------


def test_under_load_every_listener_hears_all_once_in_the_same_order(ann, ben, guest, hall):
    other = ann.public_room()
    for room in (hall, other):
        ben.join(room)
    rooms = [hall, other]
    ears = [Listener(guest, [hall]), Listener(ben), Listener(ann), Listener(guest, [other])]

    def speak(who, room, n):
        return [who.send(room, f"{n}.{i}") for i in range(25)]

    sent = in_threads([
        lambda: speak(ann, hall, 0), lambda: speak(ben, hall, 1),
        lambda: speak(ann, other, 2), lambda: speak(ben, other, 3)])
    everything = {e for one in sent for e in one}
    last = {room: ann.send(room, "last") for room in rooms}
    order = {room: [e["event_id"] for e in ann.all_messages(room)
                    if e["event_id"] in everything | set(last.values())] for room in rooms}
    for ear, heard_rooms in zip(ears, ([hall], rooms, rooms, [other])):
        for room in heard_rooms:
            ear.until(last[room])
        heard = [e for e in ear.ids() if e in everything | set(last.values())]
        assert len(heard) == len(set(heard)), "heard twice"
        for room in heard_rooms:
            assert [e for e in heard if e in order[room]] == order[room]
        ear.stop()


def test_a_listener_to_two_rooms_misses_nothing_between_them(own, ann, guest, hall):
    other = ann.public_room()
    ear = Listener(guest, [hall, other])
    sent = in_threads([lambda r=r: [ann.send(r, str(i)) for i in range(30)]
                       for r in (hall, other)])
    last = ann.send(hall, "last")
    ear.until(last)
    heard = ear.ids()
    for one in sent:
        assert [e for e in heard if e in one] == one
    assert len(heard) == 61
    ear.stop()


def test_flipping_visibility_under_load_leaks_and_loses_nothing(own, ann, ben, guest, hall):
    """A peeker hears exactly what was said while the room was open, and the flips."""
    ben.join(hall)
    start = guest.now([hall])
    going = threading.Event()
    heard, refused = {}, 0

    def peek():
        nonlocal refused
        position = start
        while not going.is_set():
            page = guest.events(position, [hall], 200, expect=[200, NO_RIGHT])
            if "chunk" not in page:
                refused += 1
                continue
            for event in page["chunk"]:
                assert event["event_id"] not in heard, "heard twice"
                heard[event["event_id"]] = event
            position = page["end"]

    def flip():
        for n in range(24):
            ann.visibility(hall, "joined" if n % 2 == 0 else "world_readable")

    def speak():
        for n in range(60):
            ben.send(hall, f"word {n}")

    listening = Parked(peek)
    in_threads([flip, speak])
    ann.send(hall, "last")
    going.set()
    listening.result()
    allowed, is_open = [], True
    since = False
    for event in ann.all_messages(hall):
        if event["type"] == "m.room.history_visibility":
            was_open = is_open
            is_open = event["content"]["history_visibility"] == "world_readable"
            if since and (was_open or is_open):
                allowed.append(event["event_id"])
        elif since and is_open:
            allowed.append(event["event_id"])
        if event.get("state_key") == ben.user_id:
            since = True
    assert not set(heard) - set(allowed), "a leak"
    rest, _ = guest.drain(start, [hall])
    assert ids(rest) == allowed


# --- /events/{eventId} -------------------------------------------------------


@pytest.mark.parametrize("prefix", ALL)
def test_one_event_is_had_by_its_id(ann, ben, hall, prefix):
    event = ann.send(hall, "just this")
    for who in (ann, ben):
        got = who.get(f"{prefix}/events/{quote(event)}")
        assert got["event_id"] == event and got["content"]["body"] == "just this"
        assert got["room_id"] == hall and got["sender"] == ann.user_id


@pytest.mark.parametrize("path", ["/events/", "/rooms/ROOM/event/"])
def test_whether_an_event_one_may_not_see_is_there_is_not_told(own, ann, ben, closed, path):
    """In the same words as of one that is not there at all: in the room, in none."""
    path = path.replace("ROOM", quote(closed))
    told = {ben.reply("GET", path + quote(event), expect=(404, "M_NOT_FOUND")).body
            for event in (ann.send(closed, "secret"), "$nosuch", "$" + "A" * 43)}
    assert len(told) == 1 and b"event" in told.pop()


@pytest.mark.parametrize("prefix", ALL)
def test_an_event_one_may_not_see_is_404(own, ann, ben, closed, prefix):
    event = ann.send(closed, "private")
    ben.get(f"{prefix}/events/{quote(event)}", expect=(404, "M_NOT_FOUND"))
    ben.get(f"{prefix}/events/$nosuchevent", expect=(404, "M_NOT_FOUND"))


# --- /initialSync ------------------------------------------------------------


@pytest.mark.parametrize("prefix", ALL)
def test_initial_sync_shows_all_rooms_and_where_to_listen_on(ann, ben, closed, prefix):
    ann.set_state(closed, "m.room.topic", {"topic": "ours"})
    sent = [ann.send(closed, str(n)) for n in range(5)]
    invited = ben.create_room(invite=[ann.user_id])
    got = ann.get(prefix + "/initialSync", limit=3)
    assert isinstance(got["presence"], list) and got["end"]
    rooms = {r["room_id"]: r for r in got["rooms"]}
    assert set(rooms) == {closed, invited}
    room = rooms[closed]
    assert room["membership"] == "join" and room["visibility"] == "private"
    assert ids(room["messages"]["chunk"]) == sent[-3:]
    state = {(e["type"], e["state_key"]): e for e in room["state"]}
    assert state["m.room.topic", ""]["content"] == {"topic": "ours"}
    assert state["m.room.topic", ""].get("user_id", ann.user_id) == ann.user_id
    older = ann.messages(closed, "b", from_=room["messages"]["start"], limit=2)
    assert ids(older["chunk"]) == sent[1::-1]
    assert rooms[invited]["membership"] == "invite"
    assert rooms[invited]["invite"]["content"]["membership"] == "invite"
    assert "state" not in rooms[invited] or not any(
        e["type"] == "m.room.power_levels" for e in rooms[invited]["state"])
    later = ann.send(closed, "later")
    assert ids(ann.events(got["end"])["chunk"]) == [later]


def test_initial_sync_of_somebody_new_is_empty(ann):
    assert ann.get(V1 + "/initialSync")["rooms"] == []


def test_initial_sync_shows_left_rooms_where_asked(ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    ben.leave(closed)
    assert ben.get(V1 + "/initialSync")["rooms"] == []
    got = ben.get(V1 + "/initialSync", archived="true")["rooms"]
    assert [(r["room_id"], r["membership"]) for r in got] == [(closed, "leave")]


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "-1"}])
def test_a_bad_limit_of_initial_sync_is_400(own, ann, hall, query):
    ann.get(V1 + "/initialSync", expect=400, **query)
    ann.get(V1 + ann.room(hall, "/initialSync"), expect=400, **query)


def test_initial_sync_of_all_rooms_is_not_for_guests(own, guest):
    guest.get(V1 + "/initialSync", expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


# --- /rooms/{roomId}/initialSync ---------------------------------------------


@pytest.mark.parametrize("prefix", ALL)
def test_a_peeker_reads_a_room_and_listens_on_without_a_gap(ann, guest, hall, prefix):
    sent = [ann.send(hall, str(n)) for n in range(4)]
    got = guest.get(prefix + guest.room(hall, "/initialSync"), limit=3)
    assert got["room_id"] == hall and "membership" not in got
    assert ids(got["messages"]["chunk"]) == sent[-3:]
    assert ("m.room.create", "") in {(e["type"], e["state_key"]) for e in got["state"]}
    older = guest.messages(hall, "b", from_=got["messages"]["start"], limit=1)
    assert ids(older["chunk"]) == [sent[0]]
    later = ann.send(hall, "later")
    page = guest.events(got["messages"]["end"], [hall], prefix=prefix)
    assert ids(page["chunk"]) == [later]


@pytest.mark.parametrize("prefix", ALL)
def test_a_member_reads_a_room(ann, closed, prefix):
    sent = ann.send(closed, "words")
    got = ann.get(prefix + ann.room(closed, "/initialSync"))
    assert got["room_id"] == closed and got["membership"] == "join"
    assert got["messages"]["chunk"][-1]["event_id"] == sent
    assert got.get("visibility", "private") == "private"
    assert isinstance(got.get("presence", []), list) and isinstance(got.get("receipts", []), list)
    assert isinstance(got.get("account_data", []), list)


def test_one_who_left_reads_the_room_as_it_was(ann, ben, closed):
    ann.invite(closed, ben.user_id)
    ben.join(closed)
    seen = ann.send(closed, "with ben")
    ben.leave(closed)
    hidden = ann.send(closed, "without ben")
    ann.set_state(closed, "m.room.topic", {"topic": "hidden"})
    got = ben.get(V1 + ben.room(closed, "/initialSync"))
    heard = ids(got["messages"]["chunk"])
    assert got["membership"] == "leave" and seen in heard and hidden not in heard
    assert not any(e["type"] == "m.room.topic" for e in got["state"])


@pytest.mark.parametrize("prefix", ALL)
def test_a_room_one_may_not_see_is_403(ann, ben, guest, closed, prefix):
    for who in (ben, guest):
        who.get(prefix + who.room(closed, "/initialSync"), expect=[
            NO_RIGHT, (403, "M_GUEST_ACCESS_FORBIDDEN")])
    ben.get(prefix + ben.room("!nosuchroom:localhost", "/initialSync"), expect=[
        NO_RIGHT, (404, "M_NOT_FOUND")])


def test_a_room_initial_sync_of_a_past_world_readable_room_hides_the_present(own, ann, guest):
    room = ann.public_room()
    ann.send(room, "open")
    ann.visibility(room, "joined")
    ann.send(room, "closed")
    got = guest.reply("GET", V1 + guest.room(room, "/initialSync"))
    assert b'"closed"' not in got.body


# --- across a restart ---------------------------------------------------------


def test_positions_and_guests_survive_a_restart(private):
    one = private()
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    position = guest.now([hall])
    before = ann.send(hall, "before")
    one.restart()
    after = ann.send(hall, "after")
    assert ids(guest.events(position, [hall])["chunk"]) == [before, after]
    again = ann.send(hall, "before", txn=fresh("t"))
    assert again not in (before, after)


def test_a_transaction_is_still_idempotent_after_a_restart(private):
    one = private()
    ann = one.api.register()
    room = ann.create_room()
    event = ann.send(room, "once", txn="the-one")
    one.restart()
    assert ann.send(room, "once", txn="the-one") == event
