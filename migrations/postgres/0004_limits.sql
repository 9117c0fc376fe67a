-- How much of their quota keys have used: one instant for each key, whatever the quota (GCRA).
create table quotas (
    -- The HMAC of what is limited and for whom: no address rests here.
    key bytea not null primary key,
    -- When the quota is full again. Until then the row matters, afterwards it says nothing and is purged.
    full_at bigint not null
);

create index quotas_full_at_idx on quotas (full_at);

-- Wrong passwords in a row for one account from one address.
create table address_failures (
    -- The HMAC of the account, or of the name that nobody has.
    account bytea not null,
    -- The HMAC of the account and the address together.
    address bytea not null,
    failures bigint not null,
    -- How long the last one made its address wait, in milliseconds: the next one doubles it.
    wait bigint not null,
    -- When the next password is looked at.
    retry_at bigint not null,

    -- In this order, so that one account's are found together.
    constraint address_failures_pkey primary key (account, address)
);

create index address_failures_retry_at_idx on address_failures (retry_at);

-- Wrong passwords in a row for one account from all addresses together.
create table account_failures (
    account bytea not null primary key,
    -- Null for a name that nobody has, which is counted alike.
    user_id bigint,
    failures bigint not null,
    failed_at bigint not null,

    constraint account_failures_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

create index account_failures_user_id_idx on account_failures (user_id) where user_id is not null;
-- What a user has failed at is kept until they sign in; names that nobody has are purged.
create index account_failures_failed_at_idx on account_failures (failed_at) where user_id is null;

-- Where users have signed in.
create table known_addresses (
    user_id bigint not null,
    -- The HMAC of the user and the address together, so that nobody sees who shares one.
    address bytea not null,
    signed_in_at bigint not null,

    constraint known_addresses_pkey primary key (user_id, address),
    constraint known_addresses_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

create index known_addresses_signed_in_at_idx on known_addresses (signed_in_at);
