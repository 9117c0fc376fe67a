-- What has to be done after a fact, written in the transaction that makes the fact: letters, for now.
create table jobs (
    -- A number that people can type. Never used twice: the `Message-ID` of a letter is made of it.
    id integer not null primary key autoincrement,
    -- Which worker does it.
    kind text not null,
    -- What it is, for people: the name of the letter.
    about text not null,
    -- Sealed under the root secret (AES-256-GCM), because a letter may hold a link that signs somebody in. The row goes
    -- when the job is done, and the payload with it.
    sealed_payload blob not null,
    state text not null,
    -- How often it was taken. Also the fence of a lease: a worker that was too slow finds another number here.
    attempts bigint not null default 0,
    -- When it is due. Of a running job: when its lease ends, and anybody may take it. Of a dead one: when it died.
    due_at bigint not null,
    -- The first failure after this is the last.
    give_up_at bigint not null,
    created_at bigint not null,
    -- What kept the last attempt from success, in words without secrets.
    last_error text,

    constraint jobs_state_check check (state in ('waiting', 'running', 'dead'))
);

-- The next ones due. The dead leave it, so that they cost the workers nothing.
create index jobs_due_at_idx on jobs (due_at) where state <> 'dead';
