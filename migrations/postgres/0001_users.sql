-- A person who can sign in.
create table users (
    -- A sequence never goes back: an id that has been used is never given to another user. Tokens and logs outlive
    -- their users.
    id bigint generated always as identity primary key,
    -- In canonical form already (domain and local part in lower case), so equal addresses are equal texts.
    email text not null,
    -- As its owner writes it; unique without regard to case by the index below.
    username text not null,
    -- With its scheme, cost and salt in front: `$2b$12$…`. Other schemes are told apart by their prefix.
    hashed_password text not null,
    is_active boolean not null default true,
    email_verified boolean not null default false,
    -- Sorted, separated by single spaces. A handful of words that are always read with the user: a table of their
    -- own would cost a join on every request and buy nothing.
    roles text not null default '',
    created_at bigint not null,
    updated_at bigint not null,

    constraint users_email_key unique (email)
);

-- A user name is ASCII, so `lower` means the same on both engines.
create unique index users_username_key on users (lower(username));
