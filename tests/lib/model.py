"""Who may see which event of a room: the specification's five rules, written out slowly.

Spec: client-server-api/#room-history-visibility, "Server behaviour". Takes a room's whole
timeline as its owner reads it, oldest first; knows nothing of the server.
"""


def member_of(content):
    return content.get("membership", "leave")


def states_around(timeline, user_id):
    """For each event: visibility before and after, the user's membership before and after."""
    visibility, membership = "shared", "leave"
    for event in timeline:
        before = visibility, membership
        if event["type"] == "m.room.history_visibility" and event.get("state_key") == "":
            value = event["content"].get("history_visibility")
            known = value in ("world_readable", "shared", "invited", "joined")
            visibility = value if known else "shared"
        if event["type"] == "m.room.member" and event.get("state_key") == user_id:
            membership = member_of(event["content"])
        yield event, before, (visibility, membership)


def is_allowed(visibility, membership, joins_later):
    if visibility == "world_readable":  # rule 1
        return True
    if membership == "join":  # rule 2
        return True
    if visibility == "shared" and joins_later:  # rule 3
        return True
    if membership == "invite" and visibility == "invited":  # rule 4
        return True
    return False  # rule 5


def visible(timeline, user_id):
    """The ids of the events that the user may see, oldest first."""
    around = list(states_around(timeline, user_id))
    last_join = max((at for at, (event, before, after) in enumerate(around)
                     if event["type"] == "m.room.member" and event.get("state_key") == user_id
                     and after[1] == "join"), default=-1)
    seen = []
    for at, (event, before, after) in enumerate(around):
        joins_later = last_join > at
        visibilities, memberships = {after[0]}, {after[1]}
        if event["type"] == "m.room.history_visibility":
            visibilities.add(before[0])
        if event["type"] == "m.room.member" and event.get("state_key") == user_id:
            memberships.add(before[1])
        if any(is_allowed(v, m, joins_later) for v in visibilities for m in memberships):
            seen.append(event["event_id"])
    return seen
