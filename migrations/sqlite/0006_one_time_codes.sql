-- What was sent to somebody by mail to prove that they read it there. One row for each user, purpose and address: a
-- newer code takes the place of the older. A code that is used is deleted, so of any number of uses one finds it.
create table one_time_codes (
    user_id bigint not null,
    purpose text not null,
    -- The address that the code went to, in canonical form. It proves nothing about any other.
    sent_to text not null,
    -- SHA-256 of the 256 random bits in the link. They need no slow hash; a copy of this table makes no link.
    token_digest blob not null,
    -- Of what may be typed instead, if anything: 40 bits could be found by trying, so this is under a key that does not
    -- rest here in the clear.
    typed_digest blob,
    created_at bigint not null,
    expires_at bigint not null,

    constraint one_time_codes_pkey primary key (user_id, purpose, sent_to),
    constraint one_time_codes_token_digest_key unique (token_digest),
    constraint one_time_codes_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint one_time_codes_purpose_check
        check (purpose in ('confirm_email', 'change_email', 'undo_email_change', 'reset_password'))
);

create index one_time_codes_typed_digest_idx on one_time_codes (typed_digest);
-- An address that can still be taken back is not given to anybody else.
create index one_time_codes_sent_to_idx on one_time_codes (sent_to);
create index one_time_codes_expires_at_idx on one_time_codes (expires_at);

-- What was asked for an address by somebody who may not learn whether it has an account. Written alike for every
-- address and answered at once; looked at afterwards, when nobody can measure the difference.
create table petitions (
    id integer not null primary key autoincrement,
    kind text not null,
    email text not null,
    -- Of a registration: the name, and the hash of the password.
    username text,
    hashed_password text,
    created_at bigint not null,

    constraint petitions_kind_check check (kind in ('reset_password', 'register'))
);
