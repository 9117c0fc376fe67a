-- What happened to accounts, sessions and keys: a row for each fact, written in the transaction of the fact.
create table audit_events (
    -- Given at the insert, so its order is not that of the commits: the chain has an order of its own.
    id bigint generated always as identity primary key,
    occurred_at bigint not null,
    -- What happened: `signed_in`, `roles_changed` …
    kind text not null,
    -- Who did it: `nobody` (a client that has not proved who it is), `user`, `admin`, `cli` or `system`.
    actor_kind text not null,
    actor_id bigint,
    -- Whose account it was done to. No foreign key: an event outlives its user, and names nobody but by number.
    user_id bigint,
    session_id bytea,
    ip text,
    user_agent text,
    request_id text,
    -- A small JSON object. Never an address, a name or a secret.
    details text not null,
    -- HMAC over all of the above but the id, made by whoever wrote the row: nobody else can add or alter one.
    tag bytea not null,
    -- The row's place in the chain, and the HMAC over the link before it, the place, the id and the tag. Null for the
    -- second or so until a node has chained the row: chaining inside the transaction would let one sign-in wait for
    -- the next.
    place bigint,
    link bytea,

    constraint audit_events_place_key unique (place)
);

-- Newest first, of everybody, of one user, of one kind.
create index audit_events_occurred_at_idx on audit_events (occurred_at, id);
create index audit_events_user_id_idx on audit_events (user_id, occurred_at, id) where user_id is not null;
create index audit_events_kind_idx on audit_events (kind, occurred_at, id);

-- The rows that wait for their place: a handful.
create index audit_events_unchained_idx on audit_events (id) where place is null;

-- The two ends of the chain. `base` is where it begins since older rows were forgotten, `head` where it ends.
create table audit_anchors (
    name text not null primary key,
    place bigint not null,
    link bytea not null,
    -- HMAC over the name, the place and the link.
    tag bytea not null
);

-- Counts every change of a user's row, so that two changes within a millisecond are two versions: an administrator's
-- change is held against the version that they have seen.
alter table users add column revision bigint not null default 0;

-- Addresses and names are ASCII in canonical form and compare by their bytes. So their unique indexes can be read in
-- order from a prefix on, whatever the collation of the database is.
alter table users alter column email type text collate "C";
alter table users alter column username type text collate "C";

-- The few who have a role: whether somebody is the last administrator is asked of these.
create index users_roles_idx on users (roles) where roles <> '';
