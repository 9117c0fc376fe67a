-- One sign-in on one device: a row for the session, none for its tokens.
create table sessions (
    -- A UUID of version 7, 16 bytes: it grows with time, so new rows go to one end of the index. Bytes and not
    -- `uuid`, because SQLite has no such type.
    id bytea not null primary key,
    user_id bigint not null,
    -- How often the refresh token has been spent. A refresh is one conditional statement on it, so of any number of
    -- refreshes with one token a single one steps forward.
    generation bigint not null default 0,
    -- SHA-256 of the session's 128-bit secret. Random bits need no slow hash; a copy of this table makes no token.
    secret_digest bytea not null,
    -- When the generation last stepped: the token just spent is good for a moment longer.
    refreshed_at bigint not null,
    created_at bigint not null,
    -- The end that no refresh moves.
    expires_at bigint not null,
    -- Null while it is open. Kept after its end, until no token of it can be alive.
    ended_at bigint,
    end_reason text,
    -- What its owner sees in the list of devices.
    ip text,
    user_agent text,

    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade
) with (fillfactor = 80); -- room for a refresh to stay on its page: no indexed column changes (HOT)

-- The list of a user's sessions, ending all of them, and the cascade.
create index sessions_user_id_idx on sessions (user_id);
