"""What people say in rooms: contents of events, for tests of what is made of them."""

# Of a room that everybody may read, when it is made.
OPEN = {"type": "m.room.history_visibility", "state_key": "",
        "content": {"history_visibility": "world_readable"}}

POLL = {"m.poll": {"kind": "m.disclosed", "question": {"m.text": [{"body": "What to drink?"}]},
                   "answers": [{"m.id": "a", "m.text": [{"body": "Tea"}]},
                               {"m.id": "b", "m.text": [{"body": "Coffee"}]}]}}
OLD_POLL = {"org.matrix.msc3381.poll.start": {
    "kind": "org.matrix.msc3381.poll.undisclosed", "max_selections": 2,
    "question": {"org.matrix.msc1767.text": "What to eat?"},
    "answers": [{"id": "a", "org.matrix.msc1767.text": "Bread"},
                {"id": "b", "org.matrix.msc1767.text": "Rice"},
                {"id": "c", "org.matrix.msc1767.text": "Soup"}]}}


def html(body, formatted, **more):
    return {"msgtype": "m.text", "body": body, "format": "org.matrix.custom.html",
            "formatted_body": formatted, **more}


def reply_to(event_id, body="yes"):
    return {"msgtype": "m.text", "body": body,
            "m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}


def edit_of(event_id, body, **new):
    return {"msgtype": "m.text", "body": "* " + body, "m.new_content": {
        "msgtype": "m.text", "body": body, **new},
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id}}


def in_thread(event_id, body):
    return {"msgtype": "m.text", "body": body,
            "m.relates_to": {"rel_type": "m.thread", "event_id": event_id}}


def reaction(event_id, key):
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}}


def picture(url, **more):
    return {"msgtype": "m.image", "body": "a.png", "url": url, **more}


def vote(poll, *choices):
    return {"m.selections": list(choices),
            "m.relates_to": {"rel_type": "m.reference", "event_id": poll}}


def end(poll):
    return {"m.text": [{"body": "ended"}],
            "m.relates_to": {"rel_type": "m.reference", "event_id": poll}}
