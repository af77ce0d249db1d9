"""A client of /sync, as obvious as can be: it folds what it is told into what it has, and
fills the gaps. Whatever was told must add up to what an initial sync tells.
"""

import copy
import json


class Room:
    """What the client knows of a room that it is or was in."""

    def __init__(self):
        self.state, self.timeline, self.account_data, self.typing = {}, [], {}, []
        self.receipts, self.summary, self.counts = {}, {}, {}
        self.begins_late = False  # there was more before its timeline

    def add_state(self, event):
        self.state[event["type"], event["state_key"]] = event["event_id"]


class SyncClient:
    """One device with one filter."""

    def __init__(self, api, filter_=None, state_after=False):
        self.api, self.filter, self.state_after = api, filter_ or {}, state_after
        self.begin_anew()

    def begin_anew(self):
        self.since, self.known = None, set()
        self.joined, self.left, self.invites, self.knocks = {}, {}, {}, {}
        self.account_data = {}

    def keep(self):
        """A copy of what it has, to go back to."""
        names = ("since", "known", "joined", "left", "invites", "knocks", "account_data")
        return copy.deepcopy({name: getattr(self, name) for name in names})

    def go_back(self, kept):
        """Answers were lost: it asks from an older token."""
        for name, value in copy.deepcopy(kept).items():
            setattr(self, name, value)

    def ask(self, **query):
        return self.api.get("/sync", filter=json.dumps(self.filter), since=self.since,
                            use_state_after=True if self.state_after else None, **query)

    def sync(self, **query):
        """One step; is there anything new?"""
        got = self.ask(**query)
        rooms = got.get("rooms", {})
        for event in got.get("account_data", {}).get("events", []):
            if event["type"] == "m.ignored_user_list" and self.since is not None:
                self.begin_anew()  # what it has was told by other rules
                return True
            self.account_data[event["type"]] = event["content"]
        for room_id, told in rooms.get("join", {}).items():
            self.fold_joined(room_id, told)
        for room_id, told in rooms.get("leave", {}).items():
            self.fold_left(room_id, told)
        for room_id, told in rooms.get("invite", {}).items():
            self.move(room_id, self.invites, told["invite_state"]["events"])
        for room_id, told in rooms.get("knock", {}).items():
            self.move(room_id, self.knocks, told["knock_state"]["events"])
        moved = self.since is not None and bool(rooms or got.get("account_data"))
        self.since = got["next_batch"]
        return moved

    def move(self, room_id, to, value):
        """A room is one thing at a time; what was known of one that was left is kept."""
        for place in (self.joined, self.left, self.invites, self.knocks):
            if place is not to:
                place.pop(room_id, None)
        to[room_id] = value
        return value

    def fold_joined(self, room_id, told):
        room = self.joined.get(room_id)
        is_new = room is None
        room = self.move(room_id, self.joined, Room() if is_new else room)
        self.fold_room(room_id, room, told, is_new)
        for event in told.get("ephemeral", {}).get("events", []):
            if event["type"] == "m.typing":
                room.typing = event["content"]["user_ids"]
            if event["type"] == "m.receipt":
                self.fold_receipts(room, event["content"])
        room.summary.update(told.get("summary", {}))
        room.counts.update(told.get("unread_notifications", {}))

    def fold_receipts(self, room, content):
        for event_id, kinds in content.items():
            for kind, users in kinds.items():
                for user_id, data in users.items():
                    room.receipts[kind, user_id, data.get("thread_id")] = event_id, data["ts"]

    def fold_left(self, room_id, told):
        """What a room was when it was left: the increments end there."""
        is_new = room_id not in self.joined
        room = self.joined.get(room_id) or self.left.get(room_id) or Room()
        self.move(room_id, self.left, room)
        self.fold_room(room_id, room, told, is_new)

    def fold_room(self, room_id, room, told, is_new):
        timeline = told["timeline"]
        assert ("state_after" in told) == self.state_after
        assert ("state" in told) != self.state_after
        for event in told["state_after" if self.state_after else "state"]["events"]:
            room.add_state(event)
        events = timeline["events"]
        if is_new:
            room.begins_late = timeline["limited"]
        if timeline["limited"] and not is_new:
            events = self.gap(room_id, timeline["prev_batch"]) + events
        for event in events:
            key = room_id, event["event_id"]
            assert is_new or key not in self.known, f"{event['event_id']} came twice"
            self.known.add(key)
            room.timeline.append(event["event_id"])
        if not self.state_after:
            for event in timeline["events"]:
                if "state_key" in event:
                    room.add_state(event)
        for event in told.get("account_data", {}).get("events", []):
            room.account_data[event["type"]] = event["content"]

    def gap(self, room_id, prev_batch):
        """What lies between the last sync and this one's timeline, oldest first."""
        got, token = [], prev_batch
        timeline = self.filter.get("room", {}).get("timeline")
        while token is not None:
            page = self.api.messages(room_id, "b", from_=token, to=self.since, limit=50,
                                     filter=json.dumps(timeline) if timeline else None)
            got += page["chunk"]
            token = page.get("end")
        return got[::-1]

    def catch_up(self):
        while self.sync():
            pass


def same_state(mine, fresh, filter_, what):
    """What the filter keeps out of `state` a timeline may tell, or not. Lazily loaded
    members may be known to one of the two alone; never differently."""
    if "types" in filter_:
        mine, fresh = ({key: one for key, one in some.items() if key[0] in filter_["types"]}
                       for some in (mine, fresh))
    if what in filter_.get("not_rooms", []):
        return
    if not filter_.get("lazy_load_members"):
        differs = {key: (mine.get(key), fresh.get(key)) for key in {*mine, *fresh}
                   if mine.get(key) != fresh.get(key)}
        assert not differs, (what, differs)
        return
    member = lambda key: key[0] == "m.room.member"
    assert ({k: v for k, v in mine.items() if not member(k)}
            == {k: v for k, v in fresh.items() if not member(k)}), what
    for key in fresh:
        assert mine.get(key) == fresh[key], (what, key)


def compare(client):
    """What has been folded is what a new client is told at once."""
    fresh = SyncClient(client.api, client.filter, client.state_after)
    fresh.sync()
    assert client.joined.keys() == fresh.joined.keys()
    assert client.invites.keys() == fresh.invites.keys()
    assert client.knocks.keys() == fresh.knocks.keys()
    assert client.account_data == fresh.account_data
    for room_id, room in fresh.left.items():
        own = "m.room.member", client.api.user_id
        assert client.left[room_id].state.get(own) == room.state.get(own), room_id
    for room_id, room in fresh.joined.items():
        mine = client.joined[room_id]
        same_state(mine.state, room.state,
                   client.filter.get("room", {}).get("state", {}), room_id)
        n = len(room.timeline)
        if mine.begins_late:
            n = min(n, len(mine.timeline))
        assert n == 0 or mine.timeline[-n:] == room.timeline[-n:], room_id
        assert {**mine.summary, **room.summary} == mine.summary  # heroes may be left over
        assert mine.counts == room.counts
        assert mine.account_data == room.account_data
        assert mine.receipts == room.receipts
        assert mine.typing == room.typing, (mine.typing, room.typing)
