-- A state event's own row says now whether it was redacted; nobody looks for all of them.
DROP INDEX events_redacted_state;
